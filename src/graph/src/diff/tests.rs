//! Diffs of machines that differ in one known way each.

use super::*;
use crate::model::*;
use crate::testing::{Machine, opentitan, trio};
use hetemu_schema::PlugKind;

fn lines(old: Machine, new: Machine) -> Vec<String> {
    let text = diff(&old.build(), &new.build()).text();
    text.lines().map(|l| l.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

fn edit(m: Machine, change: impl FnOnce(&mut Graph)) -> Graph {
    let mut g = m.build();
    change(&mut g);
    g
}

fn part<'g>(g: &'g mut Graph, name: &str) -> &'g mut Part {
    g.parts.iter_mut().find(|p| p.name == name).expect("a part")
}

/// The next revision of the reference machine: bigger RAM, another UART, one more device.
fn next_opentitan() -> Machine {
    Machine::new("opentitan")
        .plug("serial0", PlugKind::Serial, Some("stdio"))
        .bus("main")
        .part("ibex", "lowrisc.ibex", "bus=main")
        .part("rom", "memory.rom", "")
        .part("ram", "memory.ram", "")
        .part("flash", "memory.rom", "")
        .part("uart", "lowrisc.uart@2", "line=serial0")
        .part("plic", "lowrisc.plic@1", "")
        .part("spi0", "lowrisc.spi_host@1", "")
        .mem("main", 0x8000, 16 << 10, "rom")
        .mem("main", 0x1000_0000, 128 << 10, "ram")
        .mem("main", 0x2000_0000, 512 << 10, "flash")
        .row("main", 0x4000_0000, "uart")
        .row("main", 0x4101_0000, "plic")
        .row("main", 0x4030_0000, "spi0")
        .wire("plic.target[0]", "ibex.external")
        .wire("uart.tx_watermark", "plic[1]")
        .wire("uart.rx_watermark", "plic[2]")
        .wire("uart.tx_empty", "plic[9]")
        .wire("uart.tx_done", "plic[3]")
        .wire("uart.rx_overflow", "plic[4]")
}

#[test]
fn the_text_form() {
    let d = diff(&opentitan().build(), &next_opentitan().build());
    assert_eq!(
        d.text(),
        "\
opentitan                                               guest-visible
~ ram    main 0x1000_0000  size   64 KiB -> 128 KiB
~ uart   type                     lowrisc.uart@1 -> @2
+ spi0   main 0x4030_0000  lowrisc.spi_host@1
+ wire   uart.tx_done             -> plic[3]
~ wire   uart.tx_empty            plic[3] -> plic[9]
saved states of the old machine: not loadable (uart state 1 -> 2 has a converter; ram size has none)
5 guest-visible, 0 host-only, 0 cosmetic
"
    );
    assert!(d.reaches(Class::State) && d.reaches(Class::Guest) && d.reaches(Class::Cosmetic));
}

#[test]
fn equal_machines_are_equal_however_they_were_written() {
    let d = diff(&trio().build(), &trio().build());
    assert_eq!(d.changes, []);
    assert!(!d.reaches(Class::Cosmetic));
    assert!(d.text().ends_with(" equal\n"));
}

#[test]
fn a_converter_keeps_saved_states_loadable() {
    let new = edit(opentitan(), |g| {
        let other = next_opentitan().build();
        part(g, "uart").ty = other.part(other.find_part("uart").expect("uart")).ty;
    });
    let d = diff(&opentitan().build(), &new);
    assert!(d.saved.loadable());
    assert!(d.text().contains("machine: loadable (uart state 1 -> 2 has a converter)\n"));
    let back = diff(&new, &opentitan().build());
    assert!(!back.saved.loadable(), "there is no way back");
}

