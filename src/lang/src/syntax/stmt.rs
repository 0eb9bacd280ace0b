//! Statements without the lines below them: one head each, from pest's pairs.

use super::ast::*;
use super::build::{Builder, find};
use super::file::empty_part;
use super::parser::Rule;
use crate::diag::{Diagnostic, codes};
use crate::expr::{Expr, ExprKind, Name, Path};
use crate::source::Span;
use pest::iterators::Pair;

/// A statement of the file that has no lines of its own below it, or a part.
pub(super) fn statement(b: &mut Builder<'_>, p: Pair<'_, Rule>, doc: String) -> Option<Stmt> {
    let rule = p.as_rule();
    let whole = b.span(&p);
    let inner = p.clone().into_inner();
    let ident = find(&inner, Rule::decl);
    let expr = find(&inner, Rule::expr);
    Some(match rule {
        Rule::param => {
            let range = find(&inner, Rule::range).and_then(|r| {
                let mut ends = r.into_inner().filter(|p| p.as_rule() == Rule::sum);
                Some((b.expr(ends.next()?), b.expr(ends.next()?)))
            });
            let (name, ty) = (b.opt_name(ident), b.opt_type(find(&inner, Rule::r#type)));
            Stmt::Param(Param { name, ty, default: expr.map(|e| b.expr(e)), range })
        }
        Rule::let_stmt => Stmt::Let(b.opt_name(ident), b.expr(expr?)),
        Rule::clock => match expr {
            Some(e) => Stmt::Clock(b.opt_name(ident), b.expr(e)),
            None => Stmt::ClockPort(b.opt_name(ident)),
        },
        Rule::port => {
            let width = find(&inner, Rule::width).and_then(|w| w.into_inner().next());
            let width = width.map(|w| b.expr(w));
            let kind = b.opt_type(find(&inner, Rule::r#type));
            let out = find(&inner, Rule::kw_out).is_some();
            Stmt::Port(ModulePort { name: b.opt_name(ident), out, width, kind })
        }
        Rule::replace => Stmt::Replace(part(b, find(&inner, Rule::part)?, doc)),
        Rule::final_set => Stmt::Final(setting(b, find(&inner, Rule::set)?)),
        Rule::remove => Stmt::Remove(b.path(find(&inner, Rule::path)?)),
        Rule::rewire | Rule::also => {
            let item = find(&inner, Rule::item)?;
            let Some(w) = wire(b, item) else {
                let d = Diagnostic::new(
                    codes::E0114,
                    whole,
                    "this is about a wire, and none stands here",
                );
                b.sink
                    .push(d.help("`rewire uart.irq -> plic[4]`; a value is set by `path = value`"));
                return None;
            };
            let act = if rule == Rule::also { Act::Also } else { Act::Rewire };
            Stmt::Wire(Wire { act, ..w })
        }
        Rule::plug => {
            let value = find(&inner, Rule::plug_val).map(|v| Name {
                text: v.as_str().trim().trim_matches('"').to_string(),
                span: b.span(&v),
            });
            let kind = b.opt_type(find(&inner, Rule::r#type));
            Stmt::Plug(Plug { name: b.opt_name(ident), kind, value })
        }
        Rule::part => Stmt::Part(part(b, p, doc)),
        Rule::item if expr.is_some() => Stmt::Set(setting(b, p)),
        Rule::item => Stmt::Wire(wire(b, p)?),
        Rule::require => {
            let reason = find(&inner, Rule::string).map(|s| s.as_str().trim_matches('"').into());
            let cond = find(&inner, Rule::cond)?;
            let span = b.span(&cond);
            let mut c = cond.into_inner();
            let (left, relation, right) = (c.next()?, c.next()?, c.next()?);
            let relation = relation.as_str().to_string();
            let (left, right) = (b.expr(left), b.expr(right));
            Stmt::Require(Require { left, relation, right, reason, span })
        }
        _ => {
            let d = Diagnostic::new(codes::E0114, whole, "this cannot stand here");
            b.sink.push(d);
            return None;
        }
    })
}

pub(super) fn part(b: &mut Builder<'_>, p: Pair<'_, Rule>, doc: String) -> Part {
    let inner = p.into_inner();
    let mut part = empty_part(b.opt_name(find(&inner, Rule::decl)));
    part.incomplete = false;
    part.doc = doc;
    part.ty = b.opt_type(find(&inner, Rule::r#type));
    part.array = find(&inner, Rule::array).and_then(|a| {
        let a = a.into_inner();
        Some((b.opt_name(find(&a, Rule::ident)), b.expr(find(&a, Rule::expr)?)))
    });
    part.on = find(&inner, Rule::on).and_then(|o| on(b, o));
    part
}

fn on(b: &mut Builder<'_>, p: Pair<'_, Rule>) -> Option<(Path, Option<Name>)> {
    let o = p.into_inner();
    let address = find(&o, Rule::unit_addr).map(|a| b.name(&a));
    Some((b.path(find(&o, Rule::path)?), address))
}

pub(super) fn setting(b: &mut Builder<'_>, p: Pair<'_, Rule>) -> Setting {
    let inner = p.into_inner();
    let path = find(&inner, Rule::path).map(|p| b.path(p));
    let path = path.unwrap_or_else(|| Path::bare([""]));
    let value = find(&inner, Rule::expr).map(|e| b.expr(e));
    let span = path.span;
    Setting { path, value: value.unwrap_or(Expr { kind: ExprKind::Unknown, span }) }
}

pub(super) fn wire(b: &mut Builder<'_>, p: Pair<'_, Rule>) -> Option<Wire> {
    let span = b.span(&p);
    let mut inner = p.into_inner();
    let (left, arrow, right) = (inner.next()?, inner.next()?, inner.next()?);
    let (left, right) = (b.path(left), b.path(right));
    let span = Span { end: right.span.end, ..span };
    let (act, layer) = (Act::Plain, 0);
    Some(match arrow.as_rule() {
        Rule::by => Wire { from: right, to: left, reversed: true, span, act, layer },
        Rule::to => Wire { from: left, to: right, reversed: false, span, act, layer },
        _ => return None,
    })
}

pub(super) fn row(b: &mut Builder<'_>, p: Pair<'_, Rule>, doc: String) -> Option<Row> {
    let inner = p.clone().into_inner();
    let place = find(&inner, Rule::place)?;
    let place_span = b.span(&place);
    let mut pieces = place.into_inner();
    let base = b.expr(pieces.next()?);
    let extent = match (pieces.next(), pieces.next()) {
        (Some(how), Some(e)) => match how.as_rule() {
            Rule::dotdot => Extent::To(b.expr(e)),
            Rule::plus => Extent::Size(b.expr(e)),
            _ => {
                let d = Diagnostic::new(codes::E0199, b.token(&how), "`step` is not built yet");
                b.sink.push(d.help("write a row for each element"));
                return None;
            }
        },
        _ => Extent::Type,
    };
    let target = b.path(find(&inner, Rule::path)?);
    let at = find(&inner, Rule::expr).map(|e| b.expr(e));
    let mut flags = Vec::new();
    for f in inner.clone().filter(|p| p.as_rule() == Rule::flag) {
        let name = b.name(&f);
        if matches!(name.text.as_str(), "secure" | "nonsecure" | "fault") {
            let what = format!("the flag `{name}` is not built yet");
            b.sink.push(Diagnostic::new(codes::E0199, name.span, what));
        }
        flags.push(name);
    }
    if let Some(a) = find(&inner, Rule::array) {
        let d = Diagnostic::new(codes::E0199, b.span(&a), "arrays in rows are not built yet");
        b.sink.push(d.help("write a row for each element"));
        return None;
    }
    let part = find(&inner, Rule::r#type).map(|_| {
        let mut part = part(b, p.clone(), doc);
        part.name = Name { text: target.dotted(), span: target.span };
        part
    });
    Some(Row { base, extent, place: place_span, target, at, flags, part, declares: false })
}
