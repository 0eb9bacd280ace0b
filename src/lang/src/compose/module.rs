//! Modules written out in place: `soc : earlgrey { ... }` gives `soc.uart0`.
//!
//! Params, values and clocks of the module become the machine's under their full names, so that
//! their types and ranges are checked where they stand and the layers above can set them. A plug
//! or bus that the module is given is referred to directly; signal ports stay until wires are
//! resolved ([`crate::typed::Pin`]).

use super::layer::Ground;
use super::{Composer, DEEPEST, Found, paths};
use crate::diag::{Diagnostic, codes, suggest};
use crate::expr::{Expr, ExprKind, Name, Path, Seg};
use crate::source::{FileId, Span};
use crate::syntax::ast::{self, Bus, Part, Setting, Stmt, Wire};
use crate::typed::{Instance, Machine, Pin};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Modules in one machine.
const MOST: usize = 4096;

/// Names of a module as its machine calls them.
struct Scope {
    prefix: String,
    names: BTreeSet<String>,
    /// What the module is given: ports that mean something of the machine.
    given: BTreeMap<String, Path>,
}

impl Scope {
    fn full(&self, name: &Name) -> Name {
        Name { text: format!("{}.{}", self.prefix, name.text), span: name.span }
    }

    fn rename(&self, p: &mut Path) {
        let Some(head) = p.segs.first_mut() else { return };
        if let Some(given) = self.given.get(&head.name.text) {
            let span = head.name.span;
            let index = head.index.take();
            let mut segs = given.segs.clone();
            segs.iter_mut().for_each(|s| s.name.span = span);
            if let (Some(last), Some(_)) = (segs.last_mut(), &index) {
                last.index = index;
            }
            p.segs.splice(0..1, segs);
        } else if self.names.contains(&head.name.text) {
            head.name.text = format!("{}.{}", self.prefix, head.name.text);
        }
    }
}

/// The name that a statement declares.
fn declares(stmt: &Stmt) -> Vec<&Name> {
    match stmt {
        Stmt::Param(p) => vec![&p.name],
        Stmt::Let(n, _) | Stmt::Clock(n, _) | Stmt::ClockPort(n) | Stmt::BusPort(n) => vec![n],
        Stmt::Plug(p) => vec![&p.name],
        Stmt::Part(p) => vec![&p.name],
        Stmt::Port(p) => vec![&p.name],
        Stmt::Bus(b) => {
            let parts = b.rows.iter().filter_map(|r| r.part.as_ref()).map(|p| &p.name);
            std::iter::once(&b.name).chain(parts).collect()
        }
        _ => Vec::new(),
    }
}

