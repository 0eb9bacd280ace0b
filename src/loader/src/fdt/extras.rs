//! What bindings want beyond `compatible`, `reg` and interrupts: one row a binding
//! (Linux, Documentation/devicetree/bindings).

/// Where a property's value comes from.
#[derive(Debug, Clone, Copy)]
pub(super) enum Source {
    /// A property without a value.
    Flag,
    /// This number.
    Const(u32),
    /// A number property of the part.
    Prop(&'static str),
    /// log2 of a number property, left out for 1.
    Shift(&'static str),
    /// A clock input's frequency in Hz.
    Clock(&'static str),
}

/// A binding.
#[derive(Debug)]
pub(super) struct Extra {
    /// Any of the part's `compatible` strings.
    compatible: &'static str,
    /// Generic node name.
    pub(super) node: &'static str,
    /// Further properties.
    pub(super) props: &'static [(&'static str, Source)],
}

/// Of an interrupt controller of the PLIC's kind.
const PLIC: &[(&str, Source)] = &[
    ("riscv,ndev", Source::Prop("sources")),
    ("interrupt-controller", Source::Flag),
    ("#interrupt-cells", Source::Const(1)),
    ("#address-cells", Source::Const(0)),
];

const EXTRAS: &[Extra] = &[
    Extra {
        compatible: "ns16550a",
        node: "serial",
        props: &[
            ("clock-frequency", Source::Clock("clk")),
            ("reg-shift", Source::Shift("reg_stride")),
        ],
    },
    Extra { compatible: "riscv,plic0", node: "plic", props: PLIC },
    Extra { compatible: "lowrisc,rv-plic", node: "plic", props: PLIC },
    Extra { compatible: "riscv,clint0", node: "clint", props: &[] },
    Extra { compatible: "sifive,test0", node: "test", props: &[] },
    Extra { compatible: "google,goldfish-rtc", node: "rtc", props: &[] },
    Extra {
        compatible: "virtio,mmio",
        node: "virtio_mmio",
        props: &[("dma-coherent", Source::Flag)],
    },
];

pub(super) fn find(compatible: &[&str]) -> Option<&'static Extra> {
    EXTRAS.iter().find(|e| compatible.contains(&e.compatible))
}
