//! Two machines beside each other: each bus with the rows of both, and every change where it is.
//!
//! A line is one thing: the old machine's on the left, the new one's on the right, what changed
//! about it at the far right with the colour of its class. Runs of equal lines are folded, so that
//! a large machine with a small change is a small picture.

use super::svg::{GREY, INK, LINE, Paint, RED, Svg, Type};
use crate::diff::{Change, Class, Diff, Sign};
use crate::model::*;
use crate::names;
use std::collections::{BTreeMap, BTreeSet};

const MARGIN: f64 = 24.0;
const W: f64 = 300.0;
const BETWEEN: f64 = 40.0;
const NOTES: f64 = 340.0;
const H: f64 = 34.0;
const STEP: f64 = H + 6.0;
const NOTE: f64 = 15.0;
const GREEN: &str = "#15803d";
const AMBER: &str = "#b45309";
/// Equal lines that stay beside what changed.
const CONTEXT: usize = 1;
/// More changes than anybody reads in a picture.
const MOST: usize = 400;

/// The two machines and their difference as a picture.
pub fn diff_svg(old: &Graph, new: &Graph, d: &Diff) -> String {
    let mut notes: BTreeMap<&str, Vec<&Change>> = BTreeMap::new();
    for c in d.changes.iter().take(MOST) {
        notes.entry(c.subject.as_str()).or_default().push(c);
    }
    let mut p = Picture { old, new, notes, told: BTreeSet::new(), svg: Svg::default(), y: 0.0 };
    p.head(d);
    let buses: BTreeSet<&str> =
        old.buses.iter().chain(&new.buses).map(|b| b.name.as_str()).collect();
    for bus in buses {
        p.bus(bus);
    }
    p.rest(d);
    p.foot(d);
    let width = MARGIN * 2.0 + W * 2.0 + BETWEEN * 2.0 + NOTES;
    p.svg.finish(width, p.y + MARGIN, &format!("{} and {}", d.names.0, d.names.1))
}

struct Picture<'g> {
    old: &'g Graph,
    new: &'g Graph,
    /// Changes by what they are about.
    notes: BTreeMap<&'g str, Vec<&'g Change>>,
    told: BTreeSet<&'g str>,
    svg: Svg,
    y: f64,
}

/// A line of a bus: what one machine maps, and the other.
struct Pair<'g> {
    /// Name of the region or bus.
    name: String,
    /// Name of the part.
    subject: &'g str,
    old: Option<&'g Row>,
    new: Option<&'g Row>,
}

fn color(class: Class) -> &'static str {
    match class {
        Class::State | Class::Guest => RED,
        Class::Timing => AMBER,
        Class::Host | Class::Cosmetic => GREY,
    }
}

impl<'g> Picture<'g> {
    fn head(&mut self, d: &Diff) {
        let (left, right) = (MARGIN, MARGIN + W + BETWEEN);
        let big = Type::new(20.0, INK).bold();
        self.svg.text(left, 38.0, big, &big.fit(&d.names.0, W));
        self.svg.text(right, 38.0, big, &big.fit(&d.names.1, W));
        let small = Type::new(12.0, GREY);
        self.svg.text(left, 56.0, small, "old");
        self.svg.text(right, 56.0, small, "new");
        let verdict = d.class().map_or("equal", Class::sentence);
        let ink = d.class().map_or(GREEN, color);
        self.svg.text(right + W + BETWEEN, 38.0, Type::new(14.0, ink).bold(), verdict);
        self.y = 84.0;
    }

    fn bus(&mut self, name: &str) {
        let find = |g: &'g Graph| g.buses.iter().find(|b| b.name == name);
        let (old, new) = (find(self.old), find(self.new));
        let pairs = self.pairs(old, new);
        let label = Type::new(12.0, GREY).bold();
        self.svg.text(MARGIN, self.y, label, &format!("bus {name}"));
        self.notes_at(name, self.y - 10.0);
        self.y += 12.0;
        let loud: Vec<bool> = pairs.iter().map(|p| self.changed(p, old, new)).collect();
        let near = |i: usize| {
            let (a, b) = (i.saturating_sub(CONTEXT), (i + CONTEXT + 1).min(loud.len()));
            loud.get(a..b).is_some_and(|l| l.contains(&true))
        };
        let mut folded = 0usize;
        for (i, pair) in pairs.iter().enumerate() {
            if near(i) {
                self.fold(&mut folded);
                self.pair(pair, old, new, loud.get(i) == Some(&true));
            } else {
                folded += 1;
            }
        }
        self.fold(&mut folded);
        self.y += 22.0;
    }

