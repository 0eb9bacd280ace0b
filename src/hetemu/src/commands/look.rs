//! The flags of `run` that look into the machine: what they ask for, and the files they write.

use crate::cli::look::{CoverageFormat, Look, TraceFormat};
use hetemu::find::Base;
use hetemu::look::{coverage, perf, perfetto::Perfetto, symbols, text::Text};
use hetemu_graph::Graph;
use hetemu_machine::{Files, Kind, Profile, Report, Running, TraceSink, TraceSpec};
use hetemu_schema::Value;
use std::cell::RefCell;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::time::Duration;

/// Functions in the table of `--profile -`.
const TABLE: usize = 30;

/// What a run is asked to show.
pub(crate) struct Looking {
    args: Look,
    trace: Option<(TraceSpec, Option<String>)>,
}

/// Reads files and, for coverage, keeps them.
pub(crate) struct Kept {
    inner: Base,
    keep: bool,
    files: RefCell<Vec<(String, Vec<u8>)>>,
}

impl Kept {
    pub(crate) fn new(inner: &Base, looking: &Looking) -> Kept {
        Kept {
            inner: inner.clone(),
            keep: looking.args.coverage.is_some(),
            files: RefCell::default(),
        }
    }
}

impl Files for Kept {
    fn read(&self, path: &str, from_text: bool) -> Result<Vec<u8>, String> {
        let bytes = self.inner.read(path, from_text)?;
        if self.keep {
            self.files.borrow_mut().push((path.to_string(), bytes.clone()));
        }
        Ok(bytes)
    }

    fn open(&self, path: &str, from_text: bool) -> Option<std::fs::File> {
        self.inner.open(path, from_text)
    }
}

fn ps(d: Duration) -> u64 {
    u64::try_from(d.as_nanos().saturating_mul(1000)).unwrap_or(u64::MAX)
}

fn failed(what: &str, path: &str, e: impl std::fmt::Display) -> Report {
    let message = format!("{what} cannot be written to `{path}`: {e}");
    Report { code: "E1011", message, notes: Vec::new() }
}

fn mistake(message: impl Into<String>) -> Report {
    Report { code: "E1010", message: message.into(), notes: Vec::new() }
}

impl Looking {
    /// Reads the flags, and `machine.log` if they do not ask for a trace.
    pub(crate) fn new(args: &Look, graph: &Graph) -> Result<Looking, Report> {
        let (kinds, file) = match &args.trace {
            Some(text) => match text.split_once('=') {
                Some((_, "")) => return Err(mistake("the trace's file has no name")),
                Some((kinds, file)) => (Some(kinds.to_string()), Some(file.to_string())),
                None => (Some(text.clone()), None),
            },
            None => (logged(graph), None),
        };
        let Some(kinds) = kinds else {
            let all = [
                ("--trace-format", args.trace_format.is_some()),
                ("--trace-core", !args.trace_core.is_empty()),
                ("--trace-limit", args.trace_limit.is_some()),
                ("--trace-start", args.trace_start.is_some()),
                ("--trace-end", args.trace_end.is_some()),
            ];
            return match all.iter().find(|(_, given)| *given) {
                Some((flag, _)) => Err(mistake(format!("`{flag}` needs --trace"))),
                None => Ok(Looking { args: args.clone(), trace: None }),
            };
        };
        let spec = TraceSpec {
            rules: TraceSpec::parse_rules(&kinds)?,
            cores: args.trace_core.clone(),
            start: args.trace_start.map_or(0, ps),
            end: args.trace_end.map_or(u64::MAX, ps),
            limit: args.trace_limit.unwrap_or(u64::MAX),
        };
        Ok(Looking { args: args.clone(), trace: Some((spec, file)) })
    }

    /// Whether only the interpreter can show what is asked for.
    pub(crate) fn interprets(&self) -> bool {
        self.trace.as_ref().is_some_and(|(spec, _)| spec.has(Kind::Mem))
    }

    /// Opens files and begins to look, before the first instruction.
    pub(crate) fn begin(&self, machine: &mut Running) -> Result<(), Report> {
        for text in &self.args.symbols {
            machine.add_symbols(self.read_symbols(text)?.0);
        }
        if let Some((spec, file)) = &self.trace {
            let form = self.args.trace_format.unwrap_or_else(|| by_name(file.as_deref()));
            let sink: Box<dyn TraceSink> = match file.as_deref() {
                None => sink(io::stderr(), form),
                Some("-") => sink(io::stdout(), form),
                Some(path) => {
                    let file = File::create(path).map_err(|e| failed("the trace", path, e))?;
                    sink(BufWriter::with_capacity(1 << 16, file), form)
                }
            };
            machine.trace(spec, sink)?;
        }
        if self.args.profile.is_some() {
            machine.start_profile(self.args.profile_every)?;
        }
        if self.args.coverage.is_some() {
            machine.record_blocks();
        }
        if self.args.perf_map {
            machine.record_code();
        }
        Ok(())
    }

    /// The symbols of a `FILE[@ADDR]`, the file and the address.
    fn read_symbols(&self, arg: &str) -> Result<(hetemu_loader::Symbols, Named), Report> {
        let (path, by) = match arg.rsplit_once('@') {
            Some((path, at)) => match hetemu_machine::number(at) {
                Some(by) => (path, by),
                None => (arg, 0),
            },
            None => (arg, 0),
        };
        let wrong = |e: String| Report {
            code: "E1012",
            message: format!("symbols of `{path}` cannot be used: {e}"),
            notes: Vec::new(),
        };
        let bytes = std::fs::read(path).map_err(|e| wrong(e.to_string()))?;
        let symbols = symbols(&bytes, by).map_err(wrong)?;
        Ok((symbols, Named { path: path.to_string(), bytes, by }))
    }

