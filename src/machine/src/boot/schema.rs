//! The types of boot parts. They have no registers: what they do is done before the first
//! instruction.

use hetemu_schema::{DeviceType, Link, Literal, PlugKind, PropType, Property, State};

const fn prop(name: &'static str, ty: PropType, doc: &'static str) -> Property {
    Property {
        name,
        ty,
        default: None,
        optional: false,
        min: None,
        max: None,
        unstable: false,
        host: false,
        doc,
    }
}

const fn image(name: &'static str) -> Link {
    Link { name, kind: PlugKind::Image, optional: true }
}

/// The loader of RISC-V boards.
static BOOT_RISCV: DeviceType = DeviceType {
    name: "boot.riscv",
    version: 1,
    summary: "Loader of a RISC-V board: firmware, kernel, initrd, device tree, reset code",
    spec: "OpenSBI documentation, fw_dynamic; Linux, Documentation/arch/riscv/boot.rst",
    compatible: &[],
    aliases: &[],
    deprecated: None,
    props: &[
        prop("rom", PropType::Part, "Memory at the reset vector: gets the reset code"),
        prop("ram", PropType::Part, "Main memory: gets firmware, kernel, initrd and device tree"),
        Property {
            default: Some(Literal::Str("")),
            host: true,
            ..prop("bootargs", PropType::String, "Kernel command line")
        },
    ],
    clocks: &[],
    resets: &[],
    links: &[image("firmware"), image("kernel"), image("initrd")],
    inputs: &[],
    outputs: &[],
    regions: &[],
    masters: &[],
    buses: &[],
    attaches: None,
    state: State { version: 1, from: &[] },
    core: None,
};

/// The loader of MIPS boards.
static BOOT_MIPS: DeviceType = DeviceType {
    name: "boot.mips",
    version: 1,
    summary: "Loader of a Malta board: kernel, initrd, arguments and environment as YAMON does",
    spec: "YAMON User's Manual, MD00008; Linux, arch/mips/fw",
    compatible: &[],
    aliases: &[],
    deprecated: None,
    props: &[
        prop(
            "rom",
            PropType::Part,
            "Flash at the reset vector: gets the revision and the boot code",
        ),
        prop("ram", PropType::Part, "Main memory: gets kernel, initrd, arguments and environment"),
        Property {
            default: Some(Literal::Str("")),
            host: true,
            ..prop("bootargs", PropType::String, "Kernel command line")
        },
    ],
    clocks: &[],
    resets: &[],
    links: &[image("kernel"), image("initrd")],
    inputs: &[],
    outputs: &[],
    regions: &[],
    masters: &[],
    buses: &[],
    attaches: None,
    state: State { version: 1, from: &[] },
    core: None,
};

/// Every boot type.
pub static BOOT_TYPES: &[&DeviceType] = &[&BOOT_RISCV, &BOOT_MIPS];

#[cfg(test)]
mod tests {
    #[test]
    fn the_types_are_sound() {
        for ty in super::BOOT_TYPES {
            assert_eq!(hetemu_schema::sanity::faults(ty), Vec::<String>::new());
        }
    }
}