    /// Rows of both machines by what they map, in the order of addresses.
    fn pairs(&self, old: Option<&'g Bus>, new: Option<&'g Bus>) -> Vec<Pair<'g>> {
        type Sides<'g> = (Vec<&'g Row>, Vec<&'g Row>, &'g str);
        let mut by: BTreeMap<String, Sides<'g>> = BTreeMap::new();
        for row in old.map_or(&[][..], |b| &b.rows) {
            let (name, subject) = target(self.old, row);
            by.entry(name).or_insert((Vec::new(), Vec::new(), subject)).0.push(row);
        }
        for row in new.map_or(&[][..], |b| &b.rows) {
            let (name, subject) = target(self.new, row);
            by.entry(name).or_insert((Vec::new(), Vec::new(), subject)).1.push(row);
        }
        let mut out = Vec::new();
        for (name, (olds, news, subject)) in by {
            for i in 0..olds.len().max(news.len()) {
                let (old, new) = (olds.get(i).copied(), news.get(i).copied());
                out.push(Pair { name: name.clone(), subject, old, new });
            }
        }
        out.sort_by_key(|p| p.new.or(p.old).map(|r| r.base));
        out
    }

    fn changed(&self, p: &Pair<'_>, old: Option<&Bus>, new: Option<&Bus>) -> bool {
        let same = match (p.old, p.new) {
            (Some(o), Some(n)) => {
                let plain = |r: &Row| (r.base, r.size, r.over, r.access, r.lanes, r.split);
                plain(o) == plain(n)
            }
            _ => false,
        };
        !same || old.is_none() || new.is_none() || self.notes.contains_key(p.subject)
    }

    fn fold(&mut self, folded: &mut usize) {
        let n = std::mem::take(folded);
        if n == 0 {
            return;
        }
        let s = if n == 1 { "" } else { "s" };
        let text = format!("⋯ {n} equal row{s}");
        self.svg.text(MARGIN + 10.0, self.y + 12.0, Type::new(10.5, LINE), &text);
        self.y += 24.0;
    }

    fn pair(&mut self, p: &Pair<'g>, old: Option<&Bus>, new: Option<&Bus>, loud: bool) {
        let (left, right) = (MARGIN, MARGIN + W + BETWEEN);
        let y = self.y;
        let paint = match (p.old, p.new, loud) {
            (None, ..) => Paint { fill: "#dcfce7", edge: "#16a34a", ink: GREEN },
            (_, None, _) => Paint { fill: "#fee2e2", edge: RED, ink: RED },
            (_, _, true) => Paint { fill: "#fef3c7", edge: "#d97706", ink: "#78350f" },
            (_, _, false) => Paint { fill: "#f8fafc", edge: "#cbd5e1", ink: GREY },
        };
        for (x, row, bus, g) in [(left, p.old, old, self.old), (right, p.new, new, self.new)] {
            match (row, bus) {
                (Some(row), Some(bus)) => self.block(x, y, p, row, bus, g, paint),
                _ => self.svg.ghost(x, y, W, H, "#e2e8f0"),
            }
        }
        if p.old.is_some() && p.new.is_some() {
            let d = format!("M{:.1} {:.1}H{right:.1}", left + W, y + H / 2.0);
            self.svg.path(&d, paint.edge, 1.2, "");
        }
        let used = if loud { self.notes_at(p.subject, y) } else { 0.0 };
        self.y += STEP.max(used + 8.0);
    }

    #[allow(clippy::too_many_arguments)]
    fn block(
        &mut self,
        x: f64,
        y: f64,
        p: &Pair<'_>,
        row: &Row,
        bus: &Bus,
        g: &Graph,
        paint: Paint,
    ) {
        self.svg.rect(x, y, W, H, paint);
        let bold = Type::new(12.0, paint.ink).bold();
        let small = Type::new(10.0, paint.ink);
        let mono = Type::new(10.0, paint.ink).mono();
        let ty = match row.target {
            Target::Region { part, .. } => g.part(part).ty.full_name(),
            Target::Bus { .. } => String::from("window"),
        };
        let last = row.base.saturating_add(row.size - 1);
        let at = format!("{} .. {}", names::at(bus, row.base), names::at(bus, last));
        self.svg.text(x + 10.0, y + 14.5, bold, &bold.fit(&p.name, W * 0.5));
        self.svg.text(x + W - 10.0, y + 14.5, small.end(), &small.fit(&ty, W * 0.45));
        self.svg.text(x + 10.0, y + 28.0, mono, &mono.fit(&at, W * 0.75));
        self.svg.text(x + W - 10.0, y + 28.0, small.end(), &names::size(row.size));
    }

    /// What changed about something, once, at the far right; how tall it is.
    fn notes_at(&mut self, subject: &str, y: f64) -> f64 {
        let Some((subject, list)) = self.notes.get_key_value(subject) else { return 0.0 };
        let (subject, list) = (*subject, list.clone());
        if !self.told.insert(subject) {
            return 0.0;
        }
        let x = MARGIN + W * 2.0 + BETWEEN * 2.0;
        for (i, c) in list.iter().enumerate() {
            let y = y + 12.0 + NOTE * i as f64;
            self.note(x, y, c, "");
        }
        NOTE * list.len() as f64
    }

    fn note(&mut self, x: f64, y: f64, c: &Change, before: &str) {
        let ink = color(c.class);
        self.svg.bar(x, y - 8.0, 8.0, 8.0, ink);
        let text = format!("{} {before}{}", c.sign.mark(), sentence(c));
        let ty = Type::new(11.0, ink);
        self.svg.text(x + 14.0, y, ty, &ty.fit(&text, NOTES - 14.0));
    }

    /// Everything that stands beside no row: wires, clocks, plugs, parts without one.
    fn rest(&mut self, d: &Diff) {
        let told = std::mem::take(&mut self.told);
        let list: Vec<&Change> =
            d.changes.iter().filter(|c| !told.contains(c.subject.as_str())).take(MOST).collect();
        if list.is_empty() {
            return;
        }
        let label = Type::new(12.0, GREY).bold();
        self.svg.text(MARGIN, self.y, label, "wires, clocks, plugs and the rest");
        self.y += 8.0;
        for c in list {
            self.y += NOTE + 3.0;
            let (y, ink) = (self.y, color(c.class));
            self.svg.bar(MARGIN, y - 8.0, 8.0, 8.0, ink);
            let ty = Type::new(11.5, ink);
            let what = format!("{} {}  {}", c.sign.mark(), c.subject, c.fact);
            self.svg.text(MARGIN + 14.0, y, ty, &ty.fit(&what, W + BETWEEN - 24.0));
            let right = MARGIN + W + BETWEEN;
            self.svg.text(right, y, ty, &ty.fit(&values(c), W + BETWEEN + NOTES));
        }
        self.y += 26.0;
    }

    fn foot(&mut self, d: &Diff) {
        let mut x = MARGIN;
        let words = Class::ALL.iter().filter(|(_, c)| d.count(*c) > 0);
        for (_, class) in words {
            let text = format!("{} {}", d.count(*class), class.sentence());
            let ty = Type::new(11.5, color(*class)).bold();
            self.svg.text(x, self.y + 8.0, ty, &text);
            x += ty.width(&text) + 22.0;
        }
        self.y += 8.0;
        let s = &d.saved;
        let reasons: Vec<&str> = s.converted.iter().chain(&s.lost).map(String::as_str).collect();
        if !reasons.is_empty() {
            self.y += 20.0;
            let verdict = if s.loadable() { "load" } else { "do not load" };
            let text = format!("saved states of the old machine {verdict}: {}", reasons.join("; "));
            let ty = Type::new(11.5, INK);
            let room = W * 2.0 + BETWEEN * 2.0 + NOTES;
            self.svg.text(MARGIN, self.y, ty, &ty.fit(&text, room));
        }
        if d.changes.len() > MOST {
            self.y += 20.0;
            let text = format!("{MOST} of {} changes are drawn", d.changes.len());
            self.svg.text(MARGIN, self.y, Type::new(11.5, GREY), &text);
        }
    }
}

