//! The registers as GDB numbers and names them ("ARM Features", GDB manual, appendix G.5).

use super::{Core, names, regs};
use hetemu_isa::{DebugLayout, DebugReg, Feature};

impl Core {
    pub(super) fn layout_for_debuggers(&self) -> DebugLayout {
        let mut list = Vec::new();
        for (n, name) in (0..).zip(regs::R) {
            let ty = match name {
                "sp" => "data_ptr",
                "pc" => "code_ptr",
                _ => "uint32",
            };
            list.push(DebugReg::general(n, name, 32, ty));
        }
        list.push(DebugReg::general(16, "xpsr", 32, "uint32"));
        let mut features = vec![feature("org.gnu.gdb.arm.m-profile", list)];
        let mut next = 17;
        let mut add = |name: &str, ty: &str| {
            next += 1;
            DebugReg::new(next - 1, name, 32, ty)
        };
        if self.facts.fp() {
            let mut list: Vec<_> = regs::S.iter().map(|n| add(n, "ieee_single")).collect();
            list.push(add("fpscr", "uint32").group("float"));
            // GDB makes d0 to d15 of these by itself only for its own feature's names.
            features.push(feature("org.hetemu.arm.float", list));
        }
        let system = |mut r: DebugReg| {
            r = r.group("system");
            r
        };
        let list = ["msp", "psp"].into_iter().map(|n| system(add(n, "data_ptr"))).collect();
        features.push(feature("org.gnu.gdb.arm.m-system", list));
        let mut names: Vec<&str> = names::special(self);
        names.drain(..2);
        names.extend(self.status());
        let list = names.into_iter().map(|n| system(add(n, "uint32"))).collect();
        features.push(feature("org.hetemu.arm.system", list));
        if self.facts.security {
            let mut banked = Vec::new();
            for suffix in ["_ns", "_s"] {
                for name in names::special(self) {
                    let ty = if name.len() == 3 { "data_ptr" } else { "uint32" };
                    banked.push((format!("{name}{suffix}"), ty));
                }
            }
            let list = banked.iter().map(|(n, ty)| system(add(n, ty))).collect();
            features.push(feature("org.gnu.gdb.arm.secext", list));
            let mut names =
                vec!["secure".to_string(), "sfsr".into(), "sfar".into(), "sau_ctrl".into()];
            for suffix in ["_ns", "_s"] {
                names.extend(names::BANKED.iter().map(|name| format!("{name}{suffix}")));
            }
            let list = names.iter().map(|n| system(add(n, "uint32"))).collect();
            features.push(feature("org.hetemu.arm.security", list));
        }
        DebugLayout { architecture: "arm".into(), features, pc: 15, sp: 13 }
    }
}

fn feature(name: &str, regs: Vec<DebugReg>) -> Feature {
    Feature { name: name.into(), types: Vec::new(), regs }
}
