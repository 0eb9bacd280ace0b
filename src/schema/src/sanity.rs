//! Rules that every type obeys, however its table was made.

use crate::types::*;

/// Everything that is wrong with a type, as sentences; empty for a sound one.
pub fn faults(ty: &DeviceType) -> Vec<String> {
    let mut out = Vec::new();
    if ty.version == 0 {
        out.push("versions begin at 1".into());
    }
    // One flat namespace: `name = value` and `name -> ...` of a part's block must be unambiguous.
    let names = ty.props.iter().map(|p| p.name);
    let names = names.chain(ty.clocks.iter().map(|c| c.name));
    let names = names.chain(ty.resets.iter().map(|r| r.name));
    let names = names.chain(ty.links.iter().map(|l| l.name));
    let names = names.chain(ty.masters.iter().map(|m| m.name));
    unique("settable name", names, &mut out);
    unique("input", ty.inputs.iter().map(|s| s.name), &mut out);
    unique("output", ty.outputs.iter().map(|s| s.name), &mut out);
    let children = ty.regions.iter().map(|r| r.name).chain(ty.buses.iter().map(|b| b.name));
    unique("region or bus", children, &mut out);
    for p in ty.props {
        property(p, &mut out);
    }
    for s in ty.inputs.iter().chain(ty.outputs) {
        count(ty, &format!("width of `{}`", s.name), s.width, &mut out);
    }
    for r in ty.regions {
        region(ty, r, &mut out);
    }
    if let Some(core) = &ty.core {
        if !matches!(core.bits, 8 | 16 | 32 | 64) {
            out.push(format!("a core of {} bits", core.bits));
        }
        if !core.page.is_power_of_two() {
            out.push(format!("a page of {} bytes", core.page));
        }
        if ty.masters.is_empty() {
            out.push("a core without a bus port".into());
        }
        if core.phys_bits == 0 || core.phys_bits > 64 {
            out.push(format!("{} physical address bits", core.phys_bits));
        }
    }
    out
}

fn unique(what: &str, names: impl Iterator<Item = &'static str>, out: &mut Vec<String>) {
    let mut names: Vec<_> = names.collect();
    names.sort_unstable();
    for pair in names.windows(2) {
        if let [a, b] = pair
            && a == b
        {
            out.push(format!("{what} `{a}` is described twice"));
        }
    }
}

fn property(p: &Property, out: &mut Vec<String>) {
    let (min, max) = (p.min.unwrap_or(0), p.max.unwrap_or(u64::MAX));
    if min > max {
        out.push(format!("`{}`: min {min} is above max {max}", p.name));
    }
    match p.default {
        Some(Literal::Int(n)) if n < min || n > max => {
            out.push(format!("`{}`: default {n} is not in {min} .. {max}", p.name));
        }
        Some(Literal::Str(word)) => {
            if let PropType::Enum(words) = p.ty
                && !words.contains(&word)
            {
                out.push(format!("`{}`: default `{word}` is not one of its values", p.name));
            }
        }
        _ => {}
    }
    if let PropType::Enum([] | [_]) = p.ty {
        out.push(format!("`{}`: an enum of fewer than two values", p.name));
    }
}

/// A count may scale only with a number that always has a value.
fn count(ty: &DeviceType, what: &str, count: Option<Count>, out: &mut Vec<String>) {
    let Some(prop) = count.and_then(|c| c.prop) else { return };
    match ty.prop(prop) {
        None => out.push(format!("{what} scales with `{prop}`, which is no property")),
        Some(p) if !matches!(p.ty, PropType::Count | PropType::Size) => {
            out.push(format!("{what} scales with `{prop}`, which is no number"));
        }
        Some(p) if p.optional => {
            out.push(format!("{what} scales with `{prop}`, which may be unset"));
        }
        Some(_) => {}
    }
}

