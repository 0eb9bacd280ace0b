//! Overlays: above a machine, below the body that brings them in, and in no order among
//! themselves. Where two of them decide one thing differently, the body decides, or nobody.

use super::{Composer, Found, Want, paths};
use crate::diag::{Diagnostic, codes};
use crate::source::{FileId, Span};
use crate::syntax::ast::{self, Setting, Stmt, TypeRef, Use};
use crate::typed::{Layer, Machine};
use std::collections::{BTreeMap, BTreeSet};

/// What an overlay does to one fact.
enum Deed {
    Set(Setting),
    /// Where a part is replaced.
    Replace(Span),
    Remove(Span),
}

impl Deed {
    fn span(&self) -> Span {
        match self {
            Deed::Set(s) => crate::source::join(s.path.span, s.value.span),
            Deed::Replace(span) | Deed::Remove(span) => *span,
        }
    }

    fn agrees(&self, other: &Deed) -> bool {
        match (self, other) {
            (Deed::Set(a), Deed::Set(b)) => paths::same(&a.value, &b.value),
            (Deed::Remove(_), Deed::Remove(_)) => true,
            _ => false,
        }
    }
}

/// What a text decides, by the dotted path of the fact.
fn deeds(stmts: &[Stmt]) -> Vec<(String, Deed)> {
    let deed = |s: &Stmt| {
        Some(match s {
            Stmt::Set(s) | Stmt::Final(s) => (s.path.dotted(), Deed::Set(s.clone())),
            Stmt::Replace(p) => {
                let span = crate::source::join(p.name.span, p.ty.span);
                (p.name.text.clone(), Deed::Replace(span))
            }
            Stmt::Remove(p) => (super::remove::spell(p), Deed::Remove(p.span)),
            _ => return None,
        })
    };
    stmts.iter().filter_map(deed).collect()
}

