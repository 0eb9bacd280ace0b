//! The ends of wires: which lines of which part a path means.

use super::eval::Var;
use super::{Cx, Group};
use crate::diag::{Diagnostic, codes, suggest};
use crate::expr::{Index, Name, Path, Seg};
use crate::source::Span;
use crate::typed::Entity;
use hetemu_graph::{PartId, Port};
use hetemu_schema::{DeviceType, Signal, SignalKind};

/// Which end of a wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Output,
    Input,
}

impl Side {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Side::Output => "output",
            Side::Input => "input",
        }
    }

    pub(crate) fn ports(self, ty: &'static DeviceType) -> &'static [Signal] {
        match self {
            Side::Output => ty.outputs,
            Side::Input => ty.inputs,
        }
    }

    fn other(self) -> Side {
        if self == Side::Output { Side::Input } else { Side::Output }
    }

    /// The port that a part's name alone means.
    fn default_name(self) -> &'static str {
        if self == Side::Output { "out" } else { Signal::DEFAULT }
    }
}

/// A resolved end.
pub(crate) struct End {
    pub(crate) lines: Vec<Port>,
    pub(crate) kind: SignalKind,
    /// The port's name, for messages.
    pub(crate) name: String,
    /// Where the index stands, or the whole end.
    pub(crate) index: Span,
    pub(crate) span: Span,
}

/// Lines that one wire can have: no port is wider.
const WIDEST: u64 = 4096;

