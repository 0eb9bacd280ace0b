//! What a row of a bus maps: a part, a region of one, or another bus.

use super::Cx;
use crate::diag::{Diagnostic, codes, suggest};
use crate::expr::{Index, Path, Seg};
use crate::typed::Entity;
use hetemu_schema::{DeviceType, Region};

/// The resolved target of a row.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Mapped {
    /// A region of an element.
    Region { el: usize, number: usize, region: &'static Region },
    /// A window into the bus of this index.
    Bus(usize),
}

/// The region that a part's name alone means: the only one, or the first.
pub(crate) fn default_region(ty: &'static DeviceType) -> Option<(usize, &'static Region)> {
    let named = ty.regions.iter().position(|r| matches!(r.name, "regs" | "mem"));
    let i = named.unwrap_or(0);
    ty.regions.get(i).map(|r| (i, r))
}

impl Cx<'_> {
    /// What a path on a row means; what it cannot mean is reported.
    pub(crate) fn target(&mut self, p: &Path) -> Option<Mapped> {
        let (head, rest) = p.segs.split_first()?;
        match self.lookup(&head.name, "a part")? {
            Entity::Bus(b) => match (rest.first(), &head.index) {
                (None, None) => Some(Mapped::Bus(b)),
                (Some(more), _) => {
                    let what = format!("bus `{}` has no regions: `{}`", head.name, p.dotted());
                    self.report(Diagnostic::new(codes::E0303, more.name.span, what));
                    None
                }
                (None, Some(i)) => {
                    let what = format!("bus `{}` is not an array", head.name);
                    let d = Diagnostic::new(codes::E0307, i.span(), what);
                    self.report(d.help("`@ address` says where the window begins"));
                    None
                }
            },
            Entity::Part(part) => {
                let el = self.row_element(head, part)?;
                let ty = self.elements.get(el)?.part.ty;
                match rest.first() {
                    None => match default_region(ty) {
                        Some((number, region)) => Some(Mapped::Region { el, number, region }),
                        None => {
                            let what =
                                format!("`{}` has nothing that a bus can map", ty.full_name());
                            let d = Diagnostic::new(codes::E0303, head.name.span, what);
                            self.report(
                                d.help("declare it outside of the bus, without an address"),
                            );
                            None
                        }
                    },
                    Some(name) => self.region(el, ty, name),
                }
            }
            other => {
                self.wrong_kind(&head.name, other, "a part or a bus");
                None
            }
        }
    }

    fn region(&mut self, el: usize, ty: &'static DeviceType, s: &Seg) -> Option<Mapped> {
        let found = ty.regions.iter().position(|r| r.name == s.name.text);
        if let Some(number) = found {
            return Some(Mapped::Region { el, number, region: ty.regions.get(number)? });
        }
        let what = format!("`{}` has no region `{}`", ty.full_name(), s.name);
        let d = Diagnostic::new(codes::E0303, s.name.span, what);
        let names = || ty.regions.iter().map(|r| r.name);
        let d = match suggest::nearest(&s.name.text, names()) {
            Some(near) => d.fix(format!("did you mean `{near}`?"), s.name.span, near),
            None => d,
        };
        self.report(match ty.regions.is_empty() {
            true => d.note("it has nothing that a bus can map"),
            false => d.note(format!("regions are {}", suggest::list(names()))),
        });
        None
    }

    fn row_element(&mut self, head: &Seg, part: usize) -> Option<usize> {
        let group = self.groups.get(part).copied().filter(|g| g.count > 0)?;
        match (&head.index, group.array) {
            (None, false) => Some(group.first),
            (Some(Index::One(e)), true) => {
                let k = self.count(e, None)?;
                if k >= group.count as u64 {
                    let n = group.count - 1;
                    let what =
                        format!("`{}[{k}]` does not exist; its elements are 0 .. {n}", head.name);
                    self.report(Diagnostic::new(codes::E0404, e.span, what));
                    return None;
                }
                Some(group.first + k as usize)
            }
            (_, true) => {
                let what = format!("`{}` is an array: a row maps one element", head.name);
                let d = Diagnostic::new(codes::E0307, head.name.span, what);
                self.report(d.help(format!("`{}[0]`", head.name)));
                None
            }
            (Some(i), false) => {
                let what = format!("`{}` is not an array", head.name);
                self.report(Diagnostic::new(codes::E0307, i.span(), what));
                None
            }
        }
    }
}
