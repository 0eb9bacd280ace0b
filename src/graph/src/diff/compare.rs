//! Finds the changes between two graphs. Facts are matched by name, which is a part's identity;
//! parts that only changed their name are recognised by type and place.

use super::{Change, Class, SavedStates, Sign};
use crate::json::endian_word;
use crate::model::*;
use crate::names;
use hetemu_schema::{PlugKind, PropType};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Lookups of one machine, so that large ones compare in linear time.
struct Index<'g> {
    /// Parts by name.
    parts: HashMap<&'g str, PartId>,
    /// Where each part is mapped: bus, address, region.
    places: Vec<Vec<(&'g str, u64, u32)>>,
}

impl<'g> Index<'g> {
    fn new(g: &'g Graph) -> Index<'g> {
        let parts = g.parts().map(|(id, p)| (p.name.as_str(), id)).collect();
        let mut places = vec![Vec::new(); g.parts.len()];
        for bus in &g.buses {
            for row in &bus.rows {
                if let Target::Region { part, region, .. } = row.target
                    && let Some(list) = places.get_mut(part.0 as usize)
                {
                    list.push((bus.name.as_str(), row.base, region));
                }
            }
        }
        Index { parts, places }
    }

    fn find(&self, name: &str) -> Option<PartId> {
        self.parts.get(name).copied()
    }

    fn places(&self, part: PartId) -> &[(&'g str, u64, u32)] {
        self.places.get(part.0 as usize).map_or(&[], Vec::as_slice)
    }
}

/// Both machines, and what was found so far.
struct Compare<'g> {
    old: &'g Graph,
    new: &'g Graph,
    old_index: Index<'g>,
    new_index: Index<'g>,
    /// New names of parts that only changed theirs.
    renamed: BTreeMap<&'g str, &'g str>,
    changes: Vec<Change>,
    saved: SavedStates,
}

/// A fact of one of the machines: its value as text, and where it stands.
type Fact = (String, Span);

pub(super) fn compare(old: &Graph, new: &Graph) -> (Vec<Change>, SavedStates) {
    let (old_index, new_index) = (Index::new(old), Index::new(new));
    let renamed = renames(old, new, &old_index, &new_index);
    let (changes, saved) = (Vec::new(), SavedStates::default());
    let mut c = Compare { old, new, old_index, new_index, renamed, changes, saved };
    c.parts();
    c.buses();
    c.wires();
    c.clocks();
    c.settings();
    (c.changes, c.saved)
}

/// Pairs of parts that are gone and new, of one type and mapped at the same places: old name, new
/// name.
fn renames<'g>(
    old: &'g Graph,
    new: &'g Graph,
    old_index: &Index<'g>,
    new_index: &Index<'g>,
) -> BTreeMap<&'g str, &'g str> {
    let gone = |g: &'g Graph, other: &Index<'_>| -> Vec<(PartId, &'g Part)> {
        g.parts().filter(|(_, p)| other.find(&p.name).is_none()).collect()
    };
    // New parts by type and place.
    type Seat<'p, 'g> = (&'static str, u32, &'p [(&'g str, u64, u32)]);
    let mut added: BTreeMap<Seat<'_, '_>, Vec<&'g str>> = BTreeMap::new();
    for (id, p) in gone(new, old_index).into_iter().rev() {
        let seat = (p.ty.name, p.ty.version, new_index.places(id));
        added.entry(seat).or_default().push(&p.name);
    }
    let mut out = BTreeMap::new();
    for (id, part) in gone(old, new_index) {
        let place = old_index.places(id);
        if place.is_empty() {
            continue;
        }
        let seat = (part.ty.name, part.ty.version, place);
        if let Some(name) = added.get_mut(&seat).and_then(Vec::pop) {
            out.insert(part.name.as_str(), name);
        }
    }
    out
}

impl<'g> Compare<'g> {
    fn push(
        &mut self,
        class: Class,
        subject: &str,
        fact: impl Into<String>,
        old: Option<Fact>,
        new: Option<Fact>,
    ) {
        let sign = match (&old, &new) {
            (None, _) => Sign::Added,
            (_, None) => Sign::Removed,
            _ => Sign::Changed,
        };
        let (old, old_span) = old.map_or((String::new(), None), |(v, s)| (v, Some(s)));
        let (new, new_span) = new.map_or((String::new(), None), |(v, s)| (v, Some(s)));
        let (subject, fact) = (subject.to_string(), fact.into());
        self.changes.push(Change { class, sign, subject, fact, old, new, old_span, new_span });
    }

    /// A changed value, if it changed.
    fn value(&mut self, class: Class, subject: &str, fact: &str, old: Fact, new: Fact) {
        if old.0 != new.0 {
            self.push(class, subject, fact, Some(old), Some(new));
        }
    }

    /// The name that an old part has in the new machine.
    fn new_name<'a>(&self, old: &'a str) -> &'a str
    where
        'g: 'a,
    {
        self.renamed.get(old).copied().unwrap_or(old)
    }

    fn parts(&mut self) {
        let (old, new) = (self.old, self.new);
        for (id, part) in old.parts() {
            let name = self.new_name(&part.name);
            match self.new_index.find(name) {
                Some(other) => self.part(id, part, other, new.part(other)),
                None => {
                    let what =
                        format!("{}  {}", place(old, &self.old_index, id), part.ty.full_name());
                    self.push(
                        Class::Guest,
                        &part.name,
                        what.trim(),
                        Some((String::new(), part.span)),
                        None,
                    );
                    if part.ty.state.version > 0 {
                        self.saved.lost.push(format!("{} is gone", part.name));
                    }
                }
            }
        }
        let kept: BTreeSet<&str> = old.parts.iter().map(|p| self.new_name(&p.name)).collect();
        for (id, part) in new.parts() {
            if !kept.contains(part.name.as_str()) {
                let what = format!("{}  {}", place(new, &self.new_index, id), part.ty.full_name());
                self.push(
                    Class::Guest,
                    &part.name,
                    what.trim(),
                    None,
                    Some((String::new(), part.span)),
                );
            }
        }
    }

    fn part(&mut self, old_id: PartId, old: &Part, new_id: PartId, new: &Part) {
        let name = new.name.as_str();
        let spans = |o: String, n: String| ((o, old.span), (n, new.span));
        if old.name != new.name {
            let (o, n) = spans(old.name.clone(), new.name.clone());
            self.value(Class::State, &old.name, "renamed", o, n);
            self.saved.lost.push(format!("{} has another name", old.name));
        }
        if !same_type(old, new) {
            let after = match old.ty.name == new.ty.name {
                true => format!("@{}", new.ty.version),
                false => new.ty.full_name(),
            };
            let (o, n) = spans(old.ty.full_name(), after);
            self.value(Class::Guest, name, "type", o, n);
            self.state(old, new);
        }
        self.props(old_id, old, new_id, new);
        for port in keys(&old.masters, &new.masters) {
            let bus = |g: &Graph, p: &Part| p.masters.get(port).map(|b| g.bus(*b).name.clone());
            let (o, n) = (bus(self.old, old), bus(self.new, new));
            if o != n {
                let (o, n) = (o.map(|v| (v, old.span)), n.map(|v| (v, new.span)));
                self.push(Class::Guest, name, port, o, n);
            }
        }
        let seat = |g: &Graph, p: &Part| {
            p.on.as_ref().map_or(String::new(), |(on, bus, unit)| {
                format!("{}.{bus} @ {unit}", g.part(*on).name)
            })
        };
        let (o, n) = spans(seat(self.old, old), seat(self.new, new));
        self.value(Class::Guest, name, "on", o, n);
        for input in keys(&old.clocks, &new.clocks) {
            self.clock_input(input, old, new);
        }
        for link in keys(&old.links, &new.links) {
            let plug = |p: &Part| p.links.get(link).cloned().unwrap_or_else(|| "none".into());
            let (o, n) = spans(plug(old), plug(new));
            self.value(Class::Host, name, link, o, n);
        }
        let (o, n) = spans(old.doc.clone(), new.doc.clone());
        if o.0 != n.0 {
            self.push(
                Class::Cosmetic,
                name,
                "doc",
                Some((String::new(), o.1)),
                Some((String::new(), n.1)),
            );
        }
    }

    /// What becomes of the saved state of a part whose type changed.
    fn state(&mut self, old: &Part, new: &Part) {
        let (before, after) = (old.ty.state.version, new.ty.state.version);
        if old.ty.name != new.ty.name {
            self.saved.lost.push(format!("{} has another type", new.name));
        } else if before != after {
            let what = format!("{} state {before} -> {after}", new.name);
            match new.ty.state.from.iter().any(|(v, _)| *v == before) {
                true => self.saved.converted.push(format!("{what} has a converter")),
                false => self.saved.lost.push(format!("{what} has none")),
            }
        }
    }

    fn props(&mut self, old_id: PartId, old: &Part, new_id: PartId, new: &Part) {
        let retyped = !same_type(old, new);
        if !retyped && old.props == new.props {
            return;
        }
        for key in keys(&old.props, &new.props) {
            let prop = new.ty.prop(key).or_else(|| old.ty.prop(key));
            let ty = prop.map(|p| p.ty);
            let text = |p: &Part| p.props.get(key).map(|v| names::value(v, ty));
            let (o, n) = (text(old), text(new));
            // What another type adds or drops at its default is part of the change of type.
            let set = old.set.iter().chain(&new.set).any(|s| s == key);
            if o == n || (retyped && (o.is_none() || n.is_none()) && !set) {
                continue;
            }
            let host = prop.is_some_and(|p| p.host);
            let class = if host { Class::Host } else { Class::Guest };
            // A memory is known by its place.
            let sized = ty == Some(PropType::Size) && key == "size";
            let fact = match place(self.new, &self.new_index, new_id) {
                at if sized && !at.is_empty() && at == place(self.old, &self.old_index, old_id) => {
                    format!("{at}  size")
                }
                _ => key.to_string(),
            };
            let none = || "unset".to_string();
            let (o, n) = (o.unwrap_or_else(none), n.unwrap_or_else(none));
            self.value(class, &new.name, &fact, (o, old.span), (n, new.span));
            if !host && !retyped {
                self.saved.lost.push(format!("{} {key} has none", new.name));
            }
        }
    }

    /// A clock input is its frequency; a change of the clock itself is reported once, with the
    /// clock.
    fn clock_input(&mut self, input: &str, old: &Part, new: &Part) {
        let (o, n) = (old.clocks.get(input), new.clocks.get(input));
        let (hz, clock) = (
            |c: Option<&(u64, String)>| c.map(|c| c.0),
            |c: Option<&(u64, String)>| c.map(|c| c.1.clone()).filter(|name| !name.is_empty()),
        );
        let text = |c: Option<&(u64, String)>| match (hz(c), clock(c)) {
            (None, _) => "not driven".to_string(),
            (Some(hz), None) => names::frequency(hz),
            (Some(hz), Some(name)) => format!("{name} ({})", names::frequency(hz)),
        };
        let class = match (hz(o) == hz(n), clock(o) == clock(n)) {
            (true, true) => return,
            (false, true) if clock(o).is_some() => return,
            (true, false) => Class::Cosmetic,
            (false, _) => Class::Timing,
        };
        self.value(class, &new.name, input, (text(o), old.span), (text(n), new.span));
    }

    fn buses(&mut self) {
        let (old, new) = (self.old, self.new);
        for bus in &old.buses {
            match new.buses.iter().find(|b| b.name == bus.name) {
                Some(other) => self.bus(bus, other),
                None => {
                    self.push(
                        Class::Guest,
                        &bus.name,
                        "bus",
                        Some((String::new(), bus.span)),
                        None,
                    );
                }
            }
        }
        for bus in &new.buses {
            if !old.buses.iter().any(|b| b.name == bus.name) {
                self.push(Class::Guest, &bus.name, "bus", None, Some((String::new(), bus.span)));
            }
        }
    }

    fn bus(&mut self, old: &'g Bus, new: &'g Bus) {
        let facts = |b: &Bus| {
            [
                ("addr", b.addr_bits.to_string()),
                ("width", b.width.to_string()),
                ("endian", endian_word(b.endian).to_string()),
                ("unmapped", b.unmapped.word().to_string()),
            ]
        };
        for ((name, o), (_, n)) in facts(old).into_iter().zip(facts(new)) {
            self.value(Class::Guest, &new.name, name, (o, old.span), (n, new.span));
        }
        // Rows are matched by what they map; several of one target by their order.
        let mut rows: BTreeMap<String, (Vec<&Row>, Vec<&Row>)> = BTreeMap::new();
        for row in &old.rows {
            let key = self.new_name(&target(self.old, row)).to_string();
            rows.entry(key).or_default().0.push(row);
        }
        for row in &new.rows {
            rows.entry(target(self.new, row)).or_default().1.push(row);
        }
        for (what, (mut olds, mut news)) in rows {
            // Equal rows first, so that one that was added between others is the one that shows.
            olds.retain(|o| {
                let same = news.iter().position(|n| (n.base, n.size) == (o.base, o.size));
                let same = same.map(|i| news.remove(i));
                if let Some(n) = same {
                    self.row(&what, old, o, new, n);
                }
                same.is_none()
            });
            let pairs = olds.len().min(news.len());
            for (o, n) in olds.iter().zip(&news) {
                self.row(&what, old, o, new, n);
            }
            for o in olds.iter().skip(pairs) {
                self.lone_row(&what, old, o, Sign::Removed);
            }
            for n in news.iter().skip(pairs) {
                self.lone_row(&what, new, n, Sign::Added);
            }
        }
    }

    /// A row of one machine only; the first of a part that is itself new or gone is told with the
    /// part.
    fn lone_row(&mut self, what: &str, bus: &Bus, row: &Row, sign: Sign) {
        let (g, own, other) = match sign {
            Sign::Added => (self.new, &self.new_index, &self.old_index),
            _ => (self.old, &self.old_index, &self.new_index),
        };
        if let Target::Region { part, .. } = row.target {
            let name = &g.part(part).name;
            let first =
                own.places(part).first() == Some(&(bus.name.as_str(), row.base, region(row)));
            if other.find(name).is_none() && first {
                return;
            }
        }
        let at = format!("{} {}", bus.name, names::at(bus, row.base));
        let side = Some((names::size(row.size), row.span));
        match sign {
            Sign::Added => self.push(Class::Guest, what, at, None, side),
            _ => self.push(Class::Guest, what, at, side, None),
        }
    }

    fn row(&mut self, what: &str, old_bus: &Bus, old: &Row, new_bus: &Bus, new: &Row) {
        let base = |bus: &Bus, r: &Row| names::at(bus, r.base);
        if old.base != new.base {
            let fact = format!("{} base", new_bus.name);
            let (o, n) = (base(old_bus, old), base(new_bus, new));
            self.value(Class::Guest, what, &fact, (o, old.span), (n, new.span));
        }
        let at = format!("{} {}", new_bus.name, base(new_bus, new));
        // A row that shows the whole region follows its part, whose change is told already.
        let whole = |g: &Graph, r: &Row| match r.target {
            Target::Region { part, region, offset: 0 } => {
                g.part(part).region_size(region) == Some(r.size)
            }
            _ => false,
        };
        let follows = whole(self.old, old) && whole(self.new, new);
        let facts = |r: &Row| {
            let offset = match r.target {
                Target::Region { offset, .. } | Target::Bus { offset, .. } => offset,
            };
            let size = if follows { String::new() } else { names::size(r.size) };
            let or = |word: &str, usual: &str| {
                if word.is_empty() { usual.to_string() } else { word.to_string() }
            };
            [
                ("size", size),
                ("shows", names::hex(offset)),
                ("over", r.over.to_string()),
                ("access", or(r.access.word(), "rw")),
                ("lanes", or(r.lanes.word(), "same")),
                ("split", r.split.to_string()),
            ]
        };
        for ((name, o), (_, n)) in facts(old).into_iter().zip(facts(new)) {
            let fact = format!("{at}  {name}");
            self.value(Class::Guest, what, &fact, (o, old.span), (n, new.span));
        }
    }

    fn wires(&mut self) {
        let mut drivers: BTreeMap<String, (Vec<Fact>, Vec<Fact>)> = BTreeMap::new();
        for w in &self.old.wires {
            let name = |p: Port, input| self.renamed_port(&names::port(self.old, p, input));
            let side = &mut drivers.entry(name(w.from, false)).or_default().0;
            side.push((name(w.to, true), w.span));
        }
        for w in &self.new.wires {
            let side = &mut drivers.entry(names::port(self.new, w.from, false)).or_default().1;
            side.push((names::port(self.new, w.to, true), w.span));
        }
        for (from, (mut olds, mut news)) in drivers {
            olds.retain(|(to, _)| {
                let kept = news.iter().position(|(n, _)| n == to);
                kept.map(|i| news.remove(i)).is_none()
            });
            let pairs = olds.len().min(news.len());
            let (lone_old, lone_new) = (olds.split_off(pairs), news.split_off(pairs));
            for (o, n) in olds.into_iter().zip(news) {
                self.push(Class::Guest, "wire", &from, Some(o), Some(n));
            }
            for o in lone_old {
                self.push(Class::Guest, "wire", &from, Some(o), None);
            }
            for n in lone_new {
                self.push(Class::Guest, "wire", &from, None, Some(n));
            }
        }
    }

    /// A port of the old machine under the new name of its part.
    fn renamed_port(&self, port: &str) -> String {
        if self.renamed.is_empty() {
            return port.to_string();
        }
        // Names have dots and brackets themselves: the longest that was renamed wins.
        let ends = port.match_indices(['.', '[']).map(|(i, _)| i).rev();
        let hit = ends.into_iter().find_map(|i| {
            let new = self.renamed.get(port.get(..i)?)?;
            Some(format!("{new}{}", port.get(i..)?))
        });
        hit.unwrap_or_else(|| port.to_string())
    }

    fn clocks(&mut self) {
        let (old, new) = (self.old, self.new);
        for c in &old.clocks {
            let text = |c: &Clock| (names::frequency(c.hz), c.span);
            match new.clocks.iter().find(|n| n.name == c.name) {
                Some(n) => self.value(Class::Timing, "clock", &c.name, text(c), text(n)),
                // Whoever it drove tells of another frequency; the name alone is a word of the
                // text.
                None => self.push(Class::Cosmetic, "clock", &c.name, Some(text(c)), None),
            }
        }
        for c in &new.clocks {
            if !old.clocks.iter().any(|o| o.name == c.name) {
                let fact = Some((names::frequency(c.hz), c.span));
                self.push(Class::Cosmetic, "clock", &c.name, None, fact);
            }
        }
    }

    fn settings(&mut self) {
        let (old, new) = (self.old, self.new);
        for key in keys(&old.settings, &new.settings) {
            let text =
                |g: &Graph| g.settings.get(key).map(|v| (names::value(v, None), Span::default()));
            let (o, n) = (text(old), text(new));
            if o != n {
                let class = if key == "quantum" { Class::Timing } else { Class::Host };
                self.push(class, "machine", key, o, n);
            }
        }
        let plugs: BTreeSet<&str> =
            old.plugs.iter().chain(&new.plugs).map(|p| p.name.as_str()).collect();
        for name in plugs {
            let text = |g: &Graph| {
                g.find_plug(name).map(|p| {
                    let value = p.value.as_deref().unwrap_or("none");
                    (format!("{} {value}", PlugKind::word(p.kind)), p.span)
                })
            };
            let (o, n) = (text(old), text(new));
            if o.as_ref().map(|f| &f.0) != n.as_ref().map(|f| &f.0) {
                self.push(Class::Host, "plug", name, o, n);
            }
        }
        for (fact, o, n) in [("name", &old.name, &new.name), ("doc", &old.doc, &new.doc)] {
            if o != n {
                let side = |v: &String| {
                    (if fact == "doc" { String::new() } else { v.clone() }, Span::default())
                };
                self.push(Class::Cosmetic, "machine", fact, Some(side(o)), Some(side(n)));
            }
        }
    }
}

/// Types are tables of the program: two machines of one program share them.
fn same_type(a: &Part, b: &Part) -> bool {
    std::ptr::eq(a.ty, b.ty) || a.ty == b.ty
}

fn region(row: &Row) -> u32 {
    match row.target {
        Target::Region { region, .. } => region,
        Target::Bus { .. } => 0,
    }
}

/// Every key of two maps, once, sorted.
fn keys<'a, V>(a: &'a BTreeMap<String, V>, b: &'a BTreeMap<String, V>) -> BTreeSet<&'a str> {
    a.keys().chain(b.keys()).map(String::as_str).collect()
}

/// The first place of a part, `main 0x1000_0000`, or nothing.
fn place(g: &Graph, index: &Index<'_>, part: PartId) -> String {
    let Some((bus, base, _)) = index.places(part).first() else { return String::new() };
    let map = g.buses.iter().find(|b| b.name == *bus);
    map.map_or(String::new(), |map| format!("{bus} {}", names::at(map, *base)))
}

fn target(g: &Graph, row: &Row) -> String {
    match row.target {
        Target::Region { part, region, .. } => names::region(g, part, region),
        Target::Bus { bus, .. } => g.bus(bus).name.clone(),
    }
}
