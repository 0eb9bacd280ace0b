//! The texts of one check and what a word of them means, in whichever of them that is declared.
//!
//! A machine sees the names of its base and overlays as its own, and a module's behind the name
//! of the part that uses it (language specification, "Composition").

use crate::Checked;
use hetemu_lang::outline::{Kind, Role, Statement, Word, all, outline};
use hetemu_lang::{FileId, Ingredient, SourceMap, Span};
use std::collections::{BTreeMap, BTreeSet};

/// One text.
struct Shape {
    statements: Vec<Statement>,
    /// Names: where they are declared first, and the type's place.
    declared: BTreeMap<String, (Span, Option<u32>)>,
    /// Texts whose names are its own.
    below: Vec<FileId>,
}

/// All texts that a text is made of, itself the first.
pub(crate) struct Texts<'a> {
    pub(crate) sources: &'a SourceMap,
    shapes: BTreeMap<FileId, Shape>,
    /// What is named where.
    named: BTreeMap<(FileId, u32), &'a Ingredient>,
}

/// What a word means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Meaning {
    /// Its declaration.
    pub(crate) declared: Span,
    /// The word is the name itself, not a port of it.
    pub(crate) exact: bool,
}

impl<'a> Texts<'a> {
    pub(crate) fn new(checked: &'a Checked) -> Texts<'a> {
        let sources = &checked.sources;
        let named = checked.ingredients.iter().map(|i| ((i.span.0, i.span.1), i)).collect();
        let mut texts = Texts { sources, shapes: BTreeMap::new(), named };
        let files: BTreeSet<FileId> = checked.ingredients.iter().map(|i| i.file).collect();
        for file in std::iter::once(0).chain(files) {
            let Some(f) = sources.get(file).filter(|f| !f.name.ends_with(".toml")) else {
                continue;
            };
            let statements = outline(&f.text, file);
            let mut declared = BTreeMap::new();
            for s in all(&statements) {
                let ty = s.words.iter().find(|w| w.role == Role::Type).map(|w| w.span.start);
                for w in s.words.iter().filter(|w| w.role == Role::Declares) {
                    if s.kind != Kind::Machine {
                        declared.entry(w.text.clone()).or_insert((w.span, ty));
                    }
                }
            }
            texts.shapes.insert(file, Shape { statements, declared, below: Vec::new() });
        }
        for i in checked.ingredients.iter().filter(|i| i.kind != "module") {
            // A profile's names are its machine's; it declares none.
            if let Some(s) = texts.shapes.get_mut(&i.span.0)
                && !s.below.contains(&i.file)
            {
                s.below.push(i.file);
            }
        }
        texts
    }

    /// The files that share their names with one: its bases, and what is made from it.
    pub(crate) fn family(&self, file: FileId) -> BTreeSet<FileId> {
        let mut out = BTreeSet::from([file]);
        loop {
            let before = out.len();
            for (id, s) in &self.shapes {
                if out.contains(id) || s.below.iter().any(|b| out.contains(b)) {
                    out.insert(*id);
                    out.extend(&s.below);
                }
            }
            if out.len() == before {
                return out;
            }
        }
    }

    pub(crate) fn declares(&self, file: FileId, name: &str) -> bool {
        self.shapes.get(&file).is_some_and(|s| s.declared.contains_key(name))
    }

    pub(crate) fn name(&self, file: FileId) -> &str {
        self.sources.get(file).map_or("", |f| &f.name)
    }

    /// A name in a file or the ones below it.
    fn lookup(&self, file: FileId, name: &str) -> Option<(Span, Option<u32>)> {
        let mut seen = BTreeSet::new();
        let mut todo = vec![file];
        while let Some(file) = todo.pop() {
            let Some(shape) = self.shapes.get(&file).filter(|_| seen.insert(file)) else {
                continue;
            };
            if let Some(found) = shape.declared.get(name) {
                return Some(*found);
            }
            todo.extend(&shape.below);
        }
        None
    }

    fn module(&self, file: FileId, ty: Option<u32>) -> Option<FileId> {
        let found = self.named.get(&(file, ty?)).filter(|i| i.kind == "module");
        found.map(|i| i.file)
    }

    /// What a path means, as far as it leads through modules.
    fn walk<'n>(&self, file: FileId, path: impl Iterator<Item = &'n str>) -> Option<Meaning> {
        let mut inside = Some(file);
        let mut found: Option<Span> = None;
        for name in path {
            let next = inside.and_then(|f| self.lookup(f, name));
            let Some((span, ty)) = next else {
                return found.map(|declared| Meaning { declared, exact: false });
            };
            inside = self.module(span.file, ty);
            found = Some(span);
        }
        found.map(|declared| Meaning { declared, exact: true })
    }

