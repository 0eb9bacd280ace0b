//! From pest's pairs to the syntax tree: expressions, paths and the pieces of statements.

use super::ast::*;
use super::parser::Rule;
use crate::diag::{Diagnostic, Sink, codes};
use crate::expr::{Expr, ExprKind, Function, Index, Name, Op, Path, Seg, Unit};
use crate::source::{FileId, Span, join};
use pest::iterators::{Pair, Pairs};

/// Builds the tree of one statement whose text begins at `base` in the file.
pub(crate) struct Builder<'a> {
    pub(crate) file: FileId,
    pub(crate) base: usize,
    pub(crate) sink: &'a mut Sink,
}

type P<'i> = Pair<'i, Rule>;

/// The first inner pair of a rule.
pub(crate) fn find<'i>(pairs: &Pairs<'i, Rule>, rule: Rule) -> Option<P<'i>> {
    pairs.clone().find(|p| p.as_rule() == rule)
}

impl Builder<'_> {
    pub(crate) fn span(&self, p: &P<'_>) -> Span {
        let s = p.as_span();
        // A composite rule that ends in an optional takes trailing blanks and comments into its
        // span.
        let text = s.as_str();
        let slash = text.as_bytes().contains(&b'/');
        let len = if slash { text.find("//").unwrap_or(text.len()) } else { text.len() };
        let len = text.get(..len).map_or(0, |t| t.trim_end().len());
        let start = self.base + s.start();
        Span { file: self.file, start: start as u32, end: (start + len) as u32 }
    }

    pub(crate) fn token(&self, p: &P<'_>) -> Span {
        let s = p.as_span();
        let (start, end) = (self.base + s.start(), self.base + s.end());
        Span { file: self.file, start: start as u32, end: end as u32 }
    }

    pub(crate) fn name(&self, p: &P<'_>) -> Name {
        Name { text: p.as_str().to_string(), span: self.token(p) }
    }

    pub(crate) fn opt_name(&self, p: Option<P<'_>>) -> Name {
        p.map_or_else(|| Name::bare(""), |p| self.name(&p))
    }

    pub(crate) fn type_ref(&self, p: &P<'_>) -> TypeRef {
        let text = p.as_str();
        let (name, version) = match text.split_once('@') {
            Some((n, v)) => (n, v.parse().ok()),
            None => (text, None),
        };
        TypeRef { name: name.trim().to_string(), version, span: self.token(p) }
    }

    /// The type inside `type = { name_ver }`, or the name itself.
    pub(crate) fn opt_type(&self, p: Option<P<'_>>) -> TypeRef {
        let inner = p.map(|p| match p.as_rule() {
            Rule::r#type => p.clone().into_inner().next().unwrap_or(p),
            _ => p,
        });
        inner.map_or_else(
            || TypeRef { name: String::new(), version: None, span: crate::source::NOWHERE },
            |p| self.type_ref(&p),
        )
    }

    pub(crate) fn path(&mut self, p: P<'_>) -> Path {
        let mut segs: Vec<Seg> = Vec::new();
        let mut span = self.span(&p);
        for s in p.into_inner().filter(|s| s.as_rule() == Rule::seg) {
            let end = self.span(&s).end;
            span.end = end;
            let mut inner = s.into_inner();
            let name = self.opt_name(inner.next());
            let index = inner.next().and_then(|i| self.index(i));
            segs.push(Seg { name, index });
        }
        Path { segs, span }
    }

    fn index(&mut self, p: P<'_>) -> Option<Index> {
        let inner = p.into_inner().next()?;
        Some(match inner.as_rule() {
            Rule::all => Index::All(self.token(&inner)),
            Rule::range => {
                let mut ends = inner.into_inner().filter(|p| p.as_rule() == Rule::sum);
                let (a, b) = (ends.next()?, ends.next()?);
                Index::Range(self.expr(a), self.expr(b))
            }
            _ => Index::One(self.expr(inner)),
        })
    }

    /// Any rule of the expression grammar.
    pub(crate) fn expr(&mut self, p: P<'_>) -> Expr {
        let span = self.span(&p);
        match p.as_rule() {
            Rule::expr | Rule::atom => match p.into_inner().next() {
                Some(inner) => self.expr(inner),
                None => unknown(span),
            },
            Rule::sum | Rule::product => self.chain(p, span),
            Rule::negative => match p.into_inner().next() {
                Some(inner) => {
                    let right = self.expr(inner);
                    let zero = Expr { kind: ExprKind::Number(0, 1, None), span };
                    Expr { kind: ExprKind::Binary(Op::Sub, zero.into(), right.into()), span }
                }
                None => unknown(span),
            },
            Rule::quantity => self.quantity(p, span),
            Rule::string => {
                let text = p.as_str().trim_matches('"').to_string();
                Expr { kind: ExprKind::Str(text), span: self.token(&p) }
            }
            Rule::boolean => {
                Expr { kind: ExprKind::Bool(p.as_str() == "true"), span: self.token(&p) }
            }
            Rule::list => {
                let items = p.into_inner().map(|e| self.expr(e)).collect();
                Expr { kind: ExprKind::List(items), span }
            }
            Rule::call => {
                let mut inner = p.into_inner();
                let function = match inner.next().map_or("", |f| f.as_str()) {
                    "min" => Function::Min,
                    "max" => Function::Max,
                    _ => Function::Align,
                };
                let args = inner.map(|e| self.expr(e)).collect();
                Expr { kind: ExprKind::Call(function, args), span }
            }
            Rule::path => {
                let path = self.path(p);
                let span = path.span;
                Expr { kind: ExprKind::Path(path), span }
            }
            _ => unknown(span),
        }
    }

    /// `a + b - c`, from the left.
    fn chain(&mut self, p: P<'_>, span: Span) -> Expr {
        let mut inner = p.into_inner();
        let Some(first) = inner.next() else { return unknown(span) };
        let mut left = self.expr(first);
        while let (Some(op), Some(right)) = (inner.next(), inner.next()) {
            let op = match op.as_rule() {
                Rule::plus => Op::Add,
                Rule::minus => Op::Sub,
                Rule::times => Op::Mul,
                _ => Op::Div,
            };
            let right = self.expr(right);
            let span = join(left.span, right.span);
            left = Expr { kind: ExprKind::Binary(op, left.into(), right.into()), span };
        }
        left
    }

    fn quantity(&mut self, p: P<'_>, span: Span) -> Expr {
        let mut inner = p.into_inner();
        let (Some(number), unit) = (inner.next(), inner.next()) else { return unknown(span) };
        let Some((n, d)) = number_of(number.as_str()) else {
            let at = self.token(&number);
            let what = format!("`{}` is larger than any value here", number.as_str());
            self.sink.push(Diagnostic::new(codes::E0207, at, what));
            return unknown(span);
        };
        let unit = unit.and_then(|u| match u.as_rule() {
            Rule::unit => Unit::find(u.as_str()),
            _ => self.bad_unit(&u, n, d),
        });
        Expr { kind: ExprKind::Number(n, d, unit), span }
    }

    /// Reports a unit that is not one, and goes on with the one that was meant.
    fn bad_unit(&mut self, u: &P<'_>, n: i128, d: i128) -> Option<Unit> {
        let (word, at) = (u.as_str(), self.token(u));
        let (right, unit) = Unit::meant(word)?;
        let decimal = match word {
            "KB" | "kB" => 1_000,
            "MB" => 1_000_000,
            "GB" => 1_000_000_000,
            "TB" => 1_000_000_000_000i128,
            _ => 0,
        };
        let bytes = n.checked_mul(decimal).map(|b| b / d.max(1));
        let message = match bytes {
            Some(bytes) if decimal > 0 && d == 1 => {
                format!("{n} {word} is {} bytes; sizes here are powers of two", grouped(bytes))
            }
            _ => format!("`{word}` is not a unit of this language"),
        };
        let mut diag = Diagnostic::new(codes::E0201, at, message);
        diag = diag.fix(format!("write `{right}`"), at, right);
        if matches!(word, "K" | "M" | "G" | "k" | "T") {
            diag =
                diag.note("frequencies are written in Hz, kHz, MHz, GHz; sizes in B, KiB .. TiB");
        }
        self.sink.push(diag);
        Some(unit)
    }
}

