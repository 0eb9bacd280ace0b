//! Every place where a statement refers to a name, so that names can be put in front of others and
//! found again.
//!
//! What stands on the left in a part's braces is the part's own and is left out; the variable of an
//! array is nobody's name.

use crate::expr::{Expr, ExprKind, Index, Name, Path};
use crate::syntax::ast::{Bus, Extent, Part, Require, Row, Setting, Wire};
use crate::typed::Machine;

/// Takes each path that refers to something.
pub(crate) type Visit<'v> = &'v mut dyn FnMut(&mut Path);

fn index(i: &mut Index, var: Option<&str>, f: Visit<'_>) {
    match i {
        Index::One(e) => expr(e, var, f),
        Index::Range(a, b) => {
            expr(a, var, f);
            expr(b, var, f);
        }
        Index::All(_) => {}
    }
}

/// The names in the brackets of a path.
fn indexes(p: &mut Path, var: Option<&str>, f: Visit<'_>) {
    for i in p.segs.iter_mut().filter_map(|s| s.index.as_mut()) {
        index(i, var, f);
    }
}

/// A path and what stands in its brackets.
pub(crate) fn path(p: &mut Path, var: Option<&str>, f: Visit<'_>) {
    indexes(p, var, f);
    let own = var.is_some_and(|v| p.single().is_some_and(|n| n.text == v));
    if !own {
        f(p);
    }
}

/// The paths of an expression.
pub(crate) fn expr(e: &mut Expr, var: Option<&str>, f: Visit<'_>) {
    match &mut e.kind {
        ExprKind::Path(p) => path(p, var, f),
        ExprKind::List(items) | ExprKind::Call(_, items) => {
            items.iter_mut().for_each(|i| expr(i, var, f));
        }
        ExprKind::Binary(_, a, b) => {
            expr(a, var, f);
            expr(b, var, f);
        }
        ExprKind::Number(..) | ExprKind::Str(_) | ExprKind::Bool(_) | ExprKind::Unknown => {}
    }
}

/// The paths of a part and of its braces. A type may be the name of a param.
pub(crate) fn part(p: &mut Part, f: Visit<'_>) {
    let var = p.array.as_ref().map(|(v, _)| v.text.clone());
    let var = var.as_deref();
    if let Some((_, count)) = &mut p.array {
        expr(count, None, f);
    }
    let mut ty = Path::bare([p.ty.name.as_str()]);
    f(&mut ty);
    if let [seg] = ty.segs.as_slice() {
        p.ty.name.clone_from(&seg.name.text);
    }
    if let Some((on, _)) = &mut p.on {
        path(on, None, f);
    }
    for s in &mut p.settings {
        expr(&mut s.value, var, f);
    }
    for w in &mut p.wires {
        let (own, far) =
            if w.reversed { (&mut w.to, &mut w.from) } else { (&mut w.from, &mut w.to) };
        indexes(own, var, f);
        let none = w.reversed && far.single().is_some_and(|n| n.text == "none");
        if !none {
            path(far, var, f);
        }
    }
}

/// The paths of a wire that stands outside of parts.
pub(crate) fn wire(w: &mut Wire, f: Visit<'_>) {
    path(&mut w.from, None, f);
    path(&mut w.to, None, f);
}

/// The paths of a row; the part that it declares is not among them.
pub(crate) fn row(r: &mut Row, f: Visit<'_>) {
    expr(&mut r.base, None, f);
    match &mut r.extent {
        Extent::Type => {}
        Extent::To(e) | Extent::Size(e) => expr(e, None, f),
    }
    path(&mut r.target, None, f);
    if let Some(e) = &mut r.at {
        expr(e, None, f);
    }
}

/// The paths of a bus, without those of the parts that its rows declare.
pub(crate) fn bus(b: &mut Bus, f: Visit<'_>) {
    values(&mut b.settings, f);
    b.rows.iter_mut().for_each(|r| row(r, f));
}

/// The values of settings.
pub(crate) fn values(settings: &mut [Setting], f: Visit<'_>) {
    settings.iter_mut().for_each(|s| expr(&mut s.value, None, f));
}

