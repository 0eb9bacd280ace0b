//! The KDL reader: what it makes of good files, and what it says of bad ones.

use hetemu_schema::build::read;
use hetemu_schema::*;

const GOOD: &str = r#"
device "acme.thing" version=2 {
    summary "A thing"
    spec "Manual, rev. B"
    compatible "acme,thing-2" "acme,thing"
    alias "thing" "thing-mm"
    deprecated "use acme.other"
    on "pci"
    prop "lines" type="count" default=4 min=1 max=32 doc="Lines"
    prop "mode" type="enum" values="fast slow" default="slow"
    prop "length" type="size" default="64KiB"
    prop "rate" type="frequency" default="1.5MHz" max="2MHz"
    prop "delay" type="duration" default="50us"
    prop "base" type="address" optional=#true
    prop "name" type="string" default="x"
    prop "strict" type="bool" default=#false unstable=#true host=#true
    prop "peer" type="part" optional=#true
    clock "clk"
    clock "aux" optional=#true
    clock "ref" default="24MHz"
    reset "rst" optional=#true
    link "line" type="serial" optional=#true
    in "in" kind="level" width="lines" first=1 optional=#true doc="Sources"
    in "nmi" kind="edge"
    out "out" kind="pulse" width="2*lines+1"
    master "dma" width=4 optional=#true
    bus "spi" kind="spi"
    region "regs" kind="mmio" size="8*lines" endian="big" access="4 8" align=16 {
        reg 0x00 "CTRL" "rw" reset=0x80 doc="Control" {
            bit 0 "EN"
            bits 4 7 "MODE" "ro"
        }
        reg 0x08 "DATA" "ro" bits=8 count=4 stride=2 read="effect"
    }
    region "mem" kind="ram"
    core isa="acme" bits=32 endian="big" page="1KiB" phys_bits=36 reset_vector=0x1000 {
        fact "arch" "v2"
    }
    state 3 {
        from 1 "all new"
        from 2 "wider"
    }
}
"#;

#[test]
fn reads_everything_a_schema_can_say() {
    let types = read(GOOD, "good.kdl").expect("sound");
    let t = &types[0];
    assert_eq!((t.name, t.version, t.summary), ("acme.thing", 2, "A thing"));
    assert_eq!(t.compatible, ["acme,thing-2", "acme,thing"]);
    assert_eq!(t.aliases, ["thing", "thing-mm"]);
    assert_eq!((t.deprecated, t.attaches), (Some("use acme.other"), Some("pci")));

    let default = |name| t.prop(name).and_then(|p| p.default);
    assert_eq!(default("length"), Some(Literal::Int(65536)));
    assert_eq!(default("rate"), Some(Literal::Int(1_500_000)));
    assert_eq!(t.prop("rate").and_then(|p| p.max), Some(2_000_000));
    assert_eq!(default("delay"), Some(Literal::Int(50_000)));
    assert_eq!(default("mode"), Some(Literal::Str("slow")));
    assert_eq!(t.prop("mode").map(|p| p.ty), Some(PropType::Enum(&["fast", "slow"])));
    assert_eq!(default("strict"), Some(Literal::Bool(false)));
    let strict = t.prop("strict").expect("there");
    assert!(strict.unstable && strict.host && !strict.optional);
    assert_eq!(default("base"), None);
    assert!(t.prop("base").expect("there").optional);

    let clocks: Vec<_> = t.clocks.iter().map(|c| (c.name, c.optional, c.default_hz)).collect();
    assert_eq!(
        clocks,
        [("clk", false, None), ("aux", true, None), ("ref", true, Some(24_000_000))]
    );

    let input = t.input("in").expect("there");
    assert_eq!(input.width, Some(Count { prop: Some("lines"), mul: 1, add: 0 }));
    assert_eq!((input.first, input.optional, input.doc), (1, true, "Sources"));
    assert_eq!(t.input("nmi").map(|s| (s.kind, s.width)), Some((SignalKind::Edge, None)));
    let width = t.output("out").and_then(|s| s.width).expect("an array");
    assert_eq!(width.eval(|p| (p == "lines").then_some(5)), Some(11));
    assert_eq!(t.master("dma").map(|m| (m.width, m.optional)), Some((4, true)));
    assert_eq!(t.buses[0].kind, "spi");

    let r = t.region("regs").expect("there");
    assert_eq!(
        (r.kind, r.endian, r.access, r.align),
        (RegionKind::Mmio, Some(Endian::Big), 0b1100, 16)
    );
    let ctrl = &r.regs[0];
    assert_eq!((ctrl.bits, ctrl.reset, ctrl.count, ctrl.doc), (32, Some(0x80), 1, "Control"));
    assert_eq!((ctrl.fields[0].lsb, ctrl.fields[0].msb), (0, 0));
    assert_eq!(
        (ctrl.fields[1].lsb, ctrl.fields[1].msb, ctrl.fields[1].access),
        (4, 7, Some(Access::Ro))
    );
    let data = &r.regs[1];
    assert_eq!((data.bits, data.count, data.stride, data.read_effect), (8, 4, 2, true));
    let mem = t.region("mem").expect("there");
    assert_eq!((mem.size, mem.endian, mem.align), (None, None, 1));

    let core = t.core.as_ref().expect("a core");
    assert_eq!((core.isa, core.bits, core.endian, core.page), ("acme", 32, Endian::Big, 1024));
    assert_eq!((core.phys_bits, core.reset_vector, core.fact("arch")), (36, 0x1000, Some("v2")));
    assert_eq!(t.state, State { version: 3, from: &[(1, "all new"), (2, "wider")] });
}

