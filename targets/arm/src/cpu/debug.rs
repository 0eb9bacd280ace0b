//! The registers as GDB numbers and names them ("ARM Features", GDB manual, appendix G.5).

use super::{Core, regs};
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
        let mut list: Vec<DebugReg> =
            ["msp", "psp"].into_iter().map(|n| system(add(n, "data_ptr"))).collect();
        features.push(feature("org.gnu.gdb.arm.m-system", std::mem::take(&mut list)));
        let mut names = vec!["primask"];
        if self.facts.main() {
            names.extend(["basepri", "faultmask"]);
        }
        names.push("control");
        if self.facts.v8() {
            names.extend(["msplim", "psplim"]);
        }
        if self.facts.main() {
            names.extend(["cfsr", "hfsr", "mmfar", "bfar"]);
        }
        names.push("vtor");
        let list = names.into_iter().map(|n| system(add(n, "uint32"))).collect();
        features.push(feature("org.hetemu.arm.system", list));
        DebugLayout { architecture: "arm".into(), features, pc: 15, sp: 13 }
    }
}

fn feature(name: &str, regs: Vec<DebugReg>) -> Feature {
    Feature { name: name.into(), types: Vec::new(), regs }
}
