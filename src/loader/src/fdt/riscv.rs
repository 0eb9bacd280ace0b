//! The nodes of RISC-V cores (Linux, Documentation/devicetree/bindings/riscv/cpus.yaml,
//! extensions.yaml).

use super::Tree;
use hetemu_graph::Part;

/// Number of a core's input in the local interrupt controller (Privileged ISA 1.12, table 3.6).
pub(super) fn cause(input: &str) -> Option<u32> {
    Some(match input {
        "ssip" => 1,
        "msip" | "software" => 3,
        "stip" => 5,
        "mtip" | "timer" => 7,
        "seip" => 9,
        "meip" | "external" => 11,
        _ => return None,
    })
}

/// Extensions that work on cache blocks, and the property that gives the block's bytes.
const BLOCK_SIZES: [(&str, &str); 3] = [
    ("zicbom", "riscv,cbom-block-size"),
    ("zicbop", "riscv,cbop-block-size"),
    ("zicboz", "riscv,cboz-block-size"),
];

/// A property of the part, or a fact of its type.
fn word<'a>(part: &'a Part, name: &str) -> Option<&'a str> {
    part.text(name).or_else(|| part.ty.core.as_ref()?.fact(name))
}

/// An ISA string with what V implies: its subsets, and the vector lengths up to the core's, in bits
/// (unprivileged ISA, 30.18).
fn with_vectors(isa: &str, vlen: u64) -> String {
    let mut isa = isa.to_string();
    let letters = isa.get(4..).unwrap_or("").split('_').next().unwrap_or("");
    if letters.contains('v') {
        isa.push_str("_zve32f_zve32x_zve64d_zve64f_zve64x");
        for bits in [32, 64, 128, 256, 512].into_iter().filter(|bits| *bits <= vlen) {
            isa.push_str(&format!("_zvl{bits}b"));
        }
    }
    isa
}

/// The single-letter and multi-letter extensions of an ISA string.
fn extensions(isa: &str) -> Vec<String> {
    let rest = isa.get(4..).unwrap_or("");
    let (letters, names) = rest.split_once('_').unwrap_or((rest, ""));
    let letters = letters.chars().map(|c| c.to_string());
    letters.chain(names.split('_').filter(|n| !n.is_empty()).map(str::to_string)).collect()
}

impl Tree<'_> {
    pub(super) fn cpus(&mut self) -> Result<(), vm_fdt::Error> {
        let cpus = self.fdt.begin_node("cpus")?;
        self.fdt.property_u32("#address-cells", 1)?;
        self.fdt.property_u32("#size-cells", 0)?;
        self.fdt.property_u32("timebase-frequency", self.req.timebase_hz as u32)?;
        for id in &self.req.cores {
            let part = self.req.graph.part(*id);
            let hart = part.int("hart").unwrap_or(0) as u32;
            let node = self.fdt.begin_node(&format!("cpu@{hart:x}"))?;
            self.fdt.property_string("device_type", "cpu")?;
            self.fdt.property_u32("reg", hart)?;
            self.fdt.property_string("status", "okay")?;
            let compatible = part.ty.compatible.iter().map(|s| (*s).to_string()).collect();
            self.fdt.property_string_list("compatible", compatible)?;
            let isa = word(part, "isa").unwrap_or("");
            let vlen = part.int("vlen").unwrap_or(128);
            let isa = with_vectors(isa, vlen);
            self.fdt.property_string("riscv,isa", &isa)?;
            self.fdt.property_string("riscv,isa-base", isa.get(..5).unwrap_or(&isa))?;
            let extensions = extensions(&isa);
            let block = word(part, "cache_block").and_then(|n| n.parse().ok()).unwrap_or(64);
            for (name, property) in BLOCK_SIZES {
                if extensions.iter().any(|e| e == name) {
                    self.fdt.property_u32(property, block)?;
                }
            }
            self.fdt.property_string_list("riscv,isa-extensions", extensions)?;
            if let Some(mmu) = word(part, "mmu").filter(|m| *m != "none") {
                self.fdt.property_string("mmu-type", &format!("riscv,{mmu}"))?;
            }
            let intc = self.fdt.begin_node("interrupt-controller")?;
            self.fdt.property_u32("#interrupt-cells", 1)?;
            self.fdt.property_null("interrupt-controller")?;
            self.fdt.property_string("compatible", "riscv,cpu-intc")?;
            if let Some(phandle) = self.phandles.get(id) {
                self.fdt.property_phandle(*phandle)?;
            }
            self.fdt.end_node(intc)?;
            self.fdt.end_node(node)?;
        }
        self.fdt.end_node(cpus)
    }
}

#[cfg(test)]
mod tests {
    use super::{extensions, with_vectors};

    #[test]
    fn isa_strings_come_apart() {
        assert_eq!(extensions("rv64imac_zba_zbb"), ["i", "m", "a", "c", "zba", "zbb"]);
        assert_eq!(extensions("rv32i"), ["i"]);
        assert!(extensions("").is_empty());
    }

    #[test]
    fn v_names_its_parts() {
        assert_eq!(with_vectors("rv64imafdc_zba", 512), "rv64imafdc_zba");
        let isa = with_vectors("rv64imafdcv_zba", 256);
        let v = "zba_zve32f_zve32x_zve64d_zve64f_zve64x_zvl32b_zvl64b_zvl128b_zvl256b";
        assert_eq!(isa, format!("rv64imafdcv_{v}"));
    }
}
