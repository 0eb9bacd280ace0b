//! What the host, the buses and other parts give to a part: plugs, bus ports, child buses.

use super::Cx;
use crate::diag::suggest::article;
use crate::diag::{Diagnostic, codes, suggest};
use crate::expr::{Expr, ExprKind, Name};
use crate::typed::Entity;
use hetemu_schema::{Link, Master, PlugKind};

impl Cx<'_> {
    /// The single name that an expression is; anything else is reported.
    fn name_of<'e>(&mut self, e: &'e Expr, wanted: &str) -> Option<&'e Name> {
        if let ExprKind::Path(p) = &e.kind
            && let Some(name) = p.single()
        {
            return Some(name);
        }
        if !matches!(e.kind, ExprKind::Unknown) {
            let what = format!("the name of {wanted} is needed here");
            self.report(Diagnostic::new(codes::E0206, e.span, what));
        }
        None
    }

    /// `line = serial0`.
    pub(crate) fn link(&mut self, el: usize, link: &'static Link, value: &Expr) {
        let plug = self.plug(link, value);
        match plug {
            Some(p) => {
                let links = &mut self.elements[el].part.links;
                links.insert(link.name.to_string(), p);
            }
            None => self.elements[el].doubtful = true,
        }
    }

    fn plug(&mut self, link: &'static Link, value: &Expr) -> Option<String> {
        let wanted = "a plug";
        let name = self.name_of(value, wanted)?;
        let i = match self.lookup(name, wanted)? {
            Entity::Plug(i) => i,
            other => {
                self.wrong_kind(name, other, wanted);
                return None;
            }
        };
        let plug = self.m.plugs.get(i)?;
        let kind = PlugKind::from_word(&plug.kind.name)?;
        if kind != link.kind {
            let what = format!(
                "property `{}` needs {} plug and `{name}` is {} plug",
                link.name,
                article(link.kind.word()),
                article(kind.word())
            );
            let d = Diagnostic::new(codes::E0802, name.span, what);
            let d = d.also(plug.kind.span, format!("`{name}` is declared here"));
            let fits = self.m.plugs.iter().find(|p| p.kind.name == link.kind.word());
            self.report(match fits {
                Some(p) => d.help(format!("`{}` would fit", p.name)),
                None => d.help(format!("declare one: `plug {}0 : {0}`", link.kind.word())),
            });
            return None;
        }
        Some(plug.name.text.clone())
    }

    /// `bus = main`.
    pub(crate) fn master(&mut self, el: usize, port: &'static Master, value: &Expr) {
        let Some(name) = self.name_of(value, "a bus") else {
            self.elements[el].doubtful = true;
            return;
        };
        match self.lookup(name, "a bus") {
            Some(Entity::Bus(b)) => {
                self.elements[el].masters.insert(port.name.to_string(), b);
            }
            Some(other) => {
                self.wrong_kind(name, other, "a bus");
                self.elements[el].doubtful = true;
            }
            None => self.elements[el].doubtful = true,
        }
    }

    /// `on host.pcie @ 1f.0`: the child bus must exist and be of the kind that the part sits on.
    pub(crate) fn attach(&mut self, el: usize) {
        let Some(e) = self.elements.get(el) else { return };
        let ty = e.part.ty;
        let text = e.text;
        let Some((path, address)) = &text.on else {
            if let Some(kind) = ty.attaches
                && !e.doubtful
            {
                let kind = kind.replace(' ', " or ");
                let what = format!("`{}` sits on a {kind} bus and says on none", ty.full_name());
                let d = Diagnostic::new(codes::E0803, text.ty.span, what);
                self.report(d.help("write `on part.bus @ address` after its type"));
            }
            return;
        };
        let Some(head) = path.segs.first() else { return };
        let other = match self.lookup(&head.name, "a part") {
            None => return,
            Some(Entity::Part(p)) => p,
            Some(other) => return self.wrong_kind(&head.name, other, "a part"),
        };
        let group = self.groups.get(other).copied().unwrap_or_default();
        let Some(host) = self.elements.get(group.first).filter(|_| group.count > 0) else { return };
        let host_ty = host.part.ty;
        let child = match path.segs.as_slice() {
            [_, child] => host_ty.buses.iter().find(|b| b.name == child.name.text),
            _ => None,
        };
        let Some(child) = child else {
            let names: Vec<&str> = host_ty.buses.iter().map(|b| b.name).collect();
            let wanted = path.segs.get(1).map_or("", |s| s.name.text.as_str());
            let what = match wanted {
                "" => format!("`{}` says no bus of `{}`", path.dotted(), host_ty.full_name()),
                w => format!("`{}` has no bus `{w}`", host_ty.full_name()),
            };
            let d = Diagnostic::new(codes::E0303, path.span, what);
            self.report(match names.is_empty() {
                true => d.note("it provides no bus at all"),
                false => d.note(format!("it provides {}", suggest::list(names))),
            });
            return;
        };
        if !ty.sits_on(child.kind) {
            let what = match ty.attaches {
                Some(kind) => format!(
                    "`{}` sits on a {} bus, and `{}` is a {} bus",
                    ty.full_name(),
                    kind.replace(' ', " or "),
                    path.dotted(),
                    child.kind
                ),
                None => format!("`{}` sits on no bus of another part", ty.full_name()),
            };
            self.report(Diagnostic::new(codes::E0306, path.span, what));
            return;
        }
        let address = address.as_ref().map_or(String::new(), |a| a.text.clone());
        self.elements[el].on = Some((group.first, child.name.to_string(), address));
    }
}
