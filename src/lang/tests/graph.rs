//! What the samples become: facts of their graphs, values of the command line, and a machine that
//! is filled without a text.

mod common;

use hetemu_graph::{Flat, Graph, Lanes, Value, flatten};
use hetemu_lang::expr::{Expr, ExprKind, Index, Name, Path, Seg};
use hetemu_lang::source::NOWHERE;
use hetemu_lang::typed::{Act, Bus, Extent, Machine, Part, Row, Setting, TypeRef, Wire};
use hetemu_lang::{Checked, Overrides, SourceMap, check, check_machine};

fn run(text: &str, set: &[(&str, &str)], plug: &[(&str, &str)]) -> (Checked, SourceMap) {
    let (mut sources, file) = SourceMap::single("x.hm", text);
    let own = |a: &[(&str, &str)]| -> Vec<(String, String)> {
        a.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect()
    };
    let overrides = Overrides::from_args(&mut sources, &own(set), &own(plug));
    (check(&sources, file, &common::all_types(), &overrides), sources)
}

fn graph(name: &str, set: &[(&str, &str)], plug: &[(&str, &str)]) -> Graph {
    let all = common::samples();
    let text = &all.iter().find(|(n, _)| n == name).expect("a sample").1;
    let (checked, _) = run(text, set, plug);
    checked.graph.unwrap_or_else(|| panic!("{:?}", checked.diagnostics))
}

/// `uart.tx_watermark -> plic[1]` for each wire.
fn wires(g: &Graph) -> Vec<String> {
    let end =
        |p: hetemu_graph::Port, name: &str| format!("{}.{name}[{}]", g.part(p.part).name, p.index);
    g.wires
        .iter()
        .map(|w| {
            let out = g.part(w.from.part).ty.outputs[w.from.port as usize].name;
            let input = g.part(w.to.part).ty.inputs[w.to.port as usize].name;
            format!("{} -> {}", end(w.from, out), end(w.to, input))
        })
        .collect()
}

#[test]
fn opentitan_is_the_reference_machine() {
    let g = graph("opentitan", &[], &[]);
    let names: Vec<&str> = g.parts.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names, ["flash", "ibex", "plic", "ram", "rom", "uart"]);
    let rows: Vec<(u64, u64)> = g.buses[0].rows.iter().map(|r| (r.base, r.size)).collect();
    let registers = |name: &str| {
        let part = &g.parts[g.find_part(name).expect("a part").0 as usize];
        part.region_size(0).expect("a size")
    };
    let expected = [
        (0x8000, 16 << 10),
        (0x1000_0000, 64 << 10),
        (0x2000_0000, 512 << 10),
        (0x4000_0000, registers("uart")),
        (0x4101_0000, registers("plic")),
    ];
    assert_eq!(rows, expected);
    assert_eq!(
        wires(&g),
        [
            "plic.target[0] -> ibex.external[0]",
            "uart.tx_watermark[0] -> plic.in[1]",
            "uart.rx_watermark[0] -> plic.in[2]",
            "uart.tx_empty[0] -> plic.in[3]",
            "uart.rx_overflow[0] -> plic.in[4]",
        ]
    );
    let uart = &g.parts[g.find_part("uart").expect("a part").0 as usize];
    assert_eq!(uart.links.get("line").map(String::as_str), Some("serial0"));
    assert_eq!(uart.ty.full_name(), "lowrisc.uart@1");
    let serial = g.find_plug("serial0").expect("a plug");
    assert_eq!((serial.value.as_deref(), serial.from_text), (Some("stdio"), true));
    assert_eq!(g.part(g.find_part("rom").expect("a part")).int("size"), Some(16 << 10));
    assert!(g.doc.starts_with("OpenTitan Earl Grey"));
    assert_eq!(g.clusters.len(), 1);
    assert_eq!(g.buses[0].addr_bits, 32);
}

#[test]
fn trio_has_a_view_for_each_world() {
    let g = graph("trio", &[], &[]);
    let clusters: Vec<(&str, usize)> =
        g.clusters.iter().map(|c| (c.name.as_str(), c.cores.len())).collect();
    assert_eq!(clusters, [("be", 1), ("m4", 1), ("rv", 4)]);
    let rv2 = g.part(g.find_part("rv[2]").expect("an element"));
    assert_eq!((rv2.int("hart"), rv2.index), (Some(2), Some(2)));
    assert_eq!(rv2.clocks.get("clk"), Some(&(1_200_000_000, "core".to_string())));
    let all = wires(&g);
    assert_eq!(all.len(), 22);
    assert!(all.contains(&"plic.target[5] -> rv[2].seip[0]".to_string()), "{all:?}");

    let m4 = g.part(g.find_part("m4").expect("a part"));
    let view = flatten(&g, m4.masters["bus"]);
    let seen = |at: u64| view.iter().find(|r| r.start <= at && at <= r.last).map(|r| r.to);
    let uart0 = g.find_part("uart0").expect("a part");
    assert!(matches!(seen(0x7000_0000), Some(Flat::Region { part, .. }) if part == uart0));
    assert!(matches!(seen(0x7000_F000), Some(Flat::Hole(_))));
    let mbox = g.find_part("mbox").expect("a part");
    assert!(matches!(seen(0x5000_0010), Some(Flat::Region { part, .. }) if part == mbox));

    let be = g.part(g.find_part("be").expect("a part"));
    let dsp = flatten(&g, be.masters["bus"]);
    let lanes = |base: u64| dsp.iter().find(|r| r.start == base).map(|r| r.lanes);
    assert_eq!(lanes(0x1000_0000), Some(Lanes::Bytes));
    assert_eq!(lanes(0x1F00_0000), Some(Lanes::Swap32));
}

