//! The entry points that fuzzers and `tests/fuzz_smoke.rs` share: any bytes in, no panic.

use hetemu_hw::testing::Bench;
use hetemu_hw::{Model, Reader};
use hetemu_isa::{CoreConfig, FetchFault};
use hetemu_machine::{About, Limit, Registry, Running, Step};
use hetemu_schema::{Catalog, Literal, RegionKind};
use hetemu_snapshot::{Container, Memory};

/// The text of a machine, parsed and checked; every message must have its place and its page.
pub fn machine(bytes: &[u8], catalog: &Catalog) {
    let checked = hetemu_lang::check_bytes(bytes, catalog);
    for diagnostic in &checked.diagnostics {
        let code = diagnostic.code.to_string();
        assert!(hetemu_lang::explain(&code).is_some(), "{code} has no page");
    }
}

/// What a client sends to the editor server: framed messages, or a script of edits and questions
/// about a text.
pub fn editor(bytes: &[u8], catalog: &Catalog) {
    let check = |path: &str, text: &str, library: &dyn hetemu_lang::Library| {
        let (mut sources, file) = hetemu_lang::SourceMap::single(path, text);
        let none = hetemu_lang::Overrides::default();
        let c = hetemu_lang::check_with(&mut sources, file, catalog, &none, library);
        let (diagnostics, ingredients) = (c.diagnostics, c.ingredients);
        hetemu_lsp::Checked { diagnostics, sources, graph: c.graph, ingredients }
    };
    let library = &hetemu_lang::NoLibrary;
    let ground = hetemu_lsp::Ground { catalog, check: &check, library, place: &|_| None };
    let code = hetemu_lsp::serve(bytes, std::io::sink(), &ground);
    assert!(code.is_ok_and(|c| c <= 1));
    let text = String::from_utf8_lossy(bytes);
    let mut messages = Vec::new();
    let uri = "file:///fuzz.hm";
    let mut say = |method: &str, params: serde_json::Value| {
        let message = serde_json::json!({ "id": 1, "method": method, "params": params });
        let body = message.to_string();
        messages.extend(format!("Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes());
    };
    let document = serde_json::json!({ "uri": uri, "version": 1, "text": text });
    say("textDocument/didOpen", serde_json::json!({ "textDocument": document }));
    let methods = ["hover", "definition", "references", "rename", "completion", "formatting"];
    let more = ["codeAction", "documentSymbol", "inlayHint", "foldingRange"];
    for (i, method) in methods.iter().chain(&more).enumerate() {
        let pick = |n: usize| bytes.get((i * 7 + n) % bytes.len().max(1)).copied().unwrap_or(0);
        let place = serde_json::json!({ "line": pick(0) % 32, "character": pick(1) % 64 });
        let range = serde_json::json!({ "start": place, "end": place });
        let params = serde_json::json!({ "textDocument": { "uri": uri }, "position": place,
            "range": range, "newName": "fresh" });
        say(&format!("textDocument/{method}"), params);
    }
    let code = hetemu_lsp::serve(messages.as_slice(), std::io::sink(), &ground);
    assert!(code.is_ok_and(|c| c == 1));
}

/// The formatter: what it formats it leaves alone the second time.
pub fn formatter(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let Ok(once) = hetemu_lang::format(&text, 0) else { return };
    match hetemu_lang::format(&once, 0) {
        Ok(twice) => assert!(once == twice, "not idempotent:\n{once}\n---\n{twice}"),
        Err(e) => panic!("then refused: {e:?}\n{once}"),
    }
}

/// A schema file.
pub fn schema(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    match hetemu_schema::build::read(&text, "fuzz.kdl") {
        Ok(types) => drop(hetemu_schema::build::emit(&types)),
        Err(errors) => assert!(!errors.is_empty()),
    }
}

/// A firmware image: ELF, gzip, raw.
pub fn image(bytes: &[u8]) {
    if let Ok(mut image) = hetemu_loader::load(bytes) {
        image.place(0x8000_0000);
        let _ = (image.floats(), image.bounds());
        let total: u64 = image.segments.iter().map(|s| s.bytes.len() as u64).sum();
        assert!(total <= hetemu_loader::MAX_IMAGE, "{total} bytes");
    }
}

/// Takes numbers from the input; zeros after its end.
struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        let n = N.min(self.0.len());
        let (head, tail) = self.0.split_at(n);
        out[..n].copy_from_slice(head);
        self.0 = tail;
        out
    }

    fn byte(&mut self) -> u8 {
        self.bytes::<1>()[0]
    }

    fn pick(&mut self, n: usize) -> usize {
        usize::from(self.byte()) % n.max(1)
    }
}

