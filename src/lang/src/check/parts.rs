//! Parts: their types, and arrays taken apart into elements.

use super::coerce::CORE;
use super::values::Val;
use super::{Cx, Group};
use crate::diag::{Diagnostic, codes, suggest};
use crate::expr::Expr;
use crate::source::Span;
use crate::typed::{Entity, Param, Part, TypeRef};
use hetemu_graph as graph;
use hetemu_schema::{Count, DeviceType, Lookup};
use std::collections::BTreeMap;

/// One part of the graph on its way: an element of an array or a single part.
pub(crate) struct Element<'m> {
    /// The part of the text.
    pub(crate) text: &'m Part,
    /// What has been resolved of it.
    pub(crate) part: graph::Part,
    /// `on`: element of the other part, child bus, unit address.
    pub(crate) on: Option<(usize, String, String)>,
    /// Bus ports, by the bus' index in the text.
    pub(crate) masters: BTreeMap<String, usize>,
    /// Something in its braces was lost or reported: what is missing is not reported again.
    pub(crate) doubtful: bool,
}

/// Arrays are taken apart, so they have an end.
const LONGEST: u64 = 4096;

impl<'m> Cx<'m> {
    pub(crate) fn check_parts(&mut self) {
        let m = self.m;
        for part in &m.parts {
            let first = self.elements.len();
            // A second declaration is left out: it has been reported.
            let first_of_name = self.is_first(&part.name);
            let count = self.array_count(part).filter(|_| first_of_name);
            let ty = self.device_type(&part.ty);
            if let (Some(ty), Some(count)) = (ty, count) {
                for k in 0..count {
                    let index = part.array.as_ref().map(|_| k as u32);
                    self.elements.push(element(part, ty, index));
                }
            }
            let count = self.elements.len() - first;
            self.groups.push(Group { first, count, array: part.array.is_some() });
        }
        // Settings may name parts further down, so they come after all types are known.
        for i in 0..self.elements.len() {
            self.settings_of(i);
        }
    }

    /// How many elements: 1 for a part that is no array.
    fn array_count(&mut self, part: &'m Part) -> Option<u64> {
        let Some((var, e)) = &part.array else { return Some(1) };
        if let Some((_, span)) = self.scope.get(var.text.as_str()) {
            let what = format!("`{var}` already means something in this machine");
            let d = Diagnostic::new(codes::E0301, var.span, what);
            let d = d.also(*span, "declared here").help("choose another letter for the index");
            self.report(d);
        }
        let n = self.count(e, None)?;
        if n == 0 || n > LONGEST {
            let what = format!("an array has 1 to {LONGEST} elements, and this one {n}");
            self.report(Diagnostic::new(codes::E0205, e.span, what));
            return None;
        }
        Some(n)
    }

