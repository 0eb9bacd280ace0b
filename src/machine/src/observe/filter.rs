//! Which events a trace takes.
//!
//! `KIND[:FILTER]`, several with commas: a filter is an address, a range `FIRST-LAST` or a name: a
//! symbol for what has an address, a part for device accesses and lines, a plug for its output.

use super::event::{Event, Kind, Names, What};
use crate::report::Report;
use hetemu_hw::time::Ps;

/// What to trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceSpec {
    /// An event is taken if any of these takes it.
    pub rules: Vec<Rule>,
    /// Only events of these cores and of none; all if empty.
    pub cores: Vec<String>,
    /// Virtual time of the first event.
    pub start: Ps,
    /// Virtual time after the last one.
    pub end: Ps,
    /// Events at most.
    pub limit: u64,
}

impl Default for TraceSpec {
    fn default() -> Self {
        TraceSpec { rules: Vec::new(), cores: Vec::new(), start: 0, end: Ps::MAX, limit: u64::MAX }
    }
}

/// Events of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The kind.
    pub kind: Kind,
    /// Which of them; all if none.
    pub only: Option<Only>,
}

/// A filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Only {
    /// Addresses, the last one included.
    Range(u64, u64),
    /// A symbol, a part, a plug.
    Name(String),
    /// Every so many instructions (state).
    Every(u64),
}

/// A number as the command line has it: 1000, 0x8000_0000, 10k, 1M.
pub fn number(text: &str) -> Option<u64> {
    let plain = text.replace('_', "");
    if let Some(hex) = plain.strip_prefix("0x").or(plain.strip_prefix("0X")) {
        return u64::from_str_radix(hex, 16).ok();
    }
    let (digits, factor) = match plain.char_indices().next_back()? {
        (at, 'k') => (plain.get(..at)?, 1_000),
        (at, 'M') => (plain.get(..at)?, 1_000_000),
        _ => (plain.as_str(), 1),
    };
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    digits.parse::<u64>().ok()?.checked_mul(factor)
}

impl TraceSpec {
    /// Reads `KIND[:FILTER][,...]`.
    ///
    /// # Errors
    /// E1010 with what is wrong.
    pub fn parse_rules(text: &str) -> Result<Vec<Rule>, Report> {
        text.split(',').map(|item| rule(item.trim())).collect()
    }

    /// Whether there is a rule of a kind.
    pub fn has(&self, kind: Kind) -> bool {
        self.rules.iter().any(|r| r.kind == kind)
    }
}

fn rule(item: &str) -> Result<Rule, Report> {
    let wrong = |message: String| Report::new("E1010", message);
    let (name, filter) = match item.split_once(':') {
        Some((name, filter)) => (name, Some(filter)),
        None => (item, None),
    };
    let Some(kind) = Kind::parse(name) else {
        let all: Vec<&str> = Kind::ALL.iter().map(|k| k.name()).collect();
        return Err(wrong(format!("`{name}` is no kind of event"))
            .note("help", format!("kinds are {}", all.join(", "))));
    };
    let only = match filter {
        None if kind == Kind::State => Some(Only::Every(1_000_000)),
        None => None,
        Some("") => return Err(wrong(format!("`{item}` has an empty filter"))),
        Some(n) if kind == Kind::State => match number(n).filter(|n| *n > 0) {
            Some(n) => Some(Only::Every(n)),
            None => return Err(wrong(format!("`{n}` is no number of instructions"))),
        },
        Some(f) => Some(only(f).ok_or_else(|| {
            wrong(format!("`{f}` is no range of addresses"))
                .note("help", "write FIRST-LAST, as in exec:0x8000_0000-0x8000_0fff")
        })?),
    };
    Ok(Rule { kind, only })
}

/// None if it looks like addresses and is none.
fn only(filter: &str) -> Option<Only> {
    if !filter.starts_with(|c: char| c.is_ascii_digit()) {
        return Some(Only::Name(filter.to_string()));
    }
    let (first, last) = match filter.split_once('-') {
        Some((first, last)) => (number(first.trim())?, number(last.trim())?),
        None => (number(filter)?, number(filter)?),
    };
    (first <= last).then_some(Only::Range(first, last))
}