/// The models of a registry, in order of their types.
pub fn models(registry: &Registry) -> Vec<Model> {
    registry.catalog().iter().filter_map(|ty| registry.model(ty).copied()).collect()
}

/// Traffic for one device: the first byte picks it.
pub fn registers(bytes: &[u8], models: &[Model]) {
    let mut input = Input(bytes);
    let Some(model) = models.get(input.pick(models.len())) else { return };
    let mut bench = Bench::of(model, &[], &[]);
    bench.cx.memory = vec![0; 0x4000];
    while !input.0.is_empty() {
        step(model, &mut bench, &mut input);
        bench.cx.sent.clear();
        bench.cx.requests.clear();
        bench.cx.unimplemented.clear();
        bench.cx.pulses.clear();
        bench.cx.more.clear();
    }
    drop(hetemu_hw::regs::shown(model.ty, bench.dev.as_ref()));
    let state = bench.save();
    assert!(bench.load(&state, model.ty.state.version).is_ok(), "its own state is refused");
}

fn step(model: &Model, bench: &mut Bench, input: &mut Input<'_>) {
    let ty = model.ty;
    match input.byte() % 16 {
        kind @ 0..10 => {
            let number = input.pick(ty.regions.len());
            let Some(region) = ty.regions.get(number) else { return };
            let defaults = |name: &str| match ty.prop(name)?.default {
                Some(Literal::Int(n)) => Some(n),
                _ => ty.prop(name)?.min,
            };
            let size = region.size.and_then(|c| c.eval(defaults)).unwrap_or(0x1000).max(8);
            let widths: Vec<u8> =
                [1, 2, 4, 8].into_iter().filter(|w| region.access & w != 0).collect();
            let (Some(&width), RegionKind::Mmio) =
                (widths.get(input.pick(widths.len())), region.kind)
            else {
                return;
            };
            let offset = match region.regs.get(input.pick(region.regs.len() + 1)) {
                Some(reg) => {
                    let element = u64::from(u16::from_le_bytes(input.bytes()));
                    reg.offset + element % u64::from(reg.count.max(1)) * u64::from(reg.stride)
                }
                None => u64::from(u32::from_le_bytes(input.bytes())),
            };
            let offset = (offset % size) & !(u64::from(width) - 1);
            let (dev, cx) = (&mut bench.dev, &mut bench.cx);
            if kind < 4 {
                let peeked = dev.peek(number as u32, offset, width);
                let read = dev.read(cx, number as u32, offset, width);
                assert!(peeked.is_none() || read == peeked.ok_or(hetemu_hw::BusError), "peek");
            } else {
                let value =
                    u64::from_le_bytes(input.bytes()) & u64::MAX >> (64 - 8 * u32::from(width));
                let _ = dev.write(cx, number as u32, offset, width, value);
            }
        }
        10 => {
            let number = input.pick(ty.inputs.len());
            let Some(port) = ty.inputs.get(number) else { return };
            let lines = port.width.map_or(1, |w| w.add.max(1));
            let line = port.first + (u64::from(input.byte()) % lines) as u32;
            bench.signal(number as u32, line, input.byte() & 1 == 1);
        }
        11 if !ty.links.is_empty() => {
            let bytes = input.bytes::<5>();
            let taken = bench.receive(input.pick(ty.links.len()) as u32, &bytes);
            assert!(taken <= bytes.len());
        }
        12 => bench.advance(1 << (input.byte() % 40)),
        13 => bench.reset(),
        14 => {
            let (state, rest) = input.0.split_at(input.0.len().min(64));
            input.0 = rest;
            let mut fresh = Bench::of(model, &[], &[]);
            // Refused or taken: either is right for what is no state.
            let _ = fresh.dev.load(&mut Reader::new(state), ty.state.version);
            let _ = fresh.save();
        }
        _ => drop(hetemu_hw::regs::shown(ty, bench.dev.as_ref())),
    }
}