fn unknown(span: Span) -> Expr {
    Expr { kind: ExprKind::Unknown, span }
}

/// The value of a number token as a fraction of whole numbers.
fn number_of(text: &str) -> Option<(i128, i128)> {
    let digits: String = text.chars().filter(|c| *c != '_').collect();
    if let Some(hex) = digits.strip_prefix("0x") {
        return u64::from_str_radix(hex, 16).ok().map(|n| (i128::from(n), 1));
    }
    if let Some(bits) = digits.strip_prefix("0b") {
        return u64::from_str_radix(bits, 2).ok().map(|n| (i128::from(n), 1));
    }
    match digits.split_once('.') {
        None => digits.parse::<u64>().ok().map(|n| (i128::from(n), 1)),
        Some((whole, part)) => {
            let scale = 10i128.checked_pow(u32::try_from(part.len()).ok()?)?;
            let whole = i128::from(whole.parse::<u64>().ok()?);
            let n = whole.checked_mul(scale)?.checked_add(part.parse::<u64>().ok()?.into())?;
            (scale <= 1_000_000_000_000).then_some((n, scale))
        }
    }
}

/// 4000000000 as 4,000,000,000.
pub(crate) fn grouped(n: i128) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) && c != '-' {
            out.push(',');
        }
        out.push(c);
    }
    out
}