/// One line within `device "a" version=1 { summary "s" ... }`, and what the reader says of it.
const BAD: &[(&str, &str)] = &[
    ("colour \"red\"", "`device` holds no `colour`"),
    ("summary \"t\"", "`summary` is given twice"),
    ("spec", "`spec` takes 1 arguments and has 0"),
    ("spec 3", "expected text, found 3"),
    ("spec \"a\" { x }", "`spec` takes no block"),
    ("spec (t)\"a\"", "values take no type annotation"),
    ("(t)spec \"a\"", "`spec` takes no type annotation"),
    ("prop \"p\"", "`prop` needs `type=`"),
    ("prop \"p\" type=\"colour\"", "no property type `colour`"),
    ("prop \"p\" type=\"count\" defualt=3", "`prop` has no property `defualt`"),
    ("prop \"p\" type=\"count\" type=\"size\"", "`type` is given twice"),
    ("prop \"p\" type=\"count\" default=\"4KiB\"", "not a number with a unit that fits"),
    ("prop \"p\" type=\"frequency\" default=\"50us\"", "not a number with a unit that fits"),
    ("prop \"p\" type=\"size\" default=-1", "-1 is out of range"),
    ("prop \"p\" type=\"size\" default=1.5", "expected a number"),
    ("prop \"p\" type=\"size\" default=0x10000000000000000", "is out of range"),
    ("prop \"p\" type=\"bool\" default=1", "default 1 does not have the property's type"),
    ("prop \"p\" type=\"part\" default=\"x\"", "a part has no default"),
    ("prop \"p\" type=\"bool\" min=1", "`bool` has no `min`"),
    ("prop \"p\" type=\"count\" default=1 optional=#true", "is not `optional`"),
    ("prop \"p\" type=\"count\" optional=1", "expected #true or #false"),
    ("prop \"p\" type=\"count\" default=0 min=1", "default 0 is not in 1 .."),
    ("prop \"p\" type=\"count\" min=3 max=2", "min 3 is above max 2"),
    ("prop \"p\" type=\"enum\"", "goes with `type=\"enum\"`"),
    ("prop \"p\" type=\"bool\" values=\"a b\"", "goes with `type=\"enum\"`"),
    ("prop \"p\" type=\"enum\" values=\"a\"", "fewer than two values"),
    ("prop \"p\" type=\"enum\" values=\"a b\" default=\"c\"", "default `c` is not one of"),
    ("prop \"a b\" type=\"bool\"", "`a b` is not a name"),
    ("prop \"1st\" type=\"bool\"", "`1st` is not a name"),
    ("prop \"p\" type=\"bool\"; prop \"p\" type=\"bool\"", "property `p` is described twice"),
    ("prop \"p\" type=\"bool\"; clock \"p\"", "settable name `p` is described twice"),
    ("clock \"c\" default=\"10\"", "not a number with a unit that fits"),
    ("clock \"c\"; clock \"c\"", "clock `c` is described twice"),
    ("link \"l\"", "`link` needs `type=`"),
    ("link \"l\" type=\"usb\"", "`usb` is none of: serial, block"),
    ("in \"i\"", "`in` needs `kind=`"),
    ("in \"i\" kind=\"smooth\"", "`smooth` is none of: level, edge, pulse"),
    ("in \"i\" kind=\"level\" first=1", "`first` needs a `width`"),
    ("in \"i\" kind=\"level\" width=\"n\"", "scales with `n`, which is no property"),
    ("in \"i\" kind=\"level\" width=\"a+b\"", "is no count"),
    ("prop \"n\" type=\"bool\" default=#true; in \"i\" kind=\"level\" width=\"n\"", "is no number"),
    (
        "prop \"n\" type=\"count\" optional=#true; in \"i\" kind=\"level\" width=\"n\"",
        "may be unset",
    ),
    ("out \"o\" kind=\"level\"; out \"o\" kind=\"edge\"", "output `o` is described twice"),
    ("master \"m\" width=3", "widest access in bytes"),
    ("master \"m\" width=300", "`width` is 300, which is too large"),
    ("bus \"b\"", "`bus` needs `kind=`"),
    ("region \"r\"", "`region` needs `kind=`"),
    ("region \"r\" kind=\"port\"", "`port` is none of: mmio, ram"),
    ("region \"r\" kind=\"mmio\"", "of registers has no size"),
    ("region \"r\" kind=\"mmio\" size=4 align=3", "must be a power of two"),
    ("region \"r\" kind=\"mmio\" size=4 access=\"3\"", "`3` is no access width"),
    ("region \"r\" kind=\"mmio\" size=4 access=\"\"", "takes no access width"),
    ("region \"r\" kind=\"mmio\" size=4 access=4", "`access` is a list of widths"),
    ("region \"r\" kind=\"ram\"; region \"r\" kind=\"ram\"", "region `r` is described twice"),
    ("core isa=\"x\" bits=32 phys_bits=32", "`core` needs `reset_vector=`"),
    ("core isa=\"x\" bits=32 phys_bits=32 reset_vector=0", "a core without a bus port"),
    ("master \"bus\"; core isa=\"x\" bits=33 phys_bits=32 reset_vector=0", "a core of 33 bits"),
    ("master \"bus\"; core isa=\"x\" bits=32 phys_bits=65 reset_vector=0", "65 physical address"),
    ("core isa=\"x\" bits=32 phys_bits=32 reset_vector=0 { truth \"a\" \"b\" }", "holds `fact`"),
    ("state", "`state` takes 1 arguments"),
    ("state \"x\"", "not a number with a unit"),
    ("state 1; state 2", "`state` is given twice"),
    ("state 2 { to 1 \"x\" }", "`state` holds `from`, not `to`"),
    ("state 2 { from 2 \"x\" }", "version 2 is not older"),
];