/// Instruction bytes, lifted and disassembled: the first bytes pick the core and its mode.
pub fn code(bytes: &[u8], registry: &Registry) {
    let mut input = Input(bytes);
    let cores: Vec<_> = registry
        .catalog()
        .iter()
        .filter(|ty| ty.core.as_ref().is_some_and(|c| registry.target(c.isa).is_some()))
        .collect();
    let Some(ty) = cores.get(input.pick(cores.len())) else { return };
    let Some(target) = ty.core.as_ref().and_then(|c| registry.target(c.isa)) else { return };
    let config = CoreConfig::plain(ty);
    let Ok(cpu) = target.create(&config) else { return };
    let key = u32::from(input.byte());
    let mode = hetemu_isa::Mode { key, ..Default::default() };
    let base = 0x8000_0ff0;
    let code = input.0;
    let mut fetch = |va: u64| {
        let at = va.wrapping_sub(base) as usize;
        match code.get(at..at.saturating_add(2)) {
            Some(half) => Ok(u16::from_le_bytes([half[0], half[1]])),
            None => Err(FetchFault(cpu.bus_fault(hetemu_isa::Access::Fetch, va))),
        }
    };
    let mut pc = base;
    while let Ok(block) = cpu.lift(mode, pc, 32, &mut fetch) {
        assert!(block.count > 0 && block.len > 0, "an empty block");
        pc += u64::from(block.len);
    }
    let mut at = 0;
    while let Some(rest) = code.get(at..).filter(|r| !r.is_empty()) {
        let step = target.disassemble(&config, base + at as u64, rest).map_or(2, |d| d.len);
        at += usize::from(step.max(1));
    }
}

/// A machine of another tool: the first byte picks the format. What comes out must be a text that
/// the parser reads, and the second import of the same bytes must give the same.
pub fn import(bytes: &[u8], catalog: &Catalog) {
    use hetemu_import::{Options, fdt, qemu, qmp, repl, svd};
    let Some((format, bytes)) = bytes.split_first() else { return };
    let options = Options::default();
    let once = || {
        let mut sources = hetemu_lang::SourceMap::new();
        let file = hetemu_lang::add_bytes(&mut sources, "input", bytes);
        let text = sources.get(file).map_or(String::new(), |f| f.text.clone());
        match format % 6 {
            0 => qmp::import(&sources, file, catalog, &options),
            1 => fdt::import(&sources, file, catalog, &options),
            2 => fdt::import_blob(&mut sources, "input", bytes, catalog, &options),
            3 => repl::import(&mut sources, file, catalog, &options, &mut |_, _, _| None),
            4 => svd::import(&sources, file, catalog, &options),
            _ => {
                let words: Vec<String> = text.split_whitespace().map(str::to_string).collect();
                qemu::import(&mut sources, &words, catalog, &options)
            }
        }
    };
    let (first, second) = (once(), once());
    assert_eq!(first.text, second.text, "two imports differ");
    if !first.text.is_empty() {
        let checked = hetemu_lang::check_bytes(first.text.as_bytes(), catalog);
        let syntax = checked.diagnostics.iter().find(|d| d.code.id().starts_with("E01"));
        assert!(syntax.is_none(), "{syntax:?}\n{}", first.text);
    }
}