    /// The schema of a type, which may be the name of a param; what is wrong with it is reported.
    fn device_type(&mut self, t: &TypeRef) -> Option<&'static DeviceType> {
        if let Some((Entity::Param(i), _)) = self.scope.get(t.name.as_str()).copied()
            && let Some(p) = self.m.params.get(i).filter(|p| p.ty.name == CORE)
        {
            let span = p.default.as_ref().map_or(p.name.span, |e| e.span);
            let Val::Str(name) = self.param(i) else { return None };
            return self.device_type(&TypeRef { name, version: None, span });
        }
        let locked = self.m.locked.get(&t.name).copied();
        let there = |v: &u32| matches!(self.catalog.find(&t.name, Some(*v)), Lookup::Found(_));
        let found = match self.catalog.find(&t.name, t.version.or(locked.filter(there))) {
            Lookup::Found(ty) => ty,
            _ if t.name.is_empty() => return None,
            Lookup::NoVersion => {
                let what = format!("`{}` has no version {}", t.name, t.version.unwrap_or(0));
                let all = self.catalog.versions(&t.name);
                let list: Vec<String> = all.iter().map(|v| v.version.to_string()).collect();
                let d = Diagnostic::new(codes::E0304, t.span, what);
                self.report(d.note(format!("versions are {}", list.join(", "))));
                return None;
            }
            Lookup::NoName => {
                let what = format!("there is no device type `{}`", t.name);
                let d = Diagnostic::new(codes::E0304, t.span, what);
                let d = self.similar_types(d, t);
                self.report(d);
                return None;
            }
        };
        if let Some(instead) = found.deprecated {
            let what = format!("`{}` is deprecated: {instead}", found.full_name());
            self.report(Diagnostic::new(codes::W0804, t.span, what));
        }
        Some(found)
    }

    /// A param whose value is the type of a core.
    pub(crate) fn core_param(&mut self, p: &Param, e: &Expr) -> Val {
        let name = match self.eval(e, None) {
            Val::Word(w) | Val::Str(w) => w,
            Val::Unknown => return Val::Unknown,
            other => {
                let what =
                    format!("`{}` is the type of a core, and this is {}", p.name, other.words());
                self.report(Diagnostic::new(codes::E0206, e.span, what));
                return Val::Unknown;
            }
        };
        // `rv32` is enough where one core type's last word is that.
        let short = |ty: &&DeviceType| {
            ty.core.is_some() && ty.name.rsplit('.').next() == Some(name.as_str())
        };
        let full = self.catalog.iter().find(short).map(|ty| ty.name.to_string());
        let known = !self.catalog.versions(&name).is_empty();
        let name = full.filter(|_| !known).unwrap_or(name);
        let t = TypeRef { name, version: None, span: e.span };
        match self.device_type(&t) {
            Some(ty) if ty.core.is_some() => Val::Str(t.name),
            Some(ty) => {
                let what = format!("`{}` is not a core", ty.full_name());
                let d = Diagnostic::new(codes::E0306, e.span, what);
                let cores = self.catalog.iter().filter(|t| t.core.is_some()).map(|t| t.name);
                self.report(d.note(format!("cores are {}", suggest::list(cores))));
                Val::Unknown
            }
            None => Val::Unknown,
        }
    }

    fn similar_types(&self, d: Diagnostic, t: &TypeRef) -> Diagnostic {
        let alias = self.catalog.iter().find(|ty| ty.aliases.contains(&t.name.as_str()));
        if let Some(ty) = alias {
            let what = format!("another tool's name for `{}`", ty.name);
            return d.fix(what, t.span, ty.name);
        }
        let names = self.catalog.iter().map(|ty| ty.name);
        let d = match suggest::nearest(&t.name, names) {
            Some(near) => {
                let versions = self.catalog.versions(near);
                let list: Vec<String> = versions.iter().map(|v| v.version.to_string()).collect();
                let s = if list.len() == 1 { "" } else { "s" };
                let list = list.join(", ");
                d.fix(format!("did you mean `{near}` (version{s} {list})?"), t.span, near)
            }
            None => d,
        };
        let family = t.name.split('.').next().unwrap_or("");
        let prefix = format!("{family}.");
        let same: Vec<&str> =
            self.catalog.iter().map(|ty| ty.name).filter(|n| n.starts_with(&prefix)).collect();
        match same.is_empty() {
            true => d.note("`hetemu device` lists all types"),
            false => d.note(format!("types of `{family}`: {}", suggest::list(same))),
        }
    }

    /// The name of an element, for messages: `rv[2]`.
    pub(crate) fn element_name(&self, el: usize) -> &str {
        self.elements.get(el).map_or("", |e| e.part.name.as_str())
    }
}

fn element<'m>(text: &'m Part, ty: &'static DeviceType, index: Option<u32>) -> Element<'m> {
    let name = match index {
        Some(k) => format!("{}[{k}]", text.name),
        None => text.name.text.clone(),
    };
    let part = graph::Part {
        name,
        ty,
        props: BTreeMap::new(),
        set: Vec::new(),
        links: BTreeMap::new(),
        clocks: BTreeMap::new(),
        masters: BTreeMap::new(),
        on: None,
        index,
        doc: text.doc.clone(),
        span: text.name.span,
    };
    let masters = BTreeMap::new();
    Element { text, part, on: None, masters, doubtful: text.incomplete }
}

impl Element<'_> {
    /// Where its name and type stand.
    pub(crate) fn span(&self) -> Span {
        self.text.name.span
    }

    /// How many lines a port of its type has, and the lowest number.
    pub(crate) fn lines(&self, s: &hetemu_schema::Signal) -> Option<(u32, u32)> {
        let n = match s.width {
            None => 1,
            // The property may be one that could not be read.
            Some(Count { prop: Some(p), .. })
                if self.doubtful && !self.part.set.iter().any(|s| s == p) =>
            {
                return None;
            }
            Some(count) => count.eval(|p| self.part.int(p))?,
        };
        Some((s.first, u32::try_from(n).unwrap_or(u32::MAX)))
    }
}
