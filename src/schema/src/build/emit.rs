//! Rust text for types: their tables, and constants for the models that implement them.
//!
//! The tables are written as literals, so that a program that holds hundreds of types starts
//! without parsing or allocating. Models name registers by the constants:
//! `lowrisc_uart_1::INTR_STATE`.

use crate::types::*;
use std::fmt::{Debug, Write};

/// The text of `schemas.rs` for a list of types: one `static` a type, a module of constants a type
/// with registers, and `SCHEMAS` with all of them.
pub fn emit(types: &[DeviceType]) -> String {
    let mut s = String::from("// Written by hetemu_schema::build from schema.kdl files.\n\n");
    let all: Vec<String> = types.iter().map(|t| format!("&{}", static_name(t))).collect();
    s.push_str("/// Every type of this crate, by name, then version.\n");
    _ = writeln!(
        s,
        "pub static SCHEMAS: &[&::hetemu_schema::DeviceType] = &[{}];\n",
        all.join(", ")
    );
    for ty in types {
        table(&mut s, ty);
        constants(&mut s, ty);
    }
    s
}

fn snake(ty: &DeviceType) -> String {
    let name: String =
        ty.name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    format!("{name}_{}", ty.version)
}

fn static_name(ty: &DeviceType) -> String {
    snake(ty).to_ascii_uppercase()
}

/// `Debug` of a path of this crate's enums, with its type in front.
fn path(name: &str, value: impl Debug) -> String {
    format!("::hetemu_schema::{name}::{value:?}")
}

fn option<T>(value: Option<T>, text: impl Fn(T) -> String) -> String {
    value.map_or_else(|| "None".into(), |v| format!("Some({})", text(v)))
}

fn list<T>(items: &[T], text: impl Fn(&T) -> String) -> String {
    format!("&[{}]", items.iter().map(text).collect::<Vec<_>>().join(", "))
}

fn count(c: Count) -> String {
    format!("::hetemu_schema::{c:?}")
}

fn table(s: &mut String, t: &DeviceType) {
    _ = writeln!(s, "/// `{}`: {}.", t.full_name(), t.summary);
    _ = writeln!(
        s,
        "pub static {}: ::hetemu_schema::DeviceType = ::hetemu_schema::DeviceType {{",
        static_name(t)
    );
    _ = writeln!(s, "    name: {:?}, version: {}, summary: {:?},", t.name, t.version, t.summary);
    _ = writeln!(s, "    spec: {:?},", t.spec);
    _ = writeln!(s, "    compatible: &{:?}, aliases: &{:?},", t.compatible, t.aliases);
    _ = writeln!(s, "    deprecated: {:?},", t.deprecated);
    _ = writeln!(s, "    props: {},", list(t.props, property));
    _ = writeln!(s, "    clocks: {},", list(t.clocks, |c| format!("::hetemu_schema::{c:?}")));
    _ = writeln!(s, "    resets: {},", list(t.resets, |r| format!("::hetemu_schema::{r:?}")));
    _ = writeln!(s, "    links: {},", list(t.links, link));
    _ = writeln!(s, "    inputs: {},", list(t.inputs, signal));
    _ = writeln!(s, "    outputs: {},", list(t.outputs, signal));
    _ = writeln!(s, "    regions: {},", list(t.regions, region));
    _ = writeln!(s, "    masters: {},", list(t.masters, |m| format!("::hetemu_schema::{m:?}")));
    _ = writeln!(s, "    buses: {},", list(t.buses, |b| format!("::hetemu_schema::{b:?}")));
    _ = writeln!(s, "    attaches: {:?},", t.attaches);
    _ = writeln!(
        s,
        "    state: ::hetemu_schema::State {{ version: {}, from: &{:?} }},",
        t.state.version, t.state.from
    );
    _ = writeln!(s, "    core: {},\n}};\n", option(t.core.as_ref(), core));
}

fn property(p: &Property) -> String {
    let ty = match p.ty {
        PropType::Enum(words) => format!("::hetemu_schema::PropType::Enum(&{words:?})"),
        other => path("PropType", other),
    };
    format!(
        "::hetemu_schema::Property {{ name: {:?}, ty: {ty}, default: {}, optional: {}, min: {:?}, \
         max: {:?}, unstable: {}, host: {}, doc: {:?} }}",
        p.name,
        option(p.default, |d| path("Literal", d)),
        p.optional,
        p.min,
        p.max,
        p.unstable,
        p.host,
        p.doc
    )
}

fn link(l: &Link) -> String {
    format!(
        "::hetemu_schema::Link {{ name: {:?}, kind: {}, optional: {} }}",
        l.name,
        path("PlugKind", l.kind),
        l.optional
    )
}