#[test]
fn each_kind_of_change_has_its_class_and_line() {
    let case = |change: fn(&mut Graph), class, want: &str| {
        let d = diff(&trio().build(), &edit(trio(), change));
        let text = d.text();
        let squeezed: Vec<String> =
            text.lines().map(|l| l.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        assert!(squeezed.iter().any(|l| l == want), "should say `{want}`:\n{text}");
        assert_eq!(d.class(), Some(class), "{want}");
        assert_eq!(d.changes.len(), 1, "{text}");
    };
    case(
        |g| g.buses[2].rows[3].base = 0x1100_0000,
        Class::Guest,
        "~ uart0 soc base 0x1000_0000 -> 0x1100_0000",
    );
    case(
        |g| g.buses[0].rows[2].lanes = Lanes::Bytes,
        Class::Guest,
        "~ mbox dsp 0x1F00_0000 lanes swap32 -> bytes",
    );
    case(
        |g| g.buses[0].rows[2].split = true,
        Class::Guest,
        "~ mbox dsp 0x1F00_0000 split false -> true",
    );
    case(
        |g| g.buses[1].rows[5].size = 1 << 20,
        Class::Guest,
        "~ soc mcu 0x7000_0000 size 16 MiB -> 1 MiB",
    );
    case(|g| g.buses[1].unmapped = Unmapped::Zeros, Class::Guest, "~ mcu unmapped fault -> zeros");
    case(|g| _ = g.buses[1].rows.remove(5), Class::Guest, "- soc mcu 0x7000_0000 16 MiB");
    case(
        |g| drop(part(g, "mbox").props.insert("depth".into(), Value::Int(8))),
        Class::Guest,
        "~ mbox depth 16 -> 8",
    );
    case(
        |g| _ = part(g, "m4").masters.insert("bus".into(), BusId(2)),
        Class::Guest,
        "~ m4 bus mcu -> soc",
    );
    case(|g| _ = g.wires.remove(0), Class::Guest, "- wire clint.msip[0] -> rv[0].msip");
    case(
        |g| {
            g.clocks[1].hz = 25_000_000;
            for name in ["clint", "uart0"] {
                part(g, name).clocks.insert("clk".into(), (25_000_000, "osc".into()));
            }
        },
        Class::Timing,
        "~ clock osc 24 MHz -> 25 MHz",
    );
    case(
        |g| drop(part(g, "m4").clocks.insert("clk".into(), (24_000_000, "osc".into()))),
        Class::Timing,
        "~ m4 clk slow (120 MHz) -> osc (24 MHz)",
    );
    case(
        |g| g.plugs[0].value = Some("file:x".into()),
        Class::Host,
        "~ plug be_boot image none -> image file:x",
    );
    case(
        |g| drop(part(g, "uart0").links.remove("line")),
        Class::Host,
        "~ uart0 line console -> none",
    );
    case(
        |g| drop(g.settings.insert("log".into(), Value::List(vec![Value::Str("bus".into())]))),
        Class::Host,
        "+ machine log [bus]",
    );
    case(
        |g| drop(g.settings.insert("quantum".into(), Value::Int(100))),
        Class::Timing,
        "+ machine quantum 100",
    );
    case(|g| part(g, "mbox").doc = "x".into(), Class::Cosmetic, "~ mbox doc changed");
    case(|g| g.name = "duo".into(), Class::Cosmetic, "~ machine name trio -> duo");
    case(
        |g| g.clocks.push(Clock { name: "z".into(), hz: 5, span: Span::default() }),
        Class::Cosmetic,
        "+ clock z 5 Hz",
    );
}

#[test]
fn another_name_of_a_clock_is_cosmetic() {
    let clocked = |name: &str| {
        Machine::new("m").clock(name, 24_000_000).part("u", "ns16550a", &format!("clk={name}"))
    };
    let d = diff(&clocked("a").build(), &clocked("b").build());
    assert_eq!(d.class(), Some(Class::Cosmetic), "{d}");
}

#[test]
fn a_renamed_part_keeps_its_wires_and_loses_its_state() {
    let base = |name: &str| {
        Machine::new("m")
            .bus("main")
            .part("ibex", "lowrisc.ibex", "bus=main")
            .part(name, "lowrisc.uart@1", "")
            .part("plic", "lowrisc.plic@1", "")
            .row("main", 0x4000_0000, name)
            .wire(&format!("{name}.tx_empty"), "plic[3]")
    };
    let got = lines(base("uart"), base("serial"));
    assert_eq!(
        got,
        [
            "m state-only",
            "~ uart renamed uart -> serial",
            "saved states of the old machine: not loadable (uart has another name)",
            "1 state-only, 0 guest-visible, 0 host-only, 0 cosmetic",
        ]
    );
}

#[test]
fn parts_that_go_take_their_rows_and_wires() {
    let got = lines(next_opentitan(), opentitan());
    assert!(got.contains(&"- spi0 main 0x4030_0000 lowrisc.spi_host@1".into()), "{got:#?}");
    assert!(got.contains(&"- wire uart.tx_done -> plic[3]".into()), "{got:#?}");
    assert_eq!(got.iter().filter(|l| l.contains("spi0")).count(), 2, "once, and in the verdict");
}

#[test]
fn json_and_markdown_say_the_same() {
    let d = diff(&opentitan().build(), &next_opentitan().build());
    let v = d.json();
    assert_eq!((&v["class"], &v["counts"]["guest"]), (&"guest".into(), &5.into()));
    assert_eq!(v["saved_states"]["loadable"], false);
    let ram = &v["changes"][0];
    assert_eq!(
        (&ram["subject"], &ram["old"], &ram["new"]),
        (&"ram".into(), &"64 KiB".into(), &"128 KiB".into())
    );
    assert_eq!(ram["new_span"]["file"], "opentitan.hm");

    let text = d.markdown();
    assert!(text.contains("\n### `opentitan`: guest-visible\n"));
    assert!(text.contains("| ~ | guest | `uart` | `type` | `lowrisc.uart@1` | `@2` |\n"), "{text}");
    assert!(text.contains(" Saved states of the old machine: not loadable"));
}