    /// Writes everything, after the last instruction. All of it is tried; the first error is given.
    pub(crate) fn end(&self, machine: &mut Running, kept: &Kept) -> Result<(), Report> {
        let mut first = Ok(());
        let mut note = |done: Result<(), Report>| {
            if first.is_ok() {
                first = done;
            }
        };
        if let Some((_, file)) = &self.trace {
            let path = file.as_deref().unwrap_or("standard error");
            note(machine.end_trace().map_err(|e| failed("the trace", path, e)));
        }
        if let (Some(path), Some(profile)) = (&self.args.profile, machine.profile()) {
            note(write_profile(profile, path));
        }
        if let Some(path) = &self.args.coverage {
            note(self.write_coverage(machine, kept, path));
        }
        if self.args.perf_map {
            let path = format!("/tmp/perf-{}.map", std::process::id());
            let done = std::fs::write(&path, perf::map(machine));
            note(done.map_err(|e| failed("the map of compiled code", &path, e)));
        }
        first
    }

    fn write_coverage(&self, machine: &Running, kept: &Kept, path: &str) -> Result<(), Report> {
        let files = kept.files.borrow();
        let mut programs = Vec::new();
        for loaded in machine.loaded() {
            let Some((_, bytes)) = files.iter().find(|(p, _)| *p == loaded.path) else { continue };
            programs.push(coverage::Program::of(loaded, bytes.clone()));
        }
        for arg in &self.args.symbols {
            let Named { path, bytes, by } = self.read_symbols(arg)?.1;
            if bytes.starts_with(b"\x7fELF") {
                programs.push(coverage::Program { path, bytes, base: by, ranges: Vec::new() });
            }
        }
        let lcov = path.ends_with(".info") || path.ends_with(".lcov");
        let usual = if lcov { CoverageFormat::Lcov } else { CoverageFormat::Drcov };
        let executed = machine.executed();
        let report = match self.args.coverage_format.unwrap_or(usual) {
            CoverageFormat::Drcov => coverage::drcov(&programs, &executed),
            CoverageFormat::Lcov => coverage::lcov(&programs, &executed),
        };
        std::fs::write(path, &report.bytes).map_err(|e| failed("coverage", path, e))?;
        let (inside, outside) = report.blocks;
        let mut say = format!("coverage: {inside} blocks of code in {path}");
        if let Some((hit, found)) = report.lines {
            say = match found {
                0 => format!("coverage: no program has line tables (compile it with -g): {path}"),
                _ => format!("coverage: {hit} of {found} lines in {path}"),
            };
        }
        if outside > 0 {
            say.push_str(&format!("; {outside} blocks lie in no program (see --symbols)"));
        }
        super::complain(say);
        Ok(())
    }
}

/// A file of symbols.
struct Named {
    path: String,
    bytes: Vec<u8>,
    by: u64,
}

/// The kinds that the machine's own text asks for; `bus` is the language's word for `mmio`.
fn logged(graph: &Graph) -> Option<String> {
    let kinds = match graph.settings.get("log")? {
        Value::List(list) => list.iter().filter_map(|v| v.as_str()).collect(),
        other => vec![other.as_str()?],
    };
    let word = |k: &&str| if *k == "bus" { "mmio" } else { *k }.to_string();
    let kinds: Vec<String> = kinds.iter().map(word).collect();
    (!kinds.is_empty()).then(|| kinds.join(","))
}

fn by_name(path: Option<&str>) -> TraceFormat {
    let json = |p: &str| [".json", ".perfetto", ".perfetto-trace"].iter().any(|e| p.ends_with(e));
    if path.is_some_and(json) { TraceFormat::Perfetto } else { TraceFormat::Text }
}

fn sink(out: impl Write + Send + 'static, form: TraceFormat) -> Box<dyn TraceSink> {
    match form {
        TraceFormat::Text => Box::new(Text::new(out)),
        TraceFormat::Perfetto => Box::new(Perfetto::new(out)),
    }
}

fn write_profile(profile: &Profile, path: &str) -> Result<(), Report> {
    let mut out = String::new();
    if path == "-" {
        let all = profile.samples().max(1);
        let percent = |n: u64| n as f64 * 100.0 / all as f64;
        out.push_str(&format!(
            "profile    {} samples, one every {} instructions of a core\n",
            profile.samples(),
            profile.every()
        ));
        out.push_str("     own   total  function\n");
        let flat = profile.flat();
        for (name, own, total) in flat.iter().take(TABLE) {
            out.push_str(&format!("{:6.2} % {:6.2} %  {name}\n", percent(*own), percent(*total)));
        }
        if flat.len() > TABLE {
            out.push_str(&format!("and {} more\n", flat.len() - TABLE));
        }
        let _ = io::stderr().write_all(out.as_bytes());
        return Ok(());
    }
    for (stack, n) in profile.folded() {
        out.push_str(&format!("{stack} {n}\n"));
    }
    std::fs::write(path, out).map_err(|e| failed("the profile", path, e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_follow_names() {
        assert_eq!(by_name(Some("a.json")), TraceFormat::Perfetto);
        assert_eq!(by_name(Some("a.perfetto")), TraceFormat::Perfetto);
        assert_eq!(by_name(Some("a.json.txt")), TraceFormat::Text);
        assert_eq!(by_name(None), TraceFormat::Text);
    }
}