/// The rules after names were looked up.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    rules: Vec<(Kind, Test)>,
    /// By cluster and core; all if empty.
    cores: Vec<(usize, usize)>,
    pub(crate) start: Ps,
    pub(crate) end: Ps,
}

#[derive(Debug)]
enum Test {
    All,
    Range(u64, u64),
    /// A part, a plug, or a core with its place.
    Name(String, Option<(usize, usize)>),
}

/// Where a core is.
fn core_at(names: &Names, name: &str) -> Option<(usize, usize)> {
    let clusters = names.cores.iter().enumerate();
    clusters.filter_map(|(c, list)| Some((c, list.iter().position(|n| n == name)?))).next()
}

impl Filter {
    /// Looks names up. `parts` are all that lines and accesses can have, `plugs` all plugs.
    pub(crate) fn new(
        spec: &TraceSpec,
        names: &Names,
        parts: &[String],
        plugs: &[String],
    ) -> Result<Filter, Report> {
        let mut rules = Vec::new();
        for rule in &spec.rules {
            let test = match &rule.only {
                None | Some(Only::Every(_)) => Test::All,
                Some(Only::Range(first, last)) => Test::Range(*first, *last),
                Some(Only::Name(name)) => named(rule.kind, name, names, parts, plugs)?,
            };
            rules.push((rule.kind, test));
        }
        let mut cores = Vec::new();
        for name in &spec.cores {
            let at = core_at(names, name);
            let all = || names.cores.iter().flatten().cloned().collect::<Vec<_>>();
            cores.push(at.ok_or_else(|| unknown("core", name, &all()))?);
        }
        Ok(Filter { rules, cores, start: spec.start, end: spec.end })
    }

    pub(crate) fn has(&self, kind: Kind) -> bool {
        self.rules.iter().any(|r| r.0 == kind)
    }

    pub(crate) fn has_core(&self, core: (usize, usize)) -> bool {
        self.cores.is_empty() || self.cores.contains(&core)
    }

    /// Whether instructions at an address are taken.
    pub(crate) fn takes_exec(&self, pc: u64) -> bool {
        self.rules.iter().any(|(kind, test)| {
            *kind == Kind::Exec
                && match test {
                    Test::All => true,
                    Test::Range(first, last) => (*first..=*last).contains(&pc),
                    Test::Name(..) => false,
                }
        })
    }

    /// Whether an event is taken.
    pub(crate) fn takes(&self, e: &Event) -> bool {
        let timely = match e.what {
            What::Wait { until } => e.at < self.end && until.unwrap_or(Ps::MAX) >= self.start,
            _ => (self.start..self.end).contains(&e.at),
        };
        timely
            && e.core.is_none_or(|core| self.has_core(core))
            && self.rules.iter().any(|(kind, test)| takes(*kind, test, e))
    }
}

fn takes(kind: Kind, test: &Test, e: &Event) -> bool {
    let interrupt = matches!(e.what, What::Trap { interrupt: true, .. });
    if e.kind() != kind && !(kind == Kind::Irq && interrupt) {
        return false;
    }
    match test {
        Test::All => true,
        Test::Range(first, last) => {
            let addr = match &e.what {
                What::Mem { va, .. } => Some(*va),
                What::Mmio { pa, .. } => *pa,
                _ => e.pc,
            };
            addr.is_some_and(|a| (*first..=*last).contains(&a))
        }
        Test::Name(name, core) => match &e.what {
            What::Mmio { device, .. } => device == name,
            What::Line { target, .. } => target == name,
            What::Sent { plug, .. } => plug == name,
            What::Trap { .. } => core.is_some() && e.core == *core,
            _ => false,
        },
    }
}