/// What a client sends to the QMP server, of a machine that is built; behind a `!` of one that is
/// there. Every answer is one line of ASCII. What would write files is left out.
pub fn qmp(bytes: &[u8], registry: &std::sync::Arc<Registry>) {
    use hetemu_qmp::protocol::{Talk, Work, reply};
    let (live, bytes) = match bytes.strip_prefix(b"!") {
        Some(rest) => (true, rest),
        None => (false, bytes),
    };
    let mut session = match live {
        true => hetemu_control::Session::new(qmp_machine(registry)),
        false => {
            let mut draft = hetemu_qmp::Draft::default();
            draft.cpu = Some("lowrisc-ibex".into());
            let none = |_| {
                let message = String::from("none is made");
                Err(hetemu_machine::Report { code: "E1005", message, notes: Vec::new() })
            };
            hetemu_control::Session::draft(draft, Box::new(none))
        }
    };
    let monitor = hetemu_qmp::Monitor::new(registry.clone());
    let (mut talk, mut work) = (Talk::default(), Vec::new());
    for byte in bytes {
        talk.feed(*byte, &mut work);
        for item in work.drain(..) {
            let line = match item {
                Work::Answer { result, id } => reply(result, id),
                Work::Run { command, args, id, .. } => {
                    let files = ["path", "protocol", "vmstate", "uri"];
                    let writes = matches!(
                        command.name,
                        "hetemu-export-machine" | "dump-guest-memory" | "snapshot-save" | "migrate"
                    );
                    if writes && files.iter().any(|f| args.get(f).is_some()) {
                        continue;
                    }
                    let mut cx = hetemu_qmp::Context { session: &mut session, monitor: &monitor };
                    reply(cx.run(command, &args), id)
                }
            };
            assert!(
                line.ends_with("\r\n") && line.trim_end().bytes().all(|b| (b' '..127).contains(&b))
            );
            // A machine that runs does so between two requests.
            for _ in 0..4 {
                session.turn();
            }
        }
    }
}

fn qmp_machine(registry: &std::sync::Arc<Registry>) -> hetemu_machine::Running {
    let source = hetemu::find::find("opentitan").expect("a shipped machine");
    let settings = hetemu::Settings {
        plug: vec![("serial0".into(), "null".into())],
        ..hetemu::Settings::default()
    };
    let graph = hetemu::check(&source, &settings, registry.catalog()).graph.expect("no errors");
    let options = hetemu_machine::Options::default();
    let hosts = hetemu_machine::Hosts::default();
    let made = hetemu::realize(graph, registry.clone(), options, hosts, &[], &source.base);
    made.unwrap_or_else(|e| panic!("{e}"))
}

