//! Flattened views: cases by hand, and random maps against an oracle that decodes byte by byte.

use super::*;
use crate::model::*;
use crate::testing::Machine;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

fn window(offset: u64, size: u64) -> impl FnOnce(&mut Row) {
    move |r| {
        r.size = size;
        r.target = Target::Bus { bus: BusId(0), offset };
    }
}

/// Start, last and answer of each range, short: `0-fff ram+0`.
fn short(g: &Graph, bus: &str) -> Vec<String> {
    let bus = BusId(g.buses.iter().position(|b| b.name == bus).expect("a bus") as u32);
    flatten(g, bus)
        .iter()
        .map(|r| {
            let to = match r.to {
                Flat::Region { part, offset, .. } => format!("{}+{offset:x}", g.part(part).name),
                Flat::Hole(kind) => format!("hole {}", kind.word()),
            };
            let via: Vec<_> =
                r.via.iter().map(|(b, at)| format!(" {}@{at:x}", g.bus(*b).name)).collect();
            format!("{:x}-{:x} {to}{}", r.start, r.last, via.concat())
        })
        .collect()
}

#[test]
fn over_lies_on_top_whatever_the_order() {
    let g = Machine::new("m")
        .bus("a")
        .part("ram", "memory.ram", "")
        .part("bios", "memory.rom", "")
        .row_with("a", 0xE000, "bios", |r| {
            r.size = 0x1000;
            r.over = true;
        })
        .mem("a", 0, 0x10000, "ram")
        .build();
    assert_eq!(short(&g, "a"), ["0-dfff ram+0", "e000-efff bios+0", "f000-ffff ram+f000"]);
}

#[test]
fn windows_into_windows_show_parts_holes_and_the_way() {
    let g = Machine::new("m")
        .bus("a")
        .bus_with("b", |b| b.unmapped = Unmapped::Ones)
        .bus_with("c", |b| b.unmapped = Unmapped::Zeros)
        .part("ram", "memory.ram", "")
        .mem("c", 0x100, 0x100, "ram")
        .row_with("b", 0x1000, "c", window(0x80, 0x100))
        .row_with("a", 0x8000, "b", window(0xF00, 0x400))
        .build();
    assert_eq!(
        short(&g, "a"),
        [
            "8000-80ff hole ones b@f00",
            "8100-817f hole zeros b@1000 c@80",
            "8180-81ff ram+0 b@1080 c@100",
            "8200-83ff hole ones b@1100",
        ]
    );
}

#[test]
fn a_window_clips_what_it_shows_and_a_row_may_show_a_part_of_a_region() {
    let g = Machine::new("m")
        .bus("a")
        .bus("b")
        .part("ram", "memory.ram", "")
        .mem("b", 0, 0x1000, "ram")
        .row_with("a", 0x10, "b", window(0x800, 0x100))
        .row_with("a", 0x1000, "ram", window(0x400, 0x20))
        .build();
    assert_eq!(short(&g, "a"), ["10-10f ram+800 b@800", "1000-101f ram+400"]);
}

#[test]
fn access_lanes_and_splitting_add_up_along_the_way() {
    let g = Machine::new("m")
        .bus("a")
        .bus("b")
        .part("ram", "memory.ram", "")
        .row_with("b", 0, "ram", |r| {
            r.size = 0x100;
            r.split = true;
        })
        .row_with("a", 0, "b", |r| {
            r.size = 0x100;
            r.lanes = Lanes::Swap32;
            r.access = RowAccess::Ro;
        })
        .build();
    let r = &flatten(&g, BusId(0))[0];
    assert_eq!((r.access, r.lanes, r.split), (RowAccess::Ro, Lanes::Swap32, true));
}

#[test]
fn cycles_of_windows_end() {
    let mut m = Machine::new("m").bus("a").bus("b");
    for i in 0..8 {
        m = m.row_with("a", i * 0x100, "b", window(0, 0x100)).row_with(
            "b",
            i * 0x100,
            "a",
            window(0, 0x100),
        );
    }
    let g = m.row_with("a", 0x1000, "a", window(0, 0x100)).build();
    assert!(flatten(&g, BusId(0)).iter().all(|r| matches!(r.to, Flat::Hole(_))));
}