impl Composer<'_> {
    fn module(&mut self, file: FileId) -> Rc<ast::File> {
        if let Some(tree) = self.modules.get(&file) {
            return tree.clone();
        }
        let tree = Rc::new(self.take(file));
        self.modules.insert(file, tree.clone());
        tree
    }

    /// Writes a module out under the name of the part that uses it.
    pub(super) fn write_out(&mut self, m: &mut Machine, part: Part, found: &Found, g: &Ground) {
        if self.circle(found, part.ty.span) {
            m.unknown.push(part.name.text);
            return;
        }
        self.written += 1;
        let refused = match (&part.array, &part.on) {
            _ if self.written > MOST => Some(format!("more than {MOST} modules in one machine")),
            (Some(_), _) => Some(String::from("a module stands alone: it cannot be an array")),
            (_, Some(_)) => Some(format!("`{}` is a module: it sits on no bus", part.ty.name)),
            _ => None,
        };
        if let Some(what) = refused {
            let code = if self.written > MOST { codes::E0709 } else { codes::E0710 };
            let d = Diagnostic::new(code, part.ty.span, what);
            self.sink.push(match part.array {
                Some(_) => d.help("write one line for each: `tile0 : ...`, `tile1 : ...`"),
                None => d,
            });
            m.unknown.push(part.name.text);
            return;
        }
        let tree = self.module(found.file);
        let stmts = tree.stmts.clone();
        let mut scope = Scope {
            prefix: part.name.text.clone(),
            names: stmts.iter().flat_map(declares).map(|n| n.text.clone()).collect(),
            given: BTreeMap::new(),
        };
        for unknown in &tree.unknown {
            scope.names.insert(unknown.clone());
            m.unknown.push(format!("{}.{unknown}", scope.prefix));
        }
        m.gaps |= tree.gaps;
        m.lost |= tree.lost;
        let mut settings = self.settings(&part, &stmts, found);
        let stmts = self.ports(m, &part, stmts, &mut settings, &mut scope, found);
        let wires = self.port_wires(m, &part, &stmts, found, g);
        let name = part.name.clone();
        let instance = Instance { name, module: part.ty.clone(), wires, doc: part.doc.clone() };
        m.instances.push(instance);
        let inner = Ground {
            layer: g.layer,
            file: found.file,
            uses: tree.uses.clone(),
            taken: BTreeMap::new(),
            above: false,
        };
        self.busy.push(found.file);
        let mut sets = Vec::new();
        let mut adds = Vec::new();
        for stmt in stmts {
            match self.renamed(stmt, &scope, &mut settings) {
                Some(Stmt::Set(s)) => sets.push((s, false)),
                Some(Stmt::Final(s)) => sets.push((s, true)),
                Some(Stmt::Wire(w)) => m.wires.push(Wire { layer: g.layer, ..w }),
                Some(Stmt::Port(p)) => m.pins.push(Pin {
                    name: p.name,
                    out: p.out,
                    width: p.width,
                    kind: p.kind,
                    instance: part.name.span,
                }),
                Some(Stmt::Remove(p)) => self.no_base(p.span),
                Some(Stmt::Replace(p)) => self.no_base(p.name.span),
                Some(other) => adds.push(other),
                None => {}
            }
        }
        self.add_all(m, adds, &inner);
        for (s, last) in sets {
            self.set(m, s, last, g.layer);
        }
        self.busy.pop();
    }

    fn no_base(&mut self, at: Span) {
        let what = "a module is made from nothing: there is nothing below to change";
        self.sink.push(Diagnostic::new(codes::E0711, at, what));
    }

    /// The settings of the braces, each of something that the module has.
    fn settings(
        &mut self,
        part: &Part,
        stmts: &[Stmt],
        found: &Found,
    ) -> BTreeMap<String, Setting> {
        let mut out: BTreeMap<String, Setting> = BTreeMap::new();
        let takes: Vec<&str> = stmts
            .iter()
            .filter_map(|s| match s {
                Stmt::Param(p) => Some(p.name.text.as_str()),
                Stmt::Clock(n, _) | Stmt::ClockPort(n) | Stmt::BusPort(n) => Some(n.text.as_str()),
                Stmt::Plug(p) => Some(p.name.text.as_str()),
                _ => None,
            })
            .collect();
        for s in &part.settings {
            let name = s.path.dotted();
            if !takes.contains(&name.as_str()) {
                let what = format!("module `{}` takes no `{name}`", found.full());
                let d = Diagnostic::new(codes::E0801, s.path.span, what);
                let d = d.path(format!("{}.{name}", part.name));
                let d = match suggest::nearest(&name, takes.iter().copied()) {
                    Some(near) => d.fix(format!("did you mean `{near}`?"), s.path.span, near),
                    None => d,
                };
                let list = suggest::list(takes.iter().copied());
                self.sink.push(match list.is_empty() {
                    true => d.note("it has no params, clocks, plugs and buses"),
                    false => d.note(format!("it takes {list}")),
                });
            } else if let Some(first) = out.get(&name) {
                let what = format!("`{name}` is set twice");
                let d = Diagnostic::new(codes::E0806, s.path.span, what);
                self.sink.push(d.also(first.path.span, "the first time"));
            } else {
                out.insert(name, s.clone());
            }
        }
        out
    }

    /// Takes the ports that mean something of the machine out of the module.
    fn ports(
        &mut self,
        m: &mut Machine,
        part: &Part,
        stmts: Vec<Stmt>,
        settings: &mut BTreeMap<String, Setting>,
        scope: &mut Scope,
        found: &Found,
    ) -> Vec<Stmt> {
        let mut out = Vec::with_capacity(stmts.len());
        for stmt in stmts {
            match stmt {
                Stmt::BusPort(n) => match settings.remove(&n.text) {
                    Some(Setting { value: Expr { kind: ExprKind::Path(p), .. }, .. }) => {
                        scope.given.insert(n.text, p);
                    }
                    Some(s) => {
                        let what = "the name of a bus is needed here";
                        self.sink.push(Diagnostic::new(codes::E0206, s.value.span, what));
                        scope.given.insert(n.text, unknown(m));
                    }
                    None => {
                        let bus = m.buses.first().map(|b| b.name.text.as_str());
                        self.not_given(part, found, &n, "bus", bus);
                        scope.given.insert(n.text, unknown(m));
                    }
                },
                Stmt::ClockPort(n) => {
                    let value = settings.remove(&n.text).map(|s| s.value).unwrap_or_else(|| {
                        let clock = m.clocks.first().map(|c| c.0.text.as_str());
                        self.not_given(part, found, &n, "clock", clock);
                        Expr { kind: ExprKind::Unknown, span: n.span }
                    });
                    settings.insert(n.text.clone(), Setting { path: Path::bare(["clk"]), value });
                    let span = n.span;
                    out.push(Stmt::Clock(n, Expr { kind: ExprKind::Unknown, span }));
                }
                Stmt::Param(p) => {
                    if p.default.is_none() && !settings.contains_key(&p.name.text) {
                        self.not_given(part, found, &p.name, "param", None);
                        let span = p.name.span;
                        let value = Expr { kind: ExprKind::Unknown, span };
                        let path = Path::bare(["param"]);
                        settings.insert(p.name.text.clone(), Setting { path, value });
                    }
                    out.push(Stmt::Param(p));
                }
                Stmt::Plug(mut p) => match settings.remove(&p.name.text).map(|s| s.value) {
                    None => out.push(Stmt::Plug(p)),
                    Some(Expr { kind: ExprKind::Str(text), span }) => {
                        p.value = Some(Name { text, span });
                        out.push(Stmt::Plug(p));
                    }
                    Some(Expr { kind: ExprKind::Path(path), span }) => {
                        let text = path.dotted();
                        let plug = m.plugs.iter().any(|p| p.name.text == text);
                        if plug || m.declared().any(|(n, _)| n.text == text) {
                            scope.given.insert(p.name.text, path);
                        } else {
                            p.value = Some(Name { text, span });
                            out.push(Stmt::Plug(p));
                        }
                    }
                    Some(e) => {
                        let what = "a plug, or what is plugged in, is needed here";
                        self.sink.push(Diagnostic::new(codes::E0206, e.span, what));
                    }
                },
                other => out.push(other),
            }
        }
        out
    }

    fn not_given(&mut self, part: &Part, found: &Found, n: &Name, what: &str, one: Option<&str>) {
        let text = format!("module `{}` needs {what} `{n}`, and none is given", found.full());
        let d = Diagnostic::new(codes::E0803, part.ty.span, text);
        let d = d.also(n.span, "declared here").path(format!("{}.{n}", part.name));
        let one = one.unwrap_or("...");
        self.sink.push(d.help(format!("write `{n} = {one}` in the braces of `{}`", part.name)));
    }

    /// Wires of the braces, as wires of the machine; gives their places.
    fn port_wires(
        &mut self,
        m: &mut Machine,
        part: &Part,
        stmts: &[Stmt],
        found: &Found,
        g: &Ground,
    ) -> Vec<Span> {
        let mut spans = Vec::new();
        for w in &part.wires {
            let own = if w.reversed { &w.to } else { &w.from };
            let Some(name) = own.segs.first().map(|s| s.name.clone()) else { continue };
            let ports = stmts.iter().filter_map(|s| match s {
                Stmt::Port(p) => Some(p),
                _ => None,
            });
            let Some(port) = ports.clone().find(|p| p.name.text == name.text) else {
                let word = if w.reversed { "input" } else { "output" };
                let what = format!("module `{}` has no {word} `{name}`", found.full());
                let d = Diagnostic::new(codes::E0303, name.span, what);
                let names = || ports.clone().map(|p| p.name.text.as_str());
                let d = match suggest::nearest(&name.text, names()) {
                    Some(near) => d.fix(format!("did you mean `{near}`?"), name.span, near),
                    None => d,
                };
                let list = suggest::list(names());
                self.sink.push(match list.is_empty() {
                    true => d.note("it has no signal ports at all"),
                    false => d.note(format!("its ports are {list}")),
                });
                m.gaps = true;
                continue;
            };
            if port.out == w.reversed {
                let (is, arrow) = if port.out { ("out", "->") } else { ("in", "<-") };
                let what = format!("`{name}` is an `{is}` port: it stands before `{arrow}`");
                let d = Diagnostic::new(codes::E0410, w.span, what);
                self.sink.push(d.also(port.name.span, "declared here"));
                m.gaps = true;
                continue;
            }
            let mut wire = Wire { layer: g.layer, ..w.clone() };
            let end = if w.reversed { &mut wire.to } else { &mut wire.from };
            if let Some(first) = end.segs.first_mut() {
                first.name.text = format!("{}.{}", part.name, first.name.text);
            }
            spans.push(wire.span);
            m.wires.push(wire);
        }
        spans
    }

    /// A statement of a module as the machine has it.
    fn renamed(
        &mut self,
        stmt: Stmt,
        scope: &Scope,
        settings: &mut BTreeMap<String, Setting>,
    ) -> Option<Stmt> {
        let f = &mut |p: &mut Path| scope.rename(p);
        let mut given = |n: &Name| settings.remove(&n.text).map(|s| s.value);
        Some(match stmt {
            Stmt::Param(mut p) => {
                match given(&p.name) {
                    Some(value) => p.default = Some(value),
                    None => p.default.iter_mut().for_each(|e| paths::expr(e, None, f)),
                }
                if let Some((a, b)) = &mut p.range {
                    paths::expr(a, None, f);
                    paths::expr(b, None, f);
                }
                p.name = scope.full(&p.name);
                Stmt::Param(p)
            }
            Stmt::Let(n, mut e) => {
                paths::expr(&mut e, None, f);
                Stmt::Let(scope.full(&n), e)
            }
            Stmt::Clock(n, mut e) => {
                match given(&n) {
                    Some(value) => e = value,
                    None => paths::expr(&mut e, None, f),
                }
                Stmt::Clock(scope.full(&n), e)
            }
            Stmt::Plug(mut p) => {
                p.name = scope.full(&p.name);
                Stmt::Plug(p)
            }
            Stmt::Part(p) => Stmt::Part(self.renamed_part(p, scope)),
            Stmt::Bus(mut b) => {
                for row in &mut b.rows {
                    if let Some(part) = row.part.take() {
                        row.part = Some(self.renamed_part(part, scope));
                        let name =
                            scope.full(&Name { text: row.target.dotted(), span: row.target.span });
                        row.target.segs = vec![Seg { name, index: None }];
                        let mut target = std::mem::replace(&mut row.target, Path::bare([""]));
                        paths::row(row, f);
                        std::mem::swap(&mut row.target, &mut target);
                    } else {
                        paths::row(row, f);
                    }
                }
                paths::values(&mut b.settings, f);
                b.name = scope.full(&b.name);
                Stmt::Bus(b)
            }
            Stmt::Wire(mut w) => {
                paths::wire(&mut w, f);
                Stmt::Wire(w)
            }
            Stmt::Set(s) => Stmt::Set(self.renamed_setting(s, scope)?),
            Stmt::Final(s) => Stmt::Final(self.renamed_setting(s, scope)?),
            Stmt::Require(mut r) => {
                paths::require(&mut r, f);
                Stmt::Require(r)
            }
            Stmt::Port(mut p) => {
                p.width.iter_mut().for_each(|e| paths::expr(e, None, f));
                p.name = scope.full(&p.name);
                Stmt::Port(p)
            }
            other @ (Stmt::Remove(_) | Stmt::Replace(_)) => other,
            Stmt::ClockPort(_) | Stmt::BusPort(_) => return None,
        })
    }

    fn renamed_part(&mut self, mut p: Part, scope: &Scope) -> Part {
        paths::part(&mut p, &mut |path| scope.rename(path));
        p.name = scope.full(&p.name);
        p
    }

    fn renamed_setting(&mut self, mut s: Setting, scope: &Scope) -> Option<Setting> {
        if s.path.head() == "machine" && !scope.names.contains("machine") {
            let what = "a module cannot set the machine that it stands in";
            self.sink.push(Diagnostic::new(codes::E0710, s.path.span, what));
            return None;
        }
        let f = &mut |p: &mut Path| scope.rename(p);
        paths::path(&mut s.path, None, f);
        paths::expr(&mut s.value, None, f);
        Some(s)
    }

    /// A module that is checked by itself: what it would be given is left open.
    pub(super) fn module_alone(&mut self, file: FileId, mut tree: ast::File) -> Machine {
        let head = tree.head.clone();
        let name = head.as_ref().map_or(String::new(), |h| h.name.name.clone());
        let mut m = Machine { alone: true, name, ..Machine::default() };
        m.span = head.map_or(crate::source::NOWHERE, |h| h.name.span);
        m.doc.clone_from(&tree.doc);
        let open = |span| Expr { kind: ExprKind::Unknown, span };
        let mut stmts = Vec::new();
        for stmt in std::mem::take(&mut tree.stmts) {
            match stmt {
                Stmt::ClockPort(n) => {
                    let span = n.span;
                    stmts.push(Stmt::Clock(n, open(span)));
                }
                Stmt::BusPort(name) => stmts.push(Stmt::Bus(Bus {
                    name,
                    settings: Vec::new(),
                    rows: Vec::new(),
                    incomplete: true,
                })),
                Stmt::Param(mut p) => {
                    let span = p.name.span;
                    p.default.get_or_insert_with(|| open(span));
                    stmts.push(Stmt::Param(p));
                }
                Stmt::Port(p) => m.pins.push(Pin {
                    instance: p.name.span,
                    name: p.name,
                    out: p.out,
                    width: p.width,
                    kind: p.kind,
                }),
                Stmt::Set(s) | Stmt::Final(s) if s.path.head() == "machine" => {
                    let what = "a module cannot set the machine that it stands in";
                    self.sink.push(Diagnostic::new(codes::E0710, s.path.span, what));
                }
                other => stmts.push(other),
            }
        }
        tree.stmts = stmts;
        let name = m.name.clone();
        let layer = self.layer_of(&mut m, name, file);
        self.busy.push(file);
        self.apply(&mut m, tree, layer, false);
        self.busy.pop();
        debug_assert!(self.busy.len() < DEEPEST);
        m
    }
}

/// A name that cannot be written and that nothing is said about.
fn unknown(m: &mut Machine) -> Path {
    if !m.unknown.iter().any(|n| n == "?") {
        m.unknown.push(String::from("?"));
    }
    Path::bare(["?"])
}
