//! Traces as the Perfetto UI and chrome://tracing read them: JSON trace events.
//!
//! "Trace Event Format", the JSON object form: cores are threads, waiting is a slice on them, what
//! happens at a core is an instant there, a line is a counter that is 0 or 1, and every plug is a
//! thread of its own.

use hetemu_hw::time::Ps;
use hetemu_machine::{Event, Names, TraceSink, What};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{self, Write};

/// The process that all tracks belong to.
const PID: u32 = 1;

/// Writes events.
pub struct Perfetto<W> {
    out: W,
    first: bool,
    /// Tracks of plugs.
    plugs: BTreeMap<String, u64>,
    last: Ps,
}

impl<W: Write + Send> Perfetto<W> {
    /// Writes to something.
    pub fn new(out: W) -> Perfetto<W> {
        Perfetto { out, first: true, plugs: BTreeMap::new(), last: 0 }
    }

    fn put(&mut self, value: &Value) -> io::Result<()> {
        write!(self.out, ",\n{value}")
    }

    fn begin(&mut self, names: &Names) -> io::Result<()> {
        self.first = false;
        writeln!(self.out, "{{\"displayTimeUnit\":\"ns\",\"traceEvents\":[")?;
        let name = json!({"ph": "M", "name": "process_name", "pid": PID,
            "args": {"name": "machine"}});
        write!(self.out, "{name}")?;
        let cores: Vec<&String> = names.cores.iter().flatten().collect();
        for (i, core) in cores.into_iter().enumerate() {
            self.thread(i as u64 + 1, core)?;
        }
        Ok(())
    }

    fn thread(&mut self, tid: u64, name: &str) -> io::Result<()> {
        self.put(&json!({"ph": "M", "name": "thread_name", "pid": PID, "tid": tid,
            "args": {"name": name}}))?;
        self.put(&json!({"ph": "M", "name": "thread_sort_index", "pid": PID, "tid": tid,
            "args": {"sort_index": tid}}))
    }
}

/// Microseconds, to the picosecond.
fn micros(at: Ps) -> Value {
    let text = format!("{}.{:06}", at / 1_000_000, at % 1_000_000);
    serde_json::from_str(&text).unwrap_or(Value::Null)
}

/// The track of a core.
fn track(core: (usize, usize), names: &Names) -> u64 {
    let before: usize = names.cores.iter().take(core.0).map(Vec::len).sum();
    (before + core.1) as u64 + 1
}

impl<W: Write + Send> TraceSink for Perfetto<W> {
    fn event(&mut self, e: &Event, names: &Names) -> io::Result<()> {
        if self.first {
            self.begin(names)?;
        }
        self.last = self.last.max(e.at);
        let kind = e.kind().name();
        let hex = |n: u64| format!("{n:#x}");
        let (name, mut args) = match &e.what {
            What::Line { target, input, level } => {
                return self.put(&json!({"ph": "C", "cat": kind, "pid": PID, "ts": micros(e.at),
                    "name": format!("{target}.{input}"), "args": {"level": u8::from(*level)}}));
            }
            What::Wait { until } => {
                let core = e.core.unwrap_or_default();
                let end = until.unwrap_or(self.last).max(e.at);
                return self.put(&json!({"ph": "X", "cat": kind, "pid": PID, "name": "wait",
                    "tid": track(core, names), "ts": micros(e.at), "dur": micros(end - e.at)}));
            }
            What::Exec { bytes, text, writes } => {
                let mut args = json!({"code": super::text::word(bytes)});
                for (name, value) in writes {
                    args[*name] = hex(*value).into();
                }
                (text.clone(), args)
            }
            What::Mem { store, va, size, value } => {
                let verb = if *store { "store" } else { "load" };
                (format!("{verb} {size}"), json!({"address": hex(*va), "value": hex(*value)}))
            }
            What::Mmio { device, register, offset, pa, store, size, value } => {
                let verb = if *store { "write" } else { "read" };
                let reg = register.clone().unwrap_or_else(|| hex(*offset));
                let value = value.map_or(String::from("refused"), hex);
                let address = pa.map_or(Value::Null, |pa| hex(pa).into());
                (
                    format!("{verb} {device}.{reg}"),
                    json!({"size": size, "address": address, "value": value}),
                )
            }
            What::Trap { interrupt, cause, name, value, handler } => {
                let args = json!({"cause": cause, "interrupt": interrupt, "value": hex(*value),
                    "handler": names.place(*handler).unwrap_or_else(|| hex(*handler))});
                (name.clone(), args)
            }
            What::Sent { plug, bytes } => {
                (format!("{}", bytes.escape_ascii()), json!({"plug": plug}))
            }
            What::State { steps, hash } => {
                (String::from("state"), json!({"steps": steps, "hash": format!("{hash:016x}")}))
            }
        };
        if let Some(pc) = e.pc {
            args["pc"] = names.place(pc).unwrap_or_else(|| hex(pc)).into();
        }
        let tid = match (&e.what, e.core) {
            (What::Sent { plug, .. }, _) => match self.plugs.get(plug) {
                Some(tid) => *tid,
                None => {
                    let tid = 1000 + self.plugs.len() as u64;
                    self.plugs.insert(plug.clone(), tid);
                    self.thread(tid, plug)?;
                    tid
                }
            },
            (_, Some(core)) => track(core, names),
            _ => 0,
        };
        self.put(&json!({"ph": "i", "s": "t", "cat": kind, "name": name, "pid": PID, "tid": tid,
            "ts": micros(e.at), "args": args}))
    }

    fn finish(&mut self, names: &Names) -> io::Result<()> {
        if self.first {
            self.begin(names)?;
        }
        writeln!(self.out, "\n]}}")?;
        self.out.flush()
    }
}