#[test]
fn the_last_address_is_reachable() {
    let g = Machine::new("m")
        .bus("a")
        .bus("b")
        .part("ram", "memory.ram", "")
        .mem("b", u64::MAX - 0xFFF, 0x1000, "ram")
        .row_with("a", 0, "b", window(0, u64::MAX))
        .build();
    assert_eq!(short(&g, "b"), ["fffffffffffff000-ffffffffffffffff ram+0"]);
    assert_eq!(
        short(&g, "a").last().map(String::as_str),
        Some("fffffffffffff000-fffffffffffffffe ram+0 b@fffffffffffff000")
    );
}

// ---- random maps -----------------------------------------------------------

const SPACE: u64 = 64;
const PARTS: u32 = 3;

type Decoded = (Flat, RowAccess, Lanes, Vec<(BusId, u64)>);

/// What one byte decodes to, found without ranges: the top row at the address, followed down.
fn decode(g: &Graph, bus: BusId, at: u64) -> Option<Decoded> {
    let mut hit = None;
    for over in [false, true] {
        for row in &g.bus(bus).rows {
            if row.over != over || at < row.base || at - row.base >= row.size {
                continue;
            }
            let skip = at - row.base;
            hit = Some(match row.target {
                Target::Region { part, region, offset } => (
                    Flat::Region { part, region, offset: offset + skip },
                    row.access,
                    row.lanes,
                    vec![],
                ),
                Target::Bus { bus: inner, offset } => {
                    let there = offset + skip;
                    match decode(g, inner, there) {
                        None => {
                            let hole = Flat::Hole(g.bus(inner).unmapped);
                            (hole, row.access, row.lanes, vec![(inner, there)])
                        }
                        Some((to, access, lanes, mut via)) => {
                            via.insert(0, (inner, there));
                            let access =
                                if row.access == RowAccess::Rw { access } else { row.access };
                            let lanes = if lanes == Lanes::Same { row.lanes } else { lanes };
                            (to, access, lanes, via)
                        }
                    }
                }
            });
        }
    }
    hit
}

/// Rows of bus `n` of three; windows lead to later buses only.
fn rows(n: u32) -> impl Strategy<Value = Vec<Row>> {
    let row = (0..SPACE, 1..SPACE, 0..PARTS + 2, 0..SPACE / 2, any::<bool>(), 0..3u8, 0..3u8);
    proptest::collection::vec(row, 0..6).prop_map(move |rows| {
        let mut rows: Vec<Row> = rows
            .into_iter()
            .map(|(base, size, target, offset, over, access, lanes)| Row {
                base,
                size,
                target: if target < PARTS || n + 1 + (target - PARTS) > 2 {
                    Target::Region { part: PartId(target % PARTS), region: 0, offset }
                } else {
                    Target::Bus { bus: BusId(n + 1 + (target - PARTS)), offset }
                },
                over,
                access: [RowAccess::Rw, RowAccess::Ro, RowAccess::Wo][usize::from(access)],
                lanes: [Lanes::Same, Lanes::Bytes, Lanes::Swap32][usize::from(lanes)],
                split: false,
                span: Span::default(),
            })
            .collect();
        rows.sort_by_key(|r| (r.base, r.over));
        rows
    })
}

#[test]
fn every_byte_decodes_as_the_oracle_says() {
    // Made once: reading the schemas costs more than a case.
    let machine = Machine::new("m")
        .bus("a")
        .bus("b")
        .bus("c")
        .part("x", "memory.ram", "")
        .part("y", "memory.ram", "")
        .part("z", "memory.ram", "")
        .build();
    let check = |(a, b, c)| {
        let mut g = machine.clone();
        for (bus, rows) in g.buses.iter_mut().zip([a, b, c]) {
            bus.rows = rows;
        }
        let flat = flatten(&g, BusId(0));
        for pair in flat.windows(2) {
            prop_assert!(pair[0].last < pair[1].start, "sorted and apart");
        }
        for at in 0..3 * SPACE {
            let range = flat.iter().find(|r| r.start <= at && at <= r.last);
            let found = range.map(|r| {
                let r = r.clip(at, at).expect("inside");
                (r.to, r.access, r.lanes, r.via)
            });
            prop_assert_eq!(found, decode(&g, BusId(0), at), "at {:#x}", at);
        }
        Ok(())
    };
    let config = ProptestConfig { cases: 1000, ..ProptestConfig::default() };
    TestRunner::new(config).run(&(rows(0), rows(1), rows(2)), check).expect("equal");
}