/// Both sides of a condition.
pub(crate) fn require(r: &mut Require, f: Visit<'_>) {
    expr(&mut r.left, None, f);
    expr(&mut r.right, None, f);
}

/// Every path of a machine.
pub(crate) fn machine(m: &mut Machine, f: Visit<'_>) {
    for p in &mut m.params {
        p.default.iter_mut().for_each(|e| expr(e, None, f));
        if let Some((a, b)) = &mut p.range {
            expr(a, None, f);
            expr(b, None, f);
        }
    }
    m.lets.iter_mut().chain(&mut m.clocks).for_each(|(_, e)| expr(e, None, f));
    m.buses.iter_mut().for_each(|b| bus(b, f));
    m.parts.iter_mut().for_each(|p| part(p, f));
    m.wires.iter_mut().for_each(|w| wire(w, f));
    m.cuts.iter_mut().for_each(|(p, _)| path(p, None, f));
    m.pins.iter_mut().filter_map(|p| p.width.as_mut()).for_each(|e| expr(e, None, f));
    values(&mut m.settings, f);
    for s in &mut m.elements {
        path(&mut s.path, None, f);
        expr(&mut s.value, None, f);
    }
    m.requires.iter_mut().for_each(|r| require(r, f));
}

/// Joins the first names of a path to the longest name that is declared: `soc.uart0.irq` is the
/// output `irq` of the part `soc.uart0`.
pub(crate) fn join(p: &mut Path, declared: &dyn Fn(&str) -> bool) {
    let mut text = String::new();
    let mut best = 0;
    for (i, s) in p.segs.iter().enumerate() {
        if i > 0 {
            text.push('.');
        }
        text.push_str(&s.name.text);
        if i > 0 && declared(&text) {
            best = i;
        }
        if s.index.is_some() {
            break;
        }
    }
    if best == 0 {
        return;
    }
    let rest = p.segs.split_off(best + 1);
    let first = p.segs.first().map_or(p.span, |s| s.name.span);
    let names: Vec<&str> = p.segs.iter().map(|s| s.name.text.as_str()).collect();
    let text = names.join(".");
    if let Some(mut last) = p.segs.pop() {
        let span = crate::source::join(first, last.name.span);
        last.name = Name { text, span };
        p.segs = vec![last];
    }
    p.segs.extend(rest);
}

/// Whether two expressions say the same, wherever they stand.
pub(crate) fn same(a: &Expr, b: &Expr) -> bool {
    let all =
        |x: &[Expr], y: &[Expr]| x.len() == y.len() && x.iter().zip(y).all(|(x, y)| same(x, y));
    match (&a.kind, &b.kind) {
        (ExprKind::Path(x), ExprKind::Path(y)) => same_path(x, y),
        (ExprKind::List(x), ExprKind::List(y)) => all(x, y),
        (ExprKind::Call(f, x), ExprKind::Call(g, y)) => f == g && all(x, y),
        (ExprKind::Binary(f, a, b), ExprKind::Binary(g, c, d)) => {
            f == g && same(a, c) && same(b, d)
        }
        (ExprKind::Number(..) | ExprKind::Str(_) | ExprKind::Bool(_), _) => a.kind == b.kind,
        _ => false,
    }
}

/// Whether two paths are spelled alike.
pub(crate) fn same_path(a: &Path, b: &Path) -> bool {
    let index = |x: &Option<Index>, y: &Option<Index>| match (x, y) {
        (None, None) | (Some(Index::All(_)), Some(Index::All(_))) => true,
        (Some(Index::One(x)), Some(Index::One(y))) => same(x, y),
        (Some(Index::Range(a, b)), Some(Index::Range(c, d))) => same(a, c) && same(b, d),
        _ => false,
    };
    let segs = a.segs.iter().zip(&b.segs);
    a.segs.len() == b.segs.len()
        && segs.into_iter().all(|(x, y)| x.name.text == y.name.text && index(&x.index, &y.index))
}
