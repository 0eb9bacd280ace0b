//! Reference pages: what a person reads about a type.

use hetemu_schema::build::read;
use hetemu_schema::{Catalog, DeviceType, doc};

fn types(text: &str) -> Vec<&'static DeviceType> {
    let types = read(text, "schema.kdl").expect("sound");
    types.into_iter().map(|t| &*Box::leak(Box::new(t))).collect()
}

const THING: &str = r#"
device "acme.thing" version=1 {
    summary "A thing"
    out "irq" kind="level"
}
device "acme.thing" version=2 {
    summary "A better thing"
    spec "Manual, rev. B"
    compatible "acme,thing-2"
    prop "lines" type="count" default=4 min=1 max=32 doc="Lines"
    prop "mode" type="enum" values="fast slow" default="slow"
    prop "size" type="size"
    clock "clk" default="1.5MHz"
    link "line" type="serial" optional=#true
    in "in" kind="level" width="lines" first=1 optional=#true doc="Sources"
    out "irq" kind="level" width="2*lines"
    out "done" kind="pulse" optional=#true
    region "regs" kind="mmio" size="8*lines" access="1 4" {
        reg 0x00 "CTRL" "rw" reset=0x80 {
            bit 0 "EN"
            bits 4 7 "MODE" "ro"
        }
        reg 0x08 "FIFO" "ro" bits=8 count=2 stride=4 read="effect"
    }
    state 2 {
        from 1 "more lines"
    }
}
"#;

#[test]
fn a_page_as_text() {
    let versions = types(THING);
    assert_eq!(
        doc::text(versions[1], &versions),
        "\
acme.thing@2   A better thing
  follows     Manual, rev. B
  compatible  acme,thing-2

PROPERTIES
  lines   count         = 4        1 .. 32   Lines
  mode    fast | slow   = slow
  size    size          required

CLOCKS
  clk   1.5 MHz if not driven

PLUGS
  line   serial   optional

INPUTS
  in[1 .. lines]   level   optional   Sources

OUTPUTS
  irq[0 .. 2*lines-1]   level   required
  done                  pulse   optional

REGION regs   registers, 8*lines bytes, little-endian, accesses of 1, 4 bytes
  0x00   CTRL           rw   32       0x80
           EN                0
           MODE         ro   4 .. 7
  0x08   FIFO[0 .. 1]   ro   8               0x4 apart

VERSIONS
  @1   A thing
  @2   A better thing; state from 1: more lines
"
    );
}

#[test]
fn a_page_as_markdown() {
    let versions = types(THING);
    let page = doc::markdown(versions[1], &versions, 2);
    for line in [
        "## `acme.thing@2`",
        "- follows: Manual, rev. B",
        "### Properties",
        "| Name | Type | Default | Range | Meaning |",
        "| mode | fast \\| slow | = slow |  |  |",
        "### Region `regs`",
        "| 0x00 | `CTRL` | rw | 32 | 0x80 |  |",
        "### Versions",
    ] {
        assert!(page.lines().any(|l| l == line), "{line}\n{page}");
    }
}

#[test]
fn a_list_has_a_line_a_name() {
    let catalog = Catalog::new(types(THING));
    assert_eq!(doc::list(&catalog, "acme"), "acme.thing   @1 @2   A better thing\n");
    assert_eq!(doc::list(&catalog, "other"), "");
}

#[test]
fn a_core_tells_what_it_is() {
    let core = types(include_str!("../../../targets/riscv/src/cores/schema.kdl"));
    let ibex = core.iter().find(|t| t.name == "lowrisc.ibex").expect("there");
    let page = doc::text(ibex, &[ibex]);
    assert!(
        page.contains("core        riscv, 32 bits, little-endian, 4 KiB pages, 32 physical"),
        "{page}"
    );
    assert!(page.contains("fast[0 .. 14]   level   optional   irq_fast_i"), "{page}");
    assert!(!page.contains("VERSIONS"));
}