    /// What a word means that stands in a statement, itself in the braces of another.
    fn meaning(&self, outer: Option<&Statement>, s: &Statement, w: &Word) -> Option<Meaning> {
        let file = w.span.file;
        match &w.role {
            Role::Declares if s.kind == Kind::Machine => None,
            Role::Name if local(s, &w.text) => None,
            Role::Declares | Role::Name => self.walk(file, std::iter::once(w.text.as_str())),
            Role::Member(of) => self.walk(file, of.split('.').chain([w.text.as_str()])),
            Role::Own => {
                let ty = outer?.words.iter().find(|w| w.role == Role::Type)?;
                let module = self.module(file, Some(ty.span.start))?;
                self.walk(module, std::iter::once(w.text.as_str()))
            }
            Role::Type | Role::Word | Role::Number => None,
        }
    }

    /// The word of the first text at a place, and what it means.
    pub(crate) fn at(&self, at: usize) -> Option<(Word, Meaning)> {
        let here = |w: &Word| w.span.start as usize <= at && at <= w.span.end as usize;
        let mut best: Option<(Word, Option<Meaning>)> = None;
        self.each(0, &mut |outer, s, w| {
            // Of two that touch, the one that begins here.
            if here(w) && best.as_ref().is_none_or(|(b, _)| b.span.start < w.span.start) {
                best = Some((w.clone(), self.meaning(outer, s, w)));
            }
        });
        best.and_then(|(w, m)| Some((w, m?)))
    }

    /// Every place that is the name of a declaration, in all texts.
    pub(crate) fn places(&self, name: &str, is: impl Fn(Span) -> bool) -> Vec<Span> {
        let mut out = Vec::new();
        for file in self.shapes.keys() {
            self.each(*file, &mut |outer, s, w| {
                let meant = (w.text == name).then(|| self.meaning(outer, s, w)).flatten();
                if meant.is_some_and(|m| m.exact && is(m.declared)) {
                    out.push(w.span);
                }
            });
        }
        out
    }

    fn each(&self, file: FileId, f: &mut dyn FnMut(Option<&Statement>, &Statement, &Word)) {
        let mut todo: Vec<(Option<&Statement>, &Statement)> = Vec::new();
        todo.extend(self.shapes.get(&file).iter().flat_map(|s| &s.statements).map(|s| (None, s)));
        while let Some((outer, s)) = todo.pop() {
            s.words.iter().for_each(|w| f(outer, s, w));
            todo.extend(s.items.iter().map(|i| (Some(s), i)));
        }
    }

    /// The text that is named at a place of the first one.
    pub(crate) fn text_at(&self, at: usize) -> Option<&'a Ingredient> {
        let (_, i) = self.named.range(..=(0, at as u32)).next_back()?;
        (i.span.0 == 0 && at <= i.span.2 as usize).then_some(*i)
    }

    /// Where a text says its own name.
    pub(crate) fn head(&self, file: FileId) -> Span {
        let statements = self.shapes.get(&file).map_or(&[][..], |s| &s.statements);
        let head = statements.iter().find(|s| s.kind == Kind::Machine);
        let name = head.and_then(|s| s.words.get(1)).map(|w| w.span);
        name.unwrap_or(Span { file, start: 0, end: 0 })
    }

    /// The path of the `use` at a place of the first text.
    pub(crate) fn used_at(&self, at: usize) -> Option<&'a str> {
        let text = &self.sources.get(0)?.text;
        let here = |s: &&Statement| s.span.start as usize <= at && at <= s.span.end as usize;
        let s = self.shapes.get(&0)?.statements.iter().find(here)?;
        let head = text.get(s.head.start as usize..s.head.end as usize)?;
        head.strip_prefix("use").and_then(|h| h.split('"').nth(1))
    }
}

/// Where the first text names what brings another one in.
pub(crate) fn bringer(ingredients: &[Ingredient], file: FileId) -> Option<Span> {
    let mut file = file;
    for _ in 0..32 {
        let i = ingredients.iter().find(|i| i.file == file)?;
        let (f, start, end) = i.span;
        if f == 0 {
            return Some(Span { file: 0, start, end });
        }
        file = f;
    }
    None
}

/// Whether a name means an array's variable in a statement: `rv[i < 4]`.
fn local(s: &Statement, name: &str) -> bool {
    let position = s.words.iter().position(|w| w.role == Role::Declares);
    let Some(next) = position.and_then(|p| s.words.get(p + 1)) else { return false };
    let declares = s.words.get(position.unwrap_or(0));
    let close = declares.is_some_and(|d| next.span.start == d.span.end + 1);
    next.text == name && close && next.role == Role::Name
}