#[test]
fn q35_params_decide_its_map() {
    let small = graph("q35", &[], &[]);
    let large = graph("q35", &[("ram", "4GiB"), ("cpus", "3")], &[]);
    assert_eq!(small.params.get("ram"), Some(&Value::Int(1 << 30)));
    let above = |g: &Graph| {
        let mem = g.buses.iter().find(|b| b.name == "mem").expect("a bus");
        mem.rows.iter().find(|r| r.base == 0x1_0000_0000).map(|r| r.size)
    };
    assert_eq!((above(&small), above(&large)), (None, Some(2 << 30)));
    assert_eq!(large.clusters[0].cores.len(), 3);
    assert_eq!(large.parts.iter().filter(|p| p.name.starts_with("cpu[")).count(), 3);
    let lpc = large.part(large.find_part("lpc").expect("a part"));
    let host = large.find_part("host").expect("a part");
    assert_eq!(lpc.on, Some((host, "pcie".to_string(), "1f.0".to_string())));
}

#[test]
fn the_command_line_wins_and_is_checked() {
    let g = graph("opentitan", &[("rom.write", "fault")], &[("serial0", "file:a b.txt")]);
    assert_eq!(g.part(g.find_part("rom").expect("a part")).text("write"), Some("fault"));
    let serial = g.find_plug("serial0").expect("a plug");
    assert_eq!((serial.value.as_deref(), serial.from_text), (Some("file:a b.txt"), false));

    let text = &common::samples()[0].1;
    let (checked, sources) = run(text, &[("rom.write", "falt"), ("rm.size", "1")], &[]);
    let found: Vec<(&str, &str)> =
        checked.diagnostics.iter().map(|d| (d.code.id(), sources.text(d.span()))).collect();
    assert_eq!(found, [("E0208", "falt"), ("E0302", "rm.size")]);
    assert_eq!(sources.place(checked.diagnostics[0].span()), "<command line>:1:17");
}

#[test]
fn text_params_take_any_text() {
    let text = "hm 1\nmachine x\nparam args : string = \"\"\nparam n : count = 1\n\
                cpu : riscv.rv32 { bus = b, reset_vector = 0 }\nbus b {\n 0 + 4 KiB r : memory.ram\n}\n";
    for value in ["console=ttyS0 root=/dev/vda", "1", "n", "a.b"] {
        let (checked, _) = run(text, &[("args", value)], &[]);
        let g = checked.graph.expect("a sound machine");
        assert_eq!(g.params.get("args"), Some(&Value::Str(value.to_string())));
    }
}

#[test]
fn a_machine_without_a_text_passes_the_same_checker() {
    let name = |n: &str| Name::bare(n);
    let ty = |n: &str| TypeRef { name: n.into(), version: None, span: NOWHERE };
    let path = |n: &str| Path::bare([n]);
    let value = |n: &str| Expr { kind: ExprKind::Path(Path::bare([n])), span: NOWHERE };
    let part = |n: &str, t: &str, settings: Vec<Setting>| Part {
        name: name(n),
        array: None,
        ty: ty(t),
        on: None,
        settings,
        wires: Vec::new(),
        doc: String::new(),
        incomplete: false,
    };
    let row = |base: u64, extent: Extent, target: &str| Row {
        base: Expr::int(base),
        extent,
        place: NOWHERE,
        target: path(target),
        at: None,
        flags: Vec::new(),
        part: None,
        declares: false,
    };
    let line = |n: &str, i: u64| Seg { name: name(n), index: Some(Index::One(Expr::int(i))) };
    let size = Setting { path: path("size"), value: Expr::int(0x4000) };
    let bus = Setting { path: path("bus"), value: value("main") };
    let mut m = Machine { name: "made".into(), span: NOWHERE, ..Machine::default() };
    m.parts = vec![
        part("rom", "memory.rom", vec![size]),
        part("plic", "lowrisc.plic", Vec::new()),
        part("uart", "lowrisc.uart", Vec::new()),
        part("ibex", "lowrisc.ibex", vec![bus]),
    ];
    m.buses = vec![Bus {
        name: name("main"),
        settings: Vec::new(),
        rows: vec![
            row(0x8000, Extent::Type, "rom"),
            row(0x4101_0000, Extent::Type, "plic"),
            row(0x4000_0000, Extent::Type, "uart"),
        ],
        incomplete: false,
    }];
    let wire = |from: Vec<Seg>, to: Vec<Seg>| Wire {
        from: Path { segs: from, span: NOWHERE },
        to: Path { segs: to, span: NOWHERE },
        reversed: false,
        span: NOWHERE,
        act: Act::Plain,
        layer: 0,
    };
    let seg = |n: &str| Seg { name: name(n), index: None };
    let catalog = common::all_types();
    let sources = SourceMap::new();

    let open = check_machine(m.clone(), &sources, &catalog);
    let codes: Vec<&str> = open.diagnostics.iter().map(|d| d.code.id()).collect();
    assert!(codes.contains(&"E0402") && open.graph.is_none(), "{codes:?}");

    m.wires.push(wire(vec![seg("plic"), line("target", 0)], vec![seg("ibex"), seg("external")]));
    m.wires.push(wire(vec![seg("uart"), seg("tx_watermark")], vec![line("plic", 1)]));
    let made = check_machine(m, &sources, &catalog);
    let g = made.graph.unwrap_or_else(|| panic!("{:?}", made.diagnostics));
    assert_eq!(g.wires.len(), 2);
    assert_eq!(g.buses[0].rows.len(), 3);
    // Places that stand in no text must not break the messages about them.
    let shown = hetemu_lang::render(&open.diagnostics, &sources, false, 80);
    assert!(shown.contains("E0402"), "{shown}");
}