/// As `BAD`, within `region "r" kind="mmio" size=64 { ... }`.
const BAD_REGS: &[(&str, &str)] = &[
    ("row 0 \"A\" \"rw\"", "`region` holds `reg`, not `row`"),
    ("reg 0 \"A\"", "`reg` takes 3 arguments and has 2"),
    ("reg 0 \"A\" \"xx\"", "`xx` is none of: rw, ro"),
    ("reg \"z\" \"A\" \"rw\"", "is not a number"),
    ("reg 0 \"A\" \"rw\" bits=12", "`bits` is 8, 16, 32 or 64"),
    ("reg 0 \"A\" \"rw\" read=\"twice\"", "`read` is `effect`, not `twice`"),
    ("reg 2 \"A\" \"rw\"", "not aligned to its width"),
    ("reg 64 \"A\" \"rw\"", "behind the region"),
    ("reg 0 \"A\" \"rw\" bits=8 reset=0x100", "wider than the register"),
    ("reg 0 \"A\" \"rw\" count=0", "0 elements"),
    ("reg 0 \"A\" \"rw\" count=2 stride=2", "2 elements, 2 apart"),
    ("reg 0 \"A\" \"rw\"; reg 0 \"B\" \"rw\"", "`B` overlaps `A` at 0x0"),
    ("reg 0 \"A\" \"rw\" count=3; reg 8 \"B\" \"rw\"", "`B` overlaps `A` at 0x8"),
    ("reg 0 \"A\" \"rw\"; reg 4 \"A\" \"rw\"", "register `A` is described twice"),
    ("reg 0xfffffffffffffffc \"A\" \"rw\"", "lies beyond 64 bits"),
    ("reg 0 \"A\" \"rw\" { nibble 0 \"X\" }", "`reg` holds `bit` and `bits`"),
    ("reg 0 \"A\" \"rw\" { bit 32 \"X\" }", "`A.X` is outside the register"),
    ("reg 0 \"A\" \"rw\" { bit 300 \"X\" }", "bit numbers are 0 to 63"),
    ("reg 0 \"A\" \"rw\" { bits 4 3 \"X\" }", "`A.X` is outside the register"),
    ("reg 0 \"A\" \"rw\" { bits 0 3 \"X\"; bit 3 \"Y\" }", "`A.Y` overlaps another field"),
    ("reg 0 \"A\" \"rw\" { bit 0 \"X\"; bit 1 \"X\" }", "field `X` is described twice"),
];

