//! Regions, their registers and fields.

use super::node::{Reader, keep_all};
use super::read::{Draft, ENDIAN};
use super::values::Unit;
use crate::types::*;
use kdl::{KdlNode, KdlValue};

const REGIONS: &[(&str, RegionKind)] = &[
    ("mmio", RegionKind::Mmio),
    ("ram", RegionKind::Ram),
    ("rom", RegionKind::Rom),
    ("window", RegionKind::Window),
];

impl Reader<'_> {
    /// `region "regs" kind="mmio" size=64 { reg ... }`.
    pub(super) fn region(&mut self, node: &KdlNode, draft: &mut Draft) {
        let known = ["kind", "size", "endian", "access", "align"];
        let args = self.args(node, 1..=1, &known, true);
        let kind = self.prop_choice(&args, "kind", REGIONS);
        let kind = self.required(&args, "kind", kind);
        let size = self.prop_count(&args, "size");
        let endian = self.prop_choice(&args, "endian", ENDIAN);
        let access = self.access_widths(node);
        let align = self.prop_number(&args, "align", Unit::Size);
        if align.is_some_and(|a| !a.is_power_of_two()) {
            self.error(node, "`align` must be a power of two");
        }
        let mut regs = Vec::new();
        for child in self.children(node) {
            if let Some(reg) = self.register(child) {
                self.unique(child, "register", reg.name, regs.iter().map(|r: &Register| r.name));
                regs.push(reg);
            }
        }
        let (Some(name), Some(kind)) = (self.name(&args, 0, ""), kind) else { return };
        self.unique(node, "region", name, draft.regions.iter().map(|r| r.name));
        // Registers are 4 bytes apart unless the schema says otherwise; memories lie anywhere.
        let mmio = kind == RegionKind::Mmio;
        let align = align.unwrap_or(if mmio { 4 } else { 1 });
        let access = access.unwrap_or(if mmio { 0b0111 } else { 0b1111 });
        let endian = if mmio { endian.or(Some(Endian::Little)) } else { endian };
        let regs = keep_all(regs);
        draft.regions.push(Region { name, kind, size, endian, access, align, regs });
    }

    /// `access="1 2 4"` as bits.
    fn access_widths(&mut self, node: &KdlNode) -> Option<u8> {
        let entry = node.entry("access")?;
        let KdlValue::String(text) = entry.value() else {
            self.error(node, "`access` is a list of widths in bytes, as `\"1 2 4\"`");
            return None;
        };
        let mut bits = 0;
        for word in text.split_whitespace() {
            match word {
                "1" => bits |= 1,
                "2" => bits |= 2,
                "4" => bits |= 4,
                "8" => bits |= 8,
                _ => self.error(node, format!("`{word}` is no access width (1, 2, 4, 8)")),
            }
        }
        Some(bits)
    }

    fn register(&mut self, node: &KdlNode) -> Option<Register> {
        if node.name().value() != "reg" {
            let message = format!("`region` holds `reg`, not `{}`", node.name().value());
            self.error(node, message);
            return None;
        }
        let known = ["bits", "reset", "count", "stride", "read", "doc"];
        let args = self.args(node, 3..=3, &known, true);
        let offset = self.number(&args, 0);
        let name = self.name(&args, 1, "");
        let access = self.word(&args, 2).and_then(|w| self.choice(node, w, &Access::ALL));
        let bits = self.prop_small::<u8>(&args, "bits").unwrap_or(32);
        if !matches!(bits, 8 | 16 | 32 | 64) {
            self.error(node, "`bits` is 8, 16, 32 or 64");
        }
        let reset = self.prop_number(&args, "reset", Unit::Plain);
        let count = self.prop_small::<u32>(&args, "count").unwrap_or(1);
        let stride = self.prop_small::<u32>(&args, "stride").unwrap_or(u32::from(bits / 8));
        let read_effect = match self.prop_text(&args, "read") {
            None => false,
            Some("effect") => true,
            Some(other) => {
                self.error(node, format!("`read` is `effect`, not `{other}`"));
                false
            }
        };
        let doc = self.prop_text(&args, "doc").unwrap_or("");
        let mut fields: Vec<Field> = Vec::new();
        for child in self.children(node) {
            if let Some(field) = self.field(child) {
                self.unique(child, "field", field.name, fields.iter().map(|f| f.name));
                fields.push(field);
            }
        }
        Some(Register {
            offset: offset?,
            name: name?,
            access: access?,
            bits,
            reset,
            count,
            stride,
            read_effect,
            doc,
            fields: keep_all(fields),
        })
    }

    /// `bit 3 "TX"` or `bits 16 31 "NCO"`, with an access where it differs.
    fn field(&mut self, node: &KdlNode) -> Option<Field> {
        let (numbers, words) = match node.name().value() {
            "bit" => (1, 2..=3),
            "bits" => (2, 3..=4),
            other => {
                self.error(node, format!("`reg` holds `bit` and `bits`, not `{other}`"));
                return None;
            }
        };
        let args = self.args(node, words, &[], false);
        let mut bit = |i| self.number(&args, i).and_then(|n| u8::try_from(n).ok());
        let lsb = bit(0);
        let msb = if numbers == 2 { bit(1) } else { lsb };
        let name = self.name(&args, numbers, "");
        let access = self.word(&args, numbers + 1);
        let access = access.and_then(|w| self.choice(node, w, &Access::ALL));
        if let (None, _) | (_, None) = (lsb, msb) {
            self.error(node, "bit numbers are 0 to 63");
        }
        Some(Field { name: name?, lsb: lsb?, msb: msb?, access })
    }
}