impl Composer<'_> {
    /// Puts overlays above a machine; `body` is the text that brings them in.
    pub(super) fn overlays(
        &mut self,
        m: &mut Machine,
        with: &[TypeRef],
        from: FileId,
        uses: &[Use],
        body: &[Stmt],
    ) {
        let mut found: Vec<(Found, ast::File)> = Vec::new();
        for t in with {
            let Some(f) = self.resolve(t, from, uses, Want::Overlay) else {
                m.lost = true;
                continue;
            };
            if found.iter().any(|(g, _)| g.file == f.file) || self.circle(&f, t.span) {
                continue;
            }
            self.note(&f, t);
            let tree = self.take(f.file);
            self.made_for(m, &tree, t);
            found.push((f, tree));
        }
        // Their order in the text means nothing.
        found.sort_by(|(a, _), (b, _)| (&a.name, a.version).cmp(&(&b.name, b.version)));
        self.conflicts(&mut found, from, body);
        let rank = m.layers.last().map_or(0, |l| l.rank + 1);
        for (f, tree) in found {
            m.layers.push(Layer { name: f.full(), rank, file: f.file });
            let layer = m.layers.len() as u32 - 1;
            self.busy.push(f.file);
            self.apply(m, tree, layer, true);
            self.busy.pop();
        }
    }

    /// An overlay may say which base it is made for.
    fn made_for(&mut self, m: &Machine, tree: &ast::File, t: &TypeRef) {
        let Some(base) = tree.head.as_ref().and_then(|h| h.extends.as_ref()) else { return };
        let named = |l: &Layer| {
            let (name, version) = l.name.split_once('@').unwrap_or((&l.name, "1"));
            name == base.name && base.version.is_none_or(|v| v.to_string() == version)
        };
        if m.lost || m.layers.iter().any(named) {
            return;
        }
        let version = base.version.map_or(String::new(), |v| format!("@{v}"));
        let chain: Vec<&str> = m.layers.iter().rev().map(|l| l.name.as_str()).collect();
        let what = format!(
            "overlay `{}` needs `{}{version}`; this machine extends `{}`",
            t.name,
            base.name,
            chain.first().unwrap_or(&"nothing")
        );
        let d = Diagnostic::new(codes::E0704, t.span, what).also(base.span, "said here");
        self.sink.push(match chain.len() {
            0 | 1 => d,
            _ => d.note(format!("it is made from {}", chain.join(", "))),
        });
    }

    /// Two overlays that decide one fact differently, and the body does not.
    fn conflicts(&mut self, found: &mut [(Found, ast::File)], from: FileId, body: &[Stmt]) {
        let decided: BTreeSet<String> = deeds(body).into_iter().map(|(p, _)| p).collect();
        let mut by_fact: BTreeMap<String, Vec<(usize, Deed)>> = BTreeMap::new();
        for (i, (_, tree)) in found.iter().enumerate() {
            for (path, deed) in deeds(&tree.stmts) {
                by_fact.entry(path).or_default().push((i, deed));
            }
        }
        // To set a property of a part that another overlay swaps or removes is a conflict too.
        let heads: Vec<(String, String)> = by_fact
            .keys()
            .filter_map(|p| Some((p.clone(), p.split_once('.')?.0.to_string())))
            .collect();
        for (path, head) in heads {
            let inside: Vec<(usize, Deed)> = match by_fact.get(&path) {
                Some(all) => all
                    .iter()
                    .filter_map(|(i, d)| match d {
                        Deed::Set(s) => Some((*i, Deed::Set(s.clone()))),
                        _ => None,
                    })
                    .collect(),
                None => continue,
            };
            if let Some(whole) = by_fact.get_mut(&head) {
                whole.extend(inside);
            }
        }
        let file = self.sources.get(from).map_or("the machine", |f| f.name.as_str());
        let file = file.rsplit('/').next().unwrap_or(file).to_string();
        let mut drop: Vec<(usize, Span)> = Vec::new();
        for (path, all) in &by_fact {
            let Some((first, a)) = all.first() else { continue };
            let other = all.iter().find(|(i, b)| i != first && !a.agrees(b));
            let Some((second, b)) = other else { continue };
            if decided.contains(path) {
                continue;
            }
            let verb = match (a, b) {
                (Deed::Set(_), Deed::Set(_)) => "set",
                _ => "change",
            };
            let name = |i: &usize| found.get(*i).map_or("", |(f, _)| f.name.as_str()).to_string();
            let what = format!("two overlays {verb} `{path}` and neither is above the other");
            let d = Diagnostic::new(codes::E0702, b.span(), what).path(path.clone());
            let d = d.label(format!("overlay `{}`", name(second)));
            let d = d.also(a.span(), format!("overlay `{}`", name(first)));
            let write = match (a, b) {
                (Deed::Set(_), Deed::Set(_)) => format!("`{path} = ...`"),
                _ => format!("`replace {path} : ...` or `remove {path}`"),
            };
            self.sink.push(
                d.help(format!("decide in {file}: {write}"))
                    .note("the order of `with` never decides"),
            );
            drop.push((*second, b.span()));
        }
        for (i, span) in drop {
            if let Some((_, tree)) = found.get_mut(i) {
                tree.stmts.retain(|s| {
                    deeds(std::slice::from_ref(s)).first().is_none_or(|(_, d)| d.span() != span)
                });
            }
        }
    }

    /// An overlay that is checked by itself: with the base that it is made for, if it says so.
    pub(super) fn overlay_alone(&mut self, file: FileId, tree: ast::File) -> Machine {
        let Some(head) = tree.head.clone() else { return Machine::default() };
        let name = head.name.name.clone();
        self.busy.push(file);
        let m = match &head.extends {
            None => {
                let d = Diagnostic::new(
                    codes::N0712,
                    head.span,
                    "an overlay is no machine: only its syntax was checked",
                );
                let what = format!("write `overlay {name} extends BASE` to check it with its base");
                self.sink.push(d.help(what));
                let mut m = Machine { alone: true, ..Machine::default() };
                m.layers.push(Layer { name: name.clone(), rank: 0, file });
                m
            }
            Some(t) => {
                let mut m = self.base(t, file, &tree.uses, Want::Base);
                let layer = self.layer_of(&mut m, name.clone(), file);
                m.doc.clone_from(&tree.doc);
                self.apply(&mut m, tree, layer, true);
                m
            }
        };
        self.busy.pop();
        Machine { name, span: head.name.span, ..m }
    }
}