fn named(
    kind: Kind,
    name: &str,
    names: &Names,
    parts: &[String],
    plugs: &[String],
) -> Result<Test, Report> {
    let list = match kind {
        Kind::Exec | Kind::Mem | Kind::Trap => {
            let found = names.symbols.range(name);
            let (first, len) = found.ok_or_else(|| {
                let what = format!("no symbol is named `{name}`");
                Report::new("E1010", what)
                    .note("note", "symbols come from the images that are loaded, and --symbols")
            })?;
            return Ok(Test::Range(first, first.saturating_add(len.max(1) - 1)));
        }
        Kind::Plug => plugs,
        Kind::Wait | Kind::State => {
            let what = format!("`{}` takes no filter by name", kind.name());
            return Err(Report::new("E1010", what).note("help", "--trace-core filters by core"));
        }
        Kind::Mmio | Kind::Irq => parts,
    };
    match list.iter().any(|p| p == name) {
        true => Ok(Test::Name(name.to_string(), core_at(names, name))),
        false => Err(unknown(if kind == Kind::Plug { "plug" } else { "part" }, name, list)),
    }
}

fn unknown(what: &str, name: &str, all: &[String]) -> Report {
    let list = if all.is_empty() { String::from("none") } else { all.join(", ") };
    Report::new("E1010", format!("no {what} is named `{name}`"))
        .note("help", format!("there are {list}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_and_filters_are_read() {
        let rules = TraceSpec::parse_rules("exec:0x8000_0000-0x8000_0fff,mmio:uart0,state:10k");
        let only = |r: &Rule| r.only.clone();
        let rules = rules.unwrap();
        assert_eq!(only(&rules[0]), Some(Only::Range(0x8000_0000, 0x8000_0fff)));
        assert_eq!(only(&rules[1]), Some(Only::Name("uart0".into())));
        assert_eq!(only(&rules[2]), Some(Only::Every(10_000)));
        for bad in ["", "exce", "exec:", "exec:0x10-0x0", "exec:0x10-", "state:0", "state:x", "a,"]
        {
            let e = TraceSpec::parse_rules(bad).unwrap_err();
            assert_eq!(e.code, "E1010", "{bad}");
        }
    }

    #[test]
    fn numbers_have_units() {
        let all =
            ["12", "1_000", "0xff_ff", "3k", "2M", "", "k", "-1", "1.5", "99999999999999999M"];
        let got: Vec<Option<u64>> = all.iter().map(|t| number(t)).collect();
        let some = [12, 1000, 0xffff, 3000, 2_000_000].map(Some);
        assert_eq!(got[..5], some);
        assert_eq!(got[5..], [None; 5]);
    }

    #[test]
    fn an_interrupt_is_a_trap_and_an_irq() {
        let names = Names { cores: vec![vec!["hart0".into()]], ..Names::default() };
        let trap = |interrupt| Event {
            at: 5,
            core: Some((0, 0)),
            pc: Some(0x10),
            what: What::Trap { interrupt, cause: 7, name: String::new(), value: 0, handler: 0 },
        };
        let takes = |rules: &str, e: &Event| {
            let rules = TraceSpec::parse_rules(rules).unwrap();
            let spec = TraceSpec { rules, end: 6, ..TraceSpec::default() };
            Filter::new(&spec, &names, &[], &[]).unwrap().takes(e)
        };
        assert!(takes("trap", &trap(true)) && takes("irq", &trap(true)));
        assert!(takes("trap", &trap(false)) && !takes("irq", &trap(false)));
        assert!(takes("trap:0x10", &trap(false)) && !takes("trap:0x11", &trap(false)));
        assert!(!takes("trap", &Event { at: 6, ..trap(true) }));
        // By the name of the core.
        let rules = TraceSpec::parse_rules("irq:hart0,irq:plic").unwrap();
        let spec = TraceSpec { rules, ..TraceSpec::default() };
        let parts = ["hart0".to_string(), "plic".to_string()];
        let filter = Filter::new(&spec, &names, &parts, &[]).unwrap();
        assert!(filter.takes(&trap(true)) && !filter.takes(&trap(false)));
        assert!(!filter.takes(&Event { core: Some((0, 1)), ..trap(true) }));
    }

    #[test]
    fn names_must_exist() {
        let names = Names { cores: vec![vec!["hart0".into()]], ..Names::default() };
        for (rules, core) in [("exec:main", "hart0"), ("mmio:uart", "hart0"), ("exec", "hart9")] {
            let rules = TraceSpec::parse_rules(rules).unwrap();
            let spec = TraceSpec { rules, cores: vec![core.into()], ..TraceSpec::default() };
            assert_eq!(Filter::new(&spec, &names, &[], &[]).unwrap_err().code, "E1010");
        }
    }
}