#[test]
fn every_mistake_has_its_message_and_its_line() {
    let check = |text: &str, line: usize, want: &str| match read(text, "bad.kdl") {
        Ok(_) => panic!("accepted, and should say `{want}`: {text}"),
        Err(errors) => assert!(
            errors.iter().any(|e| e.message.contains(want) && e.line == line),
            "should say `{want}` in line {line}:\n{text}\n{errors:#?}"
        ),
    };
    for (line, want) in BAD {
        // Faults of the finished type are reported at its first line, the others at their own.
        let text = format!("device \"a\" version=1 {{\n summary \"s\"\n {line}\n}}");
        let own = read(&text, "").is_err_and(|e| e.iter().all(|e| e.line == 3));
        check(&text, if own { 3 } else { 1 }, want);
    }
    for (line, want) in BAD_REGS {
        let text = format!(
            "device \"a\" version=1 {{\n summary \"s\"\n region \"r\" kind=\"mmio\" size=64 {{\n {line}\n }}\n}}"
        );
        let own = read(&text, "").is_err_and(|e| e.iter().all(|e| e.line == 4));
        check(&text, if own { 4 } else { 1 }, want);
    }
    check("part \"a\"", 1, "expected `device`, found `part`");
    check("\ndevice version=1 { summary \"s\"; }", 2, "`device` takes 1 arguments and has 0");
    check("device \"a\" { summary \"s\"; }", 1, "`device` needs `version=`");
    check("device \"a\" version=0 { summary \"s\"; }", 1, "versions begin at 1");
    check("device \"a\" version=1", 1, "`device` needs a `summary`");
    let twice = "device \"a\" version=1 { summary \"s\"; }\n";
    check(&twice.repeat(2), 2, "`a@1` is described twice");
    check("device \"a\" version=1 {\n summary \"s\n}", 2, "");
    check(&"a {\n".repeat(100), 17, "nested too deep");
}

#[test]
fn all_mistakes_of_a_file_are_reported() {
    let text = "device \"a\" version=1 {\n  summary 1\n  clock\n  colour \"x\"\n}\n";
    let errors = read(text, "f.kdl").expect_err("three mistakes");
    let lines: Vec<_> = errors.iter().map(|e| e.line).collect();
    assert!([2, 3, 4].iter().all(|l| lines.contains(l)), "{errors:#?}");
    assert!(errors[0].to_string().starts_with("f.kdl:"));
}

#[test]
fn registers_may_share_an_address_or_interleave() {
    for regs in [
        // One that is read and one that is written.
        "reg 0 \"RBR\" \"ro\"; reg 0 \"THR\" \"wo\"",
        // Two arrays of one stride.
        "reg 0 \"A\" \"rw\" count=4 stride=16; reg 4 \"B\" \"rw\" count=4 stride=16",
    ] {
        let text = format!(
            "device \"a\" version=1 {{ summary \"s\"; region \"r\" kind=\"mmio\" size=64 {{ {regs}; }}; }}"
        );
        assert!(read(&text, "").is_ok(), "{:?}", read(&text, ""));
    }
}

#[test]
fn nothing_makes_the_reader_panic() {
    // Cheap deterministic noise on a file that uses every node.
    let mut seed = 0x9e37_79b9_7f4a_7c15u64;
    let mut next = |n: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % n as u64) as usize
    };
    let noise =
        ["{", "}", "\"", "é", "99999999999999999999", "=", "\n", "#true", "(", "-", "\\", ";"];
    for _ in 0..400 {
        let mut text = GOOD.to_string();
        for _ in 0..=next(3) {
            let at = (0..).map(|_| next(text.len())).find(|i| text.is_char_boundary(*i));
            let at = at.unwrap_or(0);
            match next(3) {
                0 => text.insert_str(at, noise[next(noise.len())]),
                1 => text.truncate(at),
                _ => drop(text.remove(at.min(text.len() - 1))),
            }
            if text.len() < 2 {
                break;
            }
        }
        _ = read(&text, "noise.kdl");
    }
}
