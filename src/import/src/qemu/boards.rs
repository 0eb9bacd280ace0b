//! Boards of QEMU that machines of hetemu stand for, and where their command line's facts go.

/// A board.
#[derive(Debug)]
pub(super) struct Board {
    /// Names after `-M`.
    pub(super) names: &'static [&'static str],
    /// What the program's name contains, `riscv32`; empty: any.
    pub(super) arch: &'static str,
    /// The machine, or a profile of it, that is extended.
    pub(super) base: &'static str,
    /// Settings that come with the choice.
    pub(super) always: &'static [(&'static str, &'static str)],
    /// Params for `-smp`, `-m` and `-append`.
    pub(super) cpus: Option<&'static str>,
    pub(super) ram: Option<&'static str>,
    pub(super) append: Option<&'static str>,
    /// Names of `-cpu` that are the machine's own.
    pub(super) cpu: &'static [&'static str],
    /// Image plugs for `-bios`, `-kernel` and `-initrd`.
    pub(super) images: [Option<&'static str>; 3],
    /// Plugs that are there already, of a disk, a network, a console, and their parts.
    pub(super) disk: Option<(&'static str, &'static str)>,
    pub(super) net: Option<(&'static str, &'static str)>,
    pub(super) console: Option<(&'static str, &'static str)>,
    /// Types of parts that are there already and have no plug.
    pub(super) has: &'static [&'static str],
    /// Places where further devices can sit.
    pub(super) free: &'static [&'static str],
}

const VIRT: Board = Board {
    names: &["virt"],
    arch: "riscv64",
    base: "riscv-virt",
    always: &[],
    cpus: Some("cpus"),
    ram: Some("ram"),
    append: Some("bootargs"),
    cpu: &["rv64", "max", "rv32"],
    images: [Some("firmware"), Some("kernel"), Some("initrd")],
    disk: Some(("disk0", "hd")),
    net: Some(("net0", "nic")),
    console: Some(("console0", "con")),
    has: &["virtio.rng"],
    free: &["virtio1.virtio", "virtio2.virtio", "virtio3.virtio", "virtio4.virtio"],
};

const BOARDS: &[Board] = &[
    VIRT,
    Board { arch: "riscv32", always: &[("cpu", "riscv.rv32")], ..VIRT },
    Board {
        names: &["opentitan"],
        arch: "",
        base: "opentitan-earlgrey",
        cpus: None,
        ram: None,
        append: None,
        cpu: &["lowrisc-ibex"],
        images: [None, Some("firmware"), None],
        disk: None,
        net: None,
        console: None,
        has: &[],
        free: &[],
        ..VIRT
    },
];

/// The board of a name, for a program whose name has `program` in it.
pub(super) fn find(name: &str, program: &str) -> Option<&'static Board> {
    let named = || BOARDS.iter().filter(|b| b.names.contains(&name));
    match program {
        "" => named().next(),
        program => named().find(|b| b.arch.is_empty() || program.ends_with(b.arch)),
    }
}

/// Names of every board.
pub(super) fn names() -> Vec<&'static str> {
    let mut all: Vec<&str> = BOARDS.iter().flat_map(|b| b.names).copied().collect();
    all.sort_unstable();
    all.dedup();
    all
}