/// What a client sends to the server for GDB: a line is a packet's data, or all of it is a stream
/// of framed packets. Answers are bounded, and so is what the client's session keeps.
pub fn debugger(bytes: &[u8]) {
    use hetemu_gdb::{Answer, Incoming, Reader, Stub, encode};
    // addi a1,a1,1; sd a1,0(sp); ld a2,8(sp); amoadd.d a3,a1,(sp); j back
    const LOOP: [u32; 5] = [0x0015_8593, 0x00b1_3023, 0x0081_3603, 0x00b1_36af, 0xff1f_f06f];
    const MACHINE: &str = "hm 1
machine fuzz
clock core = 1 GHz
clock timebase = 10 MHz
hart[i < 2] : riscv.rv64 {
  bus = main
  clk = core
  hart = i
  reset_vector = 0x8000_0000
  msip <- clint.msip[i]
  mtip <- clint.mtip[i]
}
bus main {
  addr = 56
  width = 64
  0x0200_0000 clint : riscv.clint { clk = timebase, harts = 2 }
  0x8000_0000 + 1 MiB dram : memory.ram
}
";
    let machine = hetemu::Builder::text("fuzz", MACHINE).build();
    let Ok(mut machine) = machine else { panic!("no machine: {:?}", machine.err()) };
    let session = machine.session();
    if let Ok(m) = session.machine_mut() {
        let code: Vec<u8> = LOOP.iter().flat_map(|w| w.to_le_bytes()).collect();
        let cores: Vec<_> = m.cores().map(|(at, _)| at).collect();
        for at in cores {
            m.poke(at, 0x8000_0000, &code);
            m.set_core_register(at, "pc", 0x8000_0000);
            m.set_core_register(at, "sp", 0x8000_0160);
        }
    }
    let packets: Vec<Vec<u8>> = if bytes.first().is_some_and(|b| b % 8 == 7) {
        let mut reader = Reader::default();
        let packet = |b: &u8| match reader.push(*b) {
            Some(Incoming::Packet(packet)) => Some(packet),
            _ => None,
        };
        bytes.iter().filter_map(packet).collect()
    } else {
        let lines = bytes.split(|b| *b == b'\n');
        let packet = |line: &[u8]| {
            let mut reader = Reader::default();
            let framed = encode(line);
            let read = framed.iter().filter_map(|b| reader.push(*b)).next();
            match read {
                Some(Incoming::Packet(packet)) => assert_eq!(packet, line),
                other => assert!(framed.len() > 0x4000, "{other:?}"),
            }
            line.to_vec()
        };
        lines.map(packet).collect()
    };
    let mut stub = Stub::new(None);
    let (tell, told) = std::sync::mpsc::channel();
    let there = stub.connect(session, move |packet| tell.send(packet).is_ok());
    assert!(there.is_ok());
    for packet in packets.iter().take(200) {
        match stub.packet(session, packet) {
            Answer::Reply(data) => assert!(encode(&data).len() < 0x8010, "{packet:?}"),
            Answer::NoAcks => {}
            Answer::Bye(_) => break,
            Answer::Later => {
                for _ in 0..20 {
                    if let hetemu_control::Turn::Idle(Some(next)) = session.turn()
                        && let Ok(machine) = session.machine_mut()
                    {
                        machine.skip_to(next);
                    }
                }
                let now = stub.interrupt(session);
                // One answer, now or on its way.
                let count = told.try_iter().count() + usize::from(now.is_some());
                assert!(count == 1 || session.ended().is_some(), "{count} stops: {packet:?}");
            }
        }
    }
    stub.disconnect(session);
}

/// A file that says it is a snapshot: read as it is, and with its content in sections whose
/// checksums fit, set on a machine that then runs on. `template` is a sound one of that machine.
pub fn snapshot(bytes: &[u8], template: &Container, machine: &mut Running) {
    if let Ok(file) = Container::read(bytes) {
        for s in file.sections() {
            let _ = (Memory::survey(&s.name, &s.bytes), Memory::stored(&s.name, &s.bytes));
        }
        let _ = About::of(&file).map(|about| machine.takes(&about));
        set_state(file, machine);
    }
    // One section of the template becomes what the input says, or is patched with it.
    let mut input = Input(bytes);
    let [which, how] = input.bytes();
    let sections = template.sections();
    let Some(s) = sections.get(usize::from(which) % sections.len().max(1)) else { return };
    let mut content = s.bytes.clone();
    if how & 1 == 0 {
        content = input.0.to_vec();
    } else {
        while !input.0.is_empty() && !content.is_empty() {
            let [a, b, value] = input.bytes();
            let at = usize::from(u16::from_le_bytes([a, b])) % content.len();
            content[at] = value;
        }
    }
    let mut file = template.clone();
    file.add(s.name.clone(), s.version, content);
    set_state(file, machine);
    let _ = machine.replay(bytes);
}

fn set_state(file: Container, machine: &mut Running) {
    let Ok(saved) = machine.unpack(file, None) else { return };
    if machine.restore(&saved).is_err() {
        return;
    }
    machine.set_limit(Limit { insns: 500, ..Limit::default() });
    for _ in 0..50 {
        if !matches!(machine.step(), Step::Ran) {
            break;
        }
    }
}
