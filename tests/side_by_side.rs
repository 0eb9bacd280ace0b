//! Two machines in one process, of different ISAs, do exactly what each does alone: there is no
//! state that they share.

use hetemu::find::{self, Source};
use hetemu::{Settings, registry};
use hetemu_engine::EngineConfig;
use hetemu_machine::{Declared, Options, Running, SerialPlug, Step};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

/// A terminal that types a text once, and keeps what it is sent.
#[derive(Clone, Default)]
struct Recorder {
    seen: Arc<Mutex<Vec<u8>>>,
    typed: Arc<Mutex<Vec<u8>>>,
}

impl SerialPlug for Recorder {
    fn send(&mut self, bytes: &[u8]) {
        self.seen.lock().expect("one thread").extend_from_slice(bytes);
    }
    fn input(&mut self, into: &mut Vec<u8>) {
        into.append(&mut self.typed.lock().expect("one thread"));
    }
    fn live(&self) -> bool {
        true
    }
}

struct Subject {
    machine: Running,
    console: Recorder,
    trace: Vec<(u64, u64, usize)>,
    over: bool,
}

/// A machine with its shipped firmware, the harness of the differential runs where it has none.
fn start(name: &str, settings: &Settings, engine: &EngineConfig, typed: &str) -> Subject {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let registry = Arc::new(registry::registry());
    let path = root.join("machines").join(format!("{name}.hm"));
    let source: Source = find::find(&path.to_string_lossy()).expect("a shipped machine");
    let loaded = hetemu::check(&source, settings, registry.catalog());
    let graph = loaded.graph.expect("a sound machine");
    let console = Recorder::default();
    console.typed.lock().expect("one thread").extend_from_slice(typed.as_bytes());
    let hosts: BTreeMap<String, Box<dyn SerialPlug>> =
        [("serial0".to_string(), Box::new(console.clone()) as Box<dyn SerialPlug>)].into();
    let options = Options { engine: engine.clone(), seed: 7, ..Options::default() };
    let checked = Declared::new(graph).check(registry).unwrap_or_else(|e| panic!("{name}: {e:?}"));
    let created = checked.create(options, hosts).unwrap_or_else(|e| panic!("{name}: {e}"));
    let realized = created.wire().realize().unwrap_or_else(|e| panic!("{name}: {e}"));
    let ready = realized.load(&[], &source.base).unwrap_or_else(|e| panic!("{name}: {e}"));
    Subject { machine: ready.start(), console, trace: Vec::new(), over: false }
}

impl Subject {
    /// One step; what can be seen of the machine after it goes into the trace.
    fn step(&mut self) {
        match self.machine.step() {
            Step::Ran | Step::Stopped => {}
            Step::Idle(Some(at)) => self.machine.skip_to(at),
            Step::Idle(None) | Step::Debug(_) | Step::Ended => self.over = true,
        }
        let sent = self.console.seen.lock().expect("one thread").len();
        self.trace.push((self.machine.now(), self.machine.retired(), sent));
    }

    fn done(&self) -> bool {
        self.over || self.trace.len() >= 400
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.console.seen.lock().expect("one thread")).into_owned()
    }
}

fn pair(engine: &EngineConfig) -> [Subject; 2] {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let demo = root.join("machines/firmware/riscv-virt/demo-rv64.elf");
    let settings = Settings {
        plug: vec![("firmware".into(), demo.to_string_lossy().into_owned())],
        ..Settings::default()
    };
    [
        start("opentitan", &Settings::default(), engine, "echo side by side\r"),
        start("riscv-virt", &settings, engine, ""),
    ]
}

fn alone(engine: &EngineConfig) -> [Subject; 2] {
    pair(engine).map(|mut s| {
        while !s.done() {
            s.step();
        }
        s
    })
}

fn together(engine: &EngineConfig) -> [Subject; 2] {
    let mut both = pair(engine);
    while both.iter().any(|s| !s.done()) {
        // An uneven rhythm, so that neither always follows the other.
        for (i, s) in both.iter_mut().enumerate() {
            for _ in 0..1 + i * 2 {
                if !s.done() {
                    s.step();
                }
            }
        }
    }
    both
}

#[track_caller]
fn same(a: &[Subject; 2], b: &[Subject; 2]) {
    for (a, b) in a.iter().zip(b) {
        assert_eq!(a.text(), b.text());
        assert!(a.text().len() > 20, "hardly any output: {:?}", a.text());
        let differ = a.trace.iter().zip(&b.trace).position(|(x, y)| x != y);
        assert_eq!(differ.map(|i| (i, a.trace[i], b.trace[i])), None);
        assert_eq!(a.trace.len(), b.trace.len());
    }
}

#[test]
fn interleaved_as_alone() {
    let engine = EngineConfig { jit: false, ..EngineConfig::default() };
    same(&alone(&engine), &together(&engine));
}

#[test]
fn interleaved_as_alone_when_compiled() {
    let engine = EngineConfig { tier_up: 4, tier_two: 10, ..EngineConfig::default() };
    same(&alone(&engine), &together(&engine));
}

#[test]
fn compiled_as_interpreted() {
    let compiled = EngineConfig { tier_up: 4, tier_two: 10, ..EngineConfig::default() };
    let interpreted = EngineConfig { jit: false, ..EngineConfig::default() };
    same(&alone(&compiled), &alone(&interpreted));
}

#[test]
fn two_of_a_kind_with_different_input() {
    let engine = EngineConfig::default();
    let run = |typed: &[&str]| -> Vec<String> {
        let mut all: Vec<Subject> =
            typed.iter().map(|t| start("opentitan", &Settings::default(), &engine, t)).collect();
        while all.iter().any(|s| !s.done()) {
            all.iter_mut().filter(|s| !s.done()).for_each(Subject::step);
        }
        all.iter().map(Subject::text).collect()
    };
    let both = run(&["echo one\r", "echo two\r"]);
    assert_eq!(both, [run(&["echo one\r"]), run(&["echo two\r"])].concat());
    assert!(both[0].contains("one") && both[1].contains("two"), "{both:?}");
}