fn region(ty: &DeviceType, r: &Region, out: &mut Vec<String>) {
    count(ty, &format!("size of region `{}`", r.name), r.size, out);
    if r.kind == RegionKind::Mmio && r.size.is_none() {
        out.push(format!("region `{}` of registers has no size", r.name));
    }
    if !r.align.is_power_of_two() {
        out.push(format!("region `{}` is aligned to {}", r.name, r.align));
    }
    if r.access == 0 {
        out.push(format!("region `{}` takes no access width", r.name));
    }
    unique("register", r.regs.iter().map(|g| g.name), out);
    // With every property at its default the documented registers must fit.
    let size = r.size.and_then(|s| s.eval(|p| default_int(ty, p)));
    let mut spans: Vec<(u64, u64, &Register)> = Vec::new();
    for reg in r.regs {
        let bytes = u64::from(reg.bits / 8);
        if reg.count == 0 || (reg.count > 1 && u64::from(reg.stride) < bytes) {
            out.push(format!("`{}`: {} elements, {} apart", reg.name, reg.count, reg.stride));
            continue;
        }
        if bytes == 0 || reg.offset % bytes != 0 {
            out.push(format!("`{}` at {:#x} is not aligned to its width", reg.name, reg.offset));
        }
        if reg.reset.is_some_and(|v| reg.bits < 64 && v >> reg.bits != 0) {
            out.push(format!("reset value of `{}` is wider than the register", reg.name));
        }
        let length = u64::from(reg.count - 1) * u64::from(reg.stride) + bytes;
        let Some(end) = reg.offset.checked_add(length) else {
            out.push(format!("`{}` lies beyond 64 bits", reg.name));
            continue;
        };
        if size.is_some_and(|size| end > size) {
            out.push(format!("`{}` ends at {end:#x}, behind the region", reg.name));
        }
        spans.push((reg.offset, end, reg));
        fields(reg, out);
    }
    spans.sort_by_key(|s| s.0);
    for (i, (_, end, a)) in spans.iter().enumerate() {
        for (start, _, b) in spans.iter().skip(i + 1).take_while(|s| s.0 < *end) {
            if !interleaved(a, b) && !twins(a, b) {
                out.push(format!("`{}` overlaps `{}` at {start:#x}", b.name, a.name));
            }
        }
    }
}

/// Arrays of one stride may interleave (a context's threshold and claim).
fn interleaved(a: &Register, b: &Register) -> bool {
    if a.stride == 0 || a.stride != b.stride || (a.count == 1 && b.count == 1) {
        return false;
    }
    let (stride, offset) = (u64::from(a.stride), b.offset.abs_diff(a.offset));
    let (rem, bytes) = (offset % stride, u64::from(a.bits.max(b.bits) / 8));
    rem >= bytes && rem + bytes <= stride
}

/// One address may be two registers: one that is read and one that is written.
fn twins(a: &Register, b: &Register) -> bool {
    let pair = (a.access, b.access);
    let split = matches!(
        pair,
        (Access::Ro | Access::Rc, Access::Wo) | (Access::Wo, Access::Ro | Access::Rc)
    );
    split && a.offset == b.offset && a.count == b.count && a.stride == b.stride
}

fn fields(reg: &Register, out: &mut Vec<String>) {
    unique("field", reg.fields.iter().map(|f| f.name), out);
    let mut used = 0u64;
    for f in reg.fields {
        if f.lsb > f.msb || f.msb >= reg.bits {
            out.push(format!("`{}.{}` is outside the register", reg.name, f.name));
            continue;
        }
        let mask = (u64::MAX >> (63 - (f.msb - f.lsb))) << f.lsb;
        if used & mask != 0 {
            out.push(format!("`{}.{}` overlaps another field", reg.name, f.name));
        }
        used |= mask;
    }
}

fn default_int(ty: &DeviceType, name: &str) -> Option<u64> {
    match ty.prop(name)?.default? {
        Literal::Int(n) => Some(n),
        _ => None,
    }
}