impl Cx<'_> {
    /// An end in the braces of an element: the part's own port.
    pub(crate) fn own_end(&mut self, el: usize, p: &Path, side: Side, var: Var<'_>) -> Option<End> {
        let (port, rest) = p.segs.split_first()?;
        if !rest.is_empty() {
            let what = format!("`{}` is not a port of this part", p.dotted());
            let d = Diagnostic::new(codes::E0303, p.span, what);
            self.report(d.note("inside a part's braces the left side is the part's own"));
            return None;
        }
        self.port(&[el], Some(&port.name), port.index.as_ref(), side, p.span, var)
    }

    /// An end that names its part.
    pub(crate) fn far_end(&mut self, p: &Path, side: Side, var: Var<'_>) -> Option<End> {
        let (head, rest) = p.segs.split_first()?;
        let part = match self.lookup(&head.name, "a part")? {
            Entity::Part(i) => i,
            Entity::Pin(i) => return self.pin_end(i, p, var),
            other => {
                self.wrong_kind(&head.name, other, "a part");
                return None;
            }
        };
        let group = self.groups.get(part).copied().filter(|g| g.count > 0)?;
        let port = match rest {
            [] => None,
            [port] => Some(port),
            [_, more, ..] => {
                let what = format!("`{}` has a name too many", p.dotted());
                self.report(Diagnostic::new(codes::E0303, more.name.span, what));
                return None;
            }
        };
        let els = self.elements_of(head, group, port.is_some(), var)?;
        match port {
            Some(s) => self.port(&els, Some(&s.name), s.index.as_ref(), side, p.span, var),
            None if group.array => self.port(&els, None, None, side, p.span, var),
            None => self.port(&els, None, head.index.as_ref(), side, p.span, var),
        }
    }

    /// The elements that `name` or `name[index]` means.
    fn elements_of(
        &mut self,
        s: &Seg,
        group: Group,
        port_follows: bool,
        var: Var<'_>,
    ) -> Option<Vec<usize>> {
        match (&s.index, group.array) {
            (None, false) => Some(vec![group.first]),
            (Some(_), false) if !port_follows => Some(vec![group.first]),
            (Some(i), false) => {
                let what = format!("`{}` is not an array", s.name);
                self.report(Diagnostic::new(codes::E0307, i.span(), what));
                None
            }
            (None, true) => {
                let what =
                    format!("`{}` is an array of {}: say which element", s.name, group.count);
                let d = Diagnostic::new(codes::E0307, s.name.span, what);
                self.report(d.help(format!("`{0}[0]`, or `{0}[*]` for all of them", s.name)));
                None
            }
            (Some(i), true) => {
                let (lo, hi) = self.bounds(i, (0, group.count as u64), var)?;
                if hi >= group.count as u64 {
                    let n = group.count - 1;
                    let what =
                        format!("`{}[{hi}]` does not exist; its elements are 0 .. {n}", s.name);
                    self.report(Diagnostic::new(codes::E0404, i.span(), what));
                    return None;
                }
                Some((lo..=hi).map(|k| group.first + k as usize).collect())
            }
        }
    }

    /// First and last number of an index; `all` is first and count of everything there is.
    pub(super) fn bounds(
        &mut self,
        i: &Index,
        all: (u64, u64),
        var: Var<'_>,
    ) -> Option<(u64, u64)> {
        match i {
            Index::One(e) => self.count(e, var).map(|k| (k, k)),
            Index::All(_) => Some((all.0, all.0 + all.1.checked_sub(1)?)),
            Index::Range(a, b) => {
                let (lo, hi) = (self.count(a, var)?, self.count(b, var)?);
                if lo > hi {
                    let what = format!("this range is empty: {lo} is more than {hi}");
                    self.report(Diagnostic::new(codes::E0209, i.span(), what));
                    return None;
                }
                Some((lo, hi))
            }
        }
    }

    /// Lines of a port of one or more elements.
    fn port(
        &mut self,
        els: &[usize],
        name: Option<&Name>,
        index: Option<&Index>,
        side: Side,
        span: Span,
        var: Var<'_>,
    ) -> Option<End> {
        let el = *els.first()?;
        let ty = self.elements.get(el)?.part.ty;
        let (number, signal) = match name {
            Some(n) => match side.ports(ty).iter().position(|s| s.name == n.text) {
                Some(i) => (i, side.ports(ty).get(i)?),
                None => {
                    let d = self.no_port(el, n, side);
                    self.report(d);
                    return None;
                }
            },
            None => self.default_port(el, side, span)?,
        };
        let (first, count) = self.elements.get(el)?.lines(signal).or_else(|| {
            self.elements.get(el).is_some_and(|e| !e.doubtful).then_some((signal.first, 0))
        })?;
        let port_name = || match name {
            Some(n) => format!("{}.{n}", self.element_name(el)),
            None => self.element_name(el).to_string(),
        };
        let (lo, hi) = match index {
            None if signal.width.is_none() || count == 1 => (u64::from(first), u64::from(first)),
            None => {
                let last = (u64::from(first) + u64::from(count)).saturating_sub(1);
                let name = port_name();
                let what = format!("`{name}` has {count} lines: say which, {first} .. {last}");
                let d = Diagnostic::new(codes::E0404, span, what);
                self.report(d.help(format!("`{name}[{first}]`, or `{name}[*]` for all of them")));
                return None;
            }
            Some(i) if signal.width.is_none() => {
                let what = format!("`{}` is a single line and has no index", port_name());
                self.report(Diagnostic::new(codes::E0404, i.span(), what));
                return None;
            }
            Some(i) => {
                let all = (u64::from(first), u64::from(count));
                let (lo, hi) = self.bounds(i, all, var)?;
                let end = u64::from(first) + u64::from(count);
                if lo < u64::from(first) || hi >= end || hi - lo > WIDEST {
                    let d =
                        self.no_line(el, name, signal, if lo < u64::from(first) { lo } else { hi });
                    self.report(d(i.span(), (first, count)));
                    return None;
                }
                (lo, hi)
            }
        };
        if els.len() > 1 && hi > lo {
            let what = "a range of elements and a range of lines cannot stand in one end";
            self.report(Diagnostic::new(codes::E0406, span, what));
            return None;
        }
        let line = |el: usize, k: u64| Port {
            part: PartId(el as u32),
            port: number as u32,
            index: u32::try_from(k).unwrap_or(u32::MAX),
        };
        let lines = els.iter().flat_map(|el| (lo..=hi).map(move |k| line(*el, k))).collect();
        let index = index.map_or(span, Index::span);
        let name = format!("{}.{}", self.element_name(el), signal.name);
        Some(End { lines, kind: signal.kind, name, index, span })
    }

    /// The port that a part's name alone means.
    fn default_port(
        &mut self,
        el: usize,
        side: Side,
        span: Span,
    ) -> Option<(usize, &'static Signal)> {
        let ty = self.elements.get(el)?.part.ty;
        let ports = side.ports(ty);
        let named = ports.iter().position(|s| s.name == side.default_name());
        if let Some(i) = named.or((ports.len() == 1).then_some(0)) {
            return Some((i, ports.get(i)?));
        }
        let d = match ports {
            [] => self.no_ports_at_all(el, span, side),
            _ => {
                let what =
                    format!("say which {} of `{}` is meant", side.word(), self.element_name(el));
                let list = suggest::list(ports.iter().map(|s| s.name));
                Diagnostic::new(codes::E0303, span, what).note(format!("it has {list}"))
            }
        };
        self.report(d);
        None
    }

    fn no_ports_at_all(&self, el: usize, span: Span, side: Side) -> Diagnostic {
        let name = self.element_name(el);
        let (code, what) = match side {
            Side::Input => (codes::E0401, format!("`{name}` has no interrupt inputs")),
            Side::Output => (codes::E0303, format!("`{name}` has no outputs")),
        };
        let d = Diagnostic::new(code, span, what);
        let Some(e) = self.elements.get(el) else { return d };
        let of = e.part.ty.name;
        d.also(e.span(), format!("`{name}` is a {of}, which has no {}s at all", side.word()))
    }

    fn no_port(&self, el: usize, name: &Name, side: Side) -> Diagnostic {
        let Some(e) = self.elements.get(el) else {
            return Diagnostic::new(codes::E0303, name.span, "no such port");
        };
        let ty = e.part.ty;
        if side.other().ports(ty).iter().any(|s| s.name == name.text) {
            let (is, needed) = (side.other().word(), side.word());
            let what = format!("`{name}` of `{}` is an {is}, and an {needed} stands here", ty.name);
            let d = Diagnostic::new(codes::E0410, name.span, what);
            return d
                .help("the arrow points from the output to the input: `out -> in`, `in <- out`");
        }
        let ports = side.ports(ty);
        if ports.is_empty() {
            return self.no_ports_at_all(el, name.span, side);
        }
        let what = format!("`{}` has no {} `{name}`", ty.full_name(), side.word());
        let path = format!("{}.{name}", e.part.name);
        let mut d = Diagnostic::new(codes::E0303, name.span, what).path(path);
        let others = self.catalog.versions(ty.name);
        let newer = others.iter().find(|t| side.ports(t).iter().any(|s| s.name == name.text));
        if let Some(near) = suggest::nearest(&name.text, ports.iter().map(|s| s.name)) {
            d = d.fix(format!("did you mean `{near}`?"), name.span, near);
        }
        if let Some(t) = newer {
            d = d.help(format!("version {} of `{}` has it", t.version, ty.name));
        }
        d.note(format!("{}s are {}", side.word(), suggest::list(ports.iter().map(|s| s.name))))
    }

    /// `plic[200]` does not exist; the closure takes the place and the lines that there are.
    fn no_line(
        &self,
        el: usize,
        name: Option<&Name>,
        signal: &'static Signal,
        line: u64,
    ) -> impl Fn(Span, (u32, u32)) -> Diagnostic + use<> {
        let part = self.element_name(el).to_string();
        let port = match name {
            Some(n) => format!("{part}.{n}"),
            None => part.clone(),
        };
        let prop = signal.width.and_then(|c| c.prop);
        let from = prop.and_then(|p| Some((p, self.elements.get(el)?.part.int(p)?)));
        move |span, (first, count)| {
            let what = match count {
                0 => format!("`{port}[{line}]` does not exist; `{port}` has no lines"),
                n => {
                    let last = u64::from(first) + u64::from(n) - 1;
                    format!("`{port}[{line}]` does not exist; `{port}` has lines {first} .. {last}")
                }
            };
            let d = Diagnostic::new(codes::E0404, span, what).path(format!("{port}[{line}]"));
            match from {
                Some((p, n)) => d.note(format!("property `{p}` of `{part}` is {n}")),
                None => d,
            }
        }
    }
}