fn signal(p: &Signal) -> String {
    format!(
        "::hetemu_schema::Signal {{ name: {:?}, kind: {}, width: {}, first: {}, optional: {}, doc: {:?} }}",
        p.name,
        path("SignalKind", p.kind),
        option(p.width, count),
        p.first,
        p.optional,
        p.doc
    )
}

fn region(r: &Region) -> String {
    format!(
        "::hetemu_schema::Region {{ name: {:?}, kind: {}, size: {}, endian: {}, access: {}, align: {}, regs: {} }}",
        r.name,
        path("RegionKind", r.kind),
        option(r.size, count),
        option(r.endian, |e| path("Endian", e)),
        r.access,
        r.align,
        list(r.regs, register)
    )
}

fn register(r: &Register) -> String {
    format!(
        "\n        ::hetemu_schema::Register {{ offset: {:#x}, name: {:?}, access: {}, bits: {}, reset: {:?}, \
         count: {}, stride: {}, read_effect: {}, doc: {:?}, fields: {} }}",
        r.offset,
        r.name,
        path("Access", r.access),
        r.bits,
        r.reset,
        r.count,
        r.stride,
        r.read_effect,
        r.doc,
        list(r.fields, |f| format!(
            "::hetemu_schema::Field {{ name: {:?}, lsb: {}, msb: {}, access: {} }}",
            f.name,
            f.lsb,
            f.msb,
            option(f.access, |a| path("Access", a))
        ))
    )
}

fn core(c: &Core) -> String {
    format!(
        "::hetemu_schema::Core {{ isa: {:?}, bits: {}, endian: {}, page: {}, phys_bits: {}, \
         reset_vector: {:#x}, facts: &{:?} }}",
        c.isa,
        c.bits,
        path("Endian", c.endian),
        c.page,
        c.phys_bits,
        c.reset_vector,
        c.facts
    )
}

/// Offsets, array shapes and field masks; port numbers, for models that raise wires by index.
fn constants(s: &mut String, t: &DeviceType) {
    _ = writeln!(s, "/// Register offsets, field masks and port numbers of `{}`.", t.full_name());
    _ = writeln!(s, "#[allow(missing_docs)]\npub mod {} {{", snake(t));
    let with_regs = t.regions.iter().filter(|r| !r.regs.is_empty());
    // Registers of several regions get a module each: their names need not differ.
    let several = with_regs.clone().count() > 1;
    for region in with_regs {
        if several {
            _ = writeln!(s, "    pub mod {} {{", region.name.to_ascii_lowercase());
        }
        for r in region.regs {
            let name = constant(r.name);
            _ = writeln!(s, "    pub const {name}: u64 = {:#x};", r.offset);
            if r.count > 1 {
                _ = writeln!(s, "    pub const {name}_COUNT: u64 = {};", r.count);
                _ = writeln!(s, "    pub const {name}_STRIDE: u64 = {:#x};", r.stride);
            }
            for f in r.fields {
                let mask = (u64::MAX >> (63 - (f.msb - f.lsb).min(63))) << f.lsb;
                let field = constant(f.name);
                _ = writeln!(s, "    pub const {name}_{field}: u64 = {mask:#x};");
                if f.msb > f.lsb {
                    _ = writeln!(s, "    pub const {name}_{field}_LSB: u32 = {};", f.lsb);
                }
            }
        }
        if several {
            s.push_str("    }\n");
        }
    }
    indices(s, "regions", t.regions.iter().map(|r| r.name));
    indices(s, "inputs", t.inputs.iter().map(|p| p.name));
    indices(s, "outputs", t.outputs.iter().map(|p| p.name));
    s.push_str("}\n\n");
}

/// `MagicValue` is `MAGIC_VALUE`; `UARTPeriphID0` is `UARTPERIPH_ID0`.
fn constant(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    let mut before = '_';
    for c in name.chars() {
        if c.is_ascii_uppercase() && before.is_ascii_lowercase() {
            out.push('_');
        }
        out.push(c.to_ascii_uppercase());
        before = c;
    }
    out
}

/// Position of each name in its list of the schema: `outputs::TX_WATERMARK`.
fn indices(s: &mut String, module: &str, names: impl Iterator<Item = &'static str>) {
    let names: Vec<_> = names.collect();
    if names.is_empty() {
        return;
    }
    _ = writeln!(s, "    pub mod {module} {{");
    for (i, name) in names.iter().enumerate() {
        _ = writeln!(s, "        pub const {}: u32 = {i};", constant(name));
    }
    s.push_str("    }\n");
}
