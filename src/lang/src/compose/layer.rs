//! One text put above those below it: what it removes, replaces, adds, sets and wires - in this
//! order, however its statements stand.

use super::remove::Removed;
use super::{Composer, Want, paths};
use crate::diag::{Diagnostic, codes};
use crate::expr::{Name, Path};
use crate::source::{FileId, Span};
use crate::syntax::ast::{self, Bus, Part, Setting, Stmt, Use, Wire};
use crate::typed::{Machine, Setter, set};
use hetemu_schema::{DeviceType, Lookup};
use std::collections::BTreeMap;

/// What a layer works with.
pub(super) struct Ground {
    /// Index in [`Machine::layers`].
    pub(super) layer: u32,
    pub(super) file: FileId,
    pub(super) uses: Vec<Use>,
    /// Names that were there before, with their places; none for the innermost text.
    pub(super) taken: BTreeMap<String, Span>,
    /// There is something below.
    pub(super) above: bool,
}

impl Composer<'_> {
    /// Applies a text to the machine below it.
    pub(super) fn apply(&mut self, m: &mut Machine, tree: ast::File, layer: u32, above: bool) {
        let file = m.layers.get(layer as usize).map_or(0, |l| l.file);
        m.unknown.extend(tree.unknown);
        m.gaps |= tree.gaps;
        m.lost |= tree.lost;
        let (mut adds, mut sets, mut wires) = (Vec::new(), Vec::new(), Vec::new());
        let (mut removes, mut replaces) = (Vec::new(), Vec::new());
        for stmt in tree.stmts {
            match stmt {
                Stmt::Set(s) => sets.push((s, false)),
                Stmt::Final(s) => sets.push((s, true)),
                Stmt::Wire(w) => wires.push(Wire { layer, ..w }),
                Stmt::Remove(p) => removes.push(p),
                Stmt::Replace(p) => replaces.push(p),
                other => adds.push(other),
            }
        }
        let mut gone: Vec<Removed> = Vec::new();
        for p in removes {
            gone.extend(self.remove(m, p, layer, above));
        }
        let taken: BTreeMap<String, Span> = match above {
            true => m.declared().map(|(n, _)| (n.text.clone(), n.span)).collect(),
            false => BTreeMap::new(),
        };
        let g = Ground { layer, file, uses: tree.uses, taken, above };
        for p in replaces {
            self.replace(m, p, &g);
        }
        self.add_all(m, adds, &g);
        for (s, last) in sets {
            self.set(m, s, last, layer);
        }
        if !gone.is_empty() {
            self.dangling(m, &gone, &wires);
        }
        m.wires.extend(wires);
    }

    pub(super) fn set(&mut self, m: &mut Machine, s: Setting, last: bool, layer: u32) {
        let (path, span) = (s.path.dotted(), s.path.span);
        set(m, s, Setter { layer, outermost: false }, self.sink);
        if last {
            m.finals.push((path, span, layer));
        }
    }

    /// Declarations: modules come last, because what they are given must be there.
    pub(super) fn add_all(&mut self, m: &mut Machine, stmts: Vec<Stmt>, g: &Ground) {
        // Of each part: whether a row declares it.
        let mut parts: Vec<(Part, bool)> = Vec::new();
        for stmt in stmts {
            match stmt {
                Stmt::Param(p) if self.free(m, &p.name, "param", g) => m.params.push(p),
                Stmt::Let(n, e) if self.free(m, &n, "value", g) => m.lets.push((n, e)),
                Stmt::Clock(n, e) if self.free(m, &n, "clock", g) => m.clocks.push((n, e)),
                Stmt::Plug(p) if self.free(m, &p.name, "plug", g) => m.plugs.push(p),
                Stmt::Require(r) => m.requires.push(r),
                Stmt::Part(p) => parts.push((p, false)),
                Stmt::Bus(b) => {
                    parts.extend(self.bus(m, b, g).into_iter().map(|p| (p, true)));
                }
                Stmt::ClockPort(n) => {
                    self.no_module(m, &n, "clock", &format!("clock {n} = 24 MHz"))
                }
                Stmt::BusPort(n) => self.no_module(m, &n, "bus", &format!("bus {n} {{ ... }}")),
                Stmt::Port(p) => self.no_module(m, &p.name, "signal", ""),
                _ => {}
            }
        }
        for (p, in_row) in parts {
            self.part(m, p, in_row, g);
        }
    }

    /// Ports are of modules.
    fn no_module(&mut self, m: &mut Machine, name: &Name, what: &str, write: &str) {
        m.unknown.push(name.text.clone());
        let text = format!("`{name}` is a {what} that a module is given, and this is no module");
        let d = Diagnostic::new(codes::E0114, name.span, text);
        self.sink.push(match write {
            "" => d.note("`in` and `out` declare the signals of a module"),
            w => d.help(format!("write `{w}`")),
        });
    }

    /// Whether a name may be declared: a clash with a layer below is a mistake.
    fn free(&mut self, m: &mut Machine, name: &Name, what: &str, g: &Ground) -> bool {
        let Some(before) = g.taken.get(&name.text) else { return true };
        let base = m.layer_of(*before).to_string();
        let text = format!("{base} already has a {what} `{name}`");
        let article = if what == "part" { "replace NAME : ..." } else { "NAME = ..." };
        let d = Diagnostic::new(codes::E0701, name.span, text).path(name.text.clone());
        let d = d.also(*before, "declared here");
        let d = match what {
            "part" => d.help(format!(
                "`{}` to swap it, or `{name}.property = value` to change it",
                article.replace("NAME", &name.text)
            )),
            "value" => d.help("choose another name"),
            _ => d.help(format!("`{}` sets it", article.replace("NAME", &name.text))),
        };
        self.sink.push(d);
        false
    }

    /// A bus, or more rows for one that is there; gives the parts that its rows declare.
    fn bus(&mut self, m: &mut Machine, mut bus: Bus, g: &Ground) -> Vec<Part> {
        let mut parts = Vec::new();
        bus.rows.retain_mut(|row| {
            let Some(part) = row.part.take() else { return true };
            if row.target.segs.iter().any(|s| s.index.is_some()) {
                let d = Diagnostic::new(
                    codes::E0114,
                    row.target.span,
                    "the name of a new part has no index",
                );
                self.sink.push(d);
                m.unknown.push(part.name.text);
                return false;
            }
            if row.target.segs.len() > 1 {
                row.target.segs = vec![crate::expr::Seg { name: part.name.clone(), index: None }];
            }
            row.declares = true;
            parts.push(part);
            true
        });
        let own = bus.name.text.clone();
        let old = m.buses.iter_mut().find(|b| b.name.text == own && g.taken.contains_key(&own));
        if let Some(old) = old {
            old.incomplete |= bus.incomplete;
            old.rows.extend(bus.rows);
            for mut s in bus.settings {
                s.path.segs.insert(0, crate::expr::Seg { name: bus.name.clone(), index: None });
                self.set(m, s, false, g.layer);
            }
        } else if self.free(m, &bus.name, "bus", g) {
            m.buses.push(bus);
        }
        parts
    }

    /// A part, or a module that is written out.
    fn part(&mut self, m: &mut Machine, mut part: Part, in_row: bool, g: &Ground) {
        if !self.free(m, &part.name, "part", g) {
            return;
        }
        if let Some(found) = self.module_type(m, &part, g) {
            let mut buses = m.buses.iter_mut().filter(|_| in_row);
            let row = buses.find_map(|b| {
                let of = |r: &ast::Row| r.declares && r.target.dotted() == part.name.text;
                let at = b.rows.iter().position(of)?;
                Some(b.rows.remove(at))
            });
            if let Some(row) = row {
                let what =
                    format!("`{}` is a module, and a row maps a part or a bus", part.ty.name);
                let d = Diagnostic::new(codes::E0710, part.ty.span, what);
                let name = &part.name;
                self.sink.push(d.also(row.place, "this row").help(format!(
                    "declare it outside, and map a bus of it: `0x4000_0000 + 1 MiB {name}.bus`"
                )));
                m.unknown.push(part.name.text);
                return;
            }
            self.write_out(m, part, &found, g);
            return;
        }
        for w in &mut part.wires {
            w.layer = g.layer;
        }
        m.parts.push(part);
    }

    /// The module that a part's type means, if no device and no param is called so.
    fn module_type(&mut self, m: &Machine, part: &Part, g: &Ground) -> Option<super::Found> {
        let name = &part.ty.name;
        let device = !matches!(self.catalog.find(name, None), Lookup::NoName);
        if name.is_empty() || (device && g.uses.is_empty()) {
            return None;
        }
        if m.params.iter().any(|p| p.name.text == *name) {
            return None;
        }
        let key = (g.file, format!("{name}@{:?}", part.ty.version));
        if let Some(known) = self.module_types.get(&key) {
            return known.clone();
        }
        let all = self.candidates(name, g.file, &g.uses);
        let modules = all.iter().any(|f| f.kind == super::Kind::Module);
        let known = if modules || (!all.is_empty() && !device) {
            let known = self.resolve(&part.ty, g.file, &g.uses, Want::Module);
            if let Some(found) = &known {
                self.note(found, &part.ty);
            }
            known
        } else {
            None
        };
        self.module_types.insert(key, known.clone());
        known
    }

    /// `replace name : type { ... }`: the row, the wires and the connections stay, values go.
    fn replace(&mut self, m: &mut Machine, mut new: Part, g: &Ground) {
        let name = new.name.clone();
        let what = match m.declared().find(|(n, _)| n.text == name.text).map(|(_, e)| e) {
            Some(crate::typed::Entity::Part(i)) => Ok(i),
            Some(e) => Err(format!("`replace` swaps a part, and `{name}` is {}", e.words())),
            None if !g.above => Err(String::from("there is nothing to replace: no base below")),
            None if m.lost || m.unknown.contains(&name.text) => return,
            None => Err(format!("there is no part `{name}` to replace")),
        };
        let at = match what {
            Ok(at) => at,
            Err(what) => {
                let names = m.parts.iter().map(|p| p.name.text.as_str());
                let near = crate::diag::suggest::nearest(&name.text, names);
                let d = Diagnostic::new(codes::E0711, name.span, what);
                self.sink.push(match near {
                    Some(near) => d.help(format!("did you mean `{near}`?")),
                    None => d,
                });
                return;
            }
        };
        if let Some(d) = crate::typed::fixed_within(m, &name.text, name.span, g.layer) {
            self.sink.push(d);
            return;
        }
        if self.module_type(m, &new, g).is_some() {
            let what = format!("`replace` swaps one part, and `{}` is a module", new.ty.name);
            let d = Diagnostic::new(codes::E0711, new.ty.span, what);
            self.sink.push(d.help("`remove` the part, and declare the module beside it"));
            return;
        }
        let Some(old) = m.parts.get_mut(at) else { return };
        let before = crate::source::join(old.name.span, old.ty.span);
        let old = std::mem::replace(old, new.clone());
        new.array = new.array.or(old.array);
        new.on = new.on.or(old.on);
        if new.doc.is_empty() {
            new.doc = old.doc;
        }
        for w in &mut new.wires {
            w.layer = g.layer;
        }
        if let Lookup::Found(ty) = self.catalog.find(&new.ty.name, new.ty.version) {
            let kept = old.settings.into_iter().filter(|s| connection(ty, &s.path));
            let own: Vec<String> = new.settings.iter().map(|s| s.path.dotted()).collect();
            new.settings.extend(kept.filter(|s| !own.contains(&s.path.dotted())));
            let below = m.layers.get(..g.layer as usize).and_then(<[_]>::last);
            let below = below.map_or("the base".to_string(), |l| l.name.clone());
            let lost = |w: &Wire, own: &Path, out: bool| {
                let port = own.segs.first()?;
                let there = match out {
                    true => ty.output(&port.name.text).is_some(),
                    false => ty.input(&port.name.text).is_some(),
                };
                (!there).then(|| misfit(ty, &new, &port.name, out, w, &below))
            };
            let mut wrong = Vec::new();
            let fits = |w: &Wire, wrong: &mut Vec<Diagnostic>| {
                let own = if w.reversed { &w.to } else { &w.from };
                let d = lost(w, own, !w.reversed);
                let fits = d.is_none();
                wrong.extend(d);
                fits
            };
            let kept: Vec<Wire> = old.wires.into_iter().filter(|w| fits(w, &mut wrong)).collect();
            let mut all = kept;
            all.append(&mut new.wires);
            new.wires = all;
            wrong.into_iter().for_each(|d| self.sink.push(d));
            self.outside(m, &new, ty, &below);
        } else {
            let own = std::mem::take(&mut new.wires);
            new.wires = old.wires.into_iter().chain(own).collect();
        }
        let path = new.name.text.clone();
        // The row that declared the old part declares the new one.
        for row in m.buses.iter_mut().flat_map(|b| &mut b.rows) {
            if row.declares
                && let [target] = row.target.segs.as_mut_slice()
                && target.name.text == path
            {
                target.name.span = new.name.span;
            }
        }
        let now = crate::source::join(new.name.span, new.ty.span);
        if let Some(slot) = m.parts.get_mut(at) {
            *slot = new;
        }
        m.elements.retain(|s| s.path.head() != path);
        m.decided(&path, Some(before), now);
    }

    /// Wires that stand elsewhere and that a replacement cannot take.
    fn outside(&mut self, m: &mut Machine, new: &Part, ty: &'static DeviceType, below: &str) {
        let mut wrong = Vec::new();
        let mut keep = |w: &Wire, far: &Path, out: bool| {
            let [head, port] = far.segs.as_slice() else { return true };
            if head.name.text != new.name.text {
                return true;
            }
            let there = match out {
                true => ty.output(&port.name.text).is_some(),
                false => ty.input(&port.name.text).is_some(),
            };
            if !there {
                wrong.push(misfit(ty, new, &port.name, out, w, below));
            }
            there
        };
        for p in m.parts.iter_mut().filter(|p| p.name.text != new.name.text) {
            p.wires.retain(
                |w| if w.reversed { keep(w, &w.from, true) } else { keep(w, &w.to, false) },
            );
        }
        m.wires.retain(|w| keep(w, &w.from, true) && keep(w, &w.to, false));
        wrong.into_iter().for_each(|d| self.sink.push(d));
    }

    /// Names of modules' parts, written with their dots, are one name each.
    pub(super) fn join_names(&mut self, m: &mut Machine) {
        let names: std::collections::HashSet<String> =
            m.declared().map(|(n, _)| n.text.clone()).collect();
        let modules: BTreeMap<String, String> =
            m.instances.iter().map(|i| (i.name.text.clone(), i.module.name.clone())).collect();
        let mut lost: Vec<(Name, String)> = Vec::new();
        paths::machine(m, &mut |p| {
            paths::join(p, &|n| names.contains(n));
            if let [first, second, ..] = p.segs.as_slice()
                && modules.contains_key(&first.name.text)
                && !p.segs.is_empty()
            {
                let text = format!("{}.{}", first.name.text, second.name.text);
                lost.push((Name { text, span: second.name.span }, first.name.text.clone()));
                let span = crate::source::join(first.name.span, second.name.span);
                let name = Name { text: String::from("?"), span };
                let rest = p.segs.split_off(2);
                p.segs = vec![crate::expr::Seg { name, index: None }];
                p.segs.extend(rest);
            }
        });
        if lost.is_empty() {
            return;
        }
        m.unknown.push(String::from("?"));
        for (name, module) in lost {
            let ty = modules.get(&module).map_or("", String::as_str);
            let short = name.text.rsplit('.').next().unwrap_or("");
            let what = format!("nothing in `{module}` is called `{short}`");
            let d = Diagnostic::new(codes::E0302, name.span, what);
            let inside = names.iter().filter_map(|n| n.strip_prefix(&format!("{module}.")));
            let mut inside: Vec<&str> = inside.collect();
            inside.sort_unstable();
            let d = match crate::diag::suggest::nearest(short, inside.iter().copied()) {
                Some(near) => d.fix(format!("did you mean `{near}`?"), name.span, near),
                None => d,
            };
            let list = crate::diag::suggest::list(inside);
            self.sink.push(d.note(format!("`{module}` is a module `{ty}`, which has {list}")));
        }
    }
}

/// What a part is connected to, as opposed to what it is set to.
fn connection(ty: &DeviceType, p: &Path) -> bool {
    let name = p.dotted();
    ty.clock(&name).is_some() || ty.link(&name).is_some() || ty.master(&name).is_some()
}

fn misfit(
    ty: &DeviceType,
    new: &Part,
    port: &Name,
    out: bool,
    w: &Wire,
    below: &str,
) -> Diagnostic {
    let word = if out { "output" } else { "input" };
    let far = if out { &w.to } else { &w.from };
    let what = format!(
        "the replacement `{}` has no {word} `{port}`, which {below} wires to `{}`",
        ty.full_name(),
        super::remove::spell(far)
    );
    let d = Diagnostic::new(codes::E0705, new.ty.span, what);
    let ports = if out { ty.outputs } else { ty.inputs };
    let d = d.also(w.span, "wired here").path(format!("{}.{port}", new.name));
    let d = match ports {
        [] => d.note(format!("it has no {word}s at all")),
        some => d.note(format!(
            "its {word}s are {}",
            crate::diag::suggest::list(some.iter().map(|s| s.name))
        )),
    };
    d.help(format!("`remove {}.{port}` takes the wire away first", new.name))
}