/// Name of what a row maps, and of the part or bus itself.
fn target<'g>(g: &'g Graph, row: &Row) -> (String, &'g str) {
    match row.target {
        Target::Region { part, region, .. } => {
            (names::region(g, part, region), g.part(part).name.as_str())
        }
        Target::Bus { bus, .. } => (g.bus(bus).name.clone(), g.bus(bus).name.as_str()),
    }
}

fn values(c: &Change) -> String {
    match c.sign {
        Sign::Changed if c.old.is_empty() && c.new.is_empty() => String::from("changed"),
        Sign::Changed => format!("{} → {}", or_none(&c.old), or_none(&c.new)),
        Sign::Added => c.new.clone(),
        Sign::Removed => c.old.clone(),
    }
}

fn or_none(text: &str) -> &str {
    if text.is_empty() { "none" } else { text }
}

/// `size 64 KiB → 128 KiB`; the address stands in the block already.
fn sentence(c: &Change) -> String {
    let fact = c.fact.rsplit("  ").next().unwrap_or(&c.fact);
    format!("{fact}  {}", values(c)).trim_end().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::diff;
    use crate::testing::opentitan;

    #[test]
    fn both_machines_and_every_change_are_drawn() {
        let old = opentitan().build();
        let mut new = opentitan().build();
        new.buses[0].rows[1].base += 0x1000;
        new.wires.pop();
        let svg = diff_svg(&old, &new, &diff(&old, &new));
        for word in ["guest-visible", ">bus main<", "base", "equal row", "wires, clocks"] {
            assert!(svg.contains(word), "{word}\n{svg}");
        }
        assert!(svg.ends_with("</svg>\n"));
        let same = diff_svg(&old, &old, &diff(&old, &old));
        assert!(same.contains(">equal<"));
    }
}
