//! Names of the language from names of other tools.

use hetemu_schema::{Catalog, DeviceType};

/// An identifier: letters, digits and `_`, not beginning with a digit.
pub(crate) fn ident(text: &str) -> String {
    let mut out: String =
        text.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).take(64).collect();
    while out.contains("__") {
        out = out.replace("__", "_");
    }
    let out = out.trim_matches('_');
    match out.chars().next() {
        None => String::from("part"),
        Some(c) if c.is_ascii_digit() => format!("n{out}"),
        Some(_) => out.to_string(),
    }
}

/// A name after `machine`: `-` may stand in it.
pub(crate) fn machine(text: &str) -> String {
    let words = text.split('-').map(ident).collect::<Vec<_>>();
    words.join("-").to_ascii_lowercase()
}

/// The oldest version of the type that another tool calls so.
pub(crate) fn by_alias(catalog: &Catalog, name: &str) -> Option<&'static DeviceType> {
    catalog.iter().find(|t| t.aliases.contains(&name))
}

/// The newest type of the first `compatible` string that any type has.
pub(crate) fn by_compatible(catalog: &Catalog, list: &[String]) -> Option<&'static DeviceType> {
    list.iter().find_map(|c| {
        let all: Vec<_> = catalog.iter().filter(|t| t.compatible.contains(&c.as_str())).collect();
        // The most specific place of the string in a type's own list wins.
        let place = |t: &DeviceType| t.compatible.iter().position(|s| s == c);
        all.iter().rev().min_by_key(|t| place(t)).copied()
    })
}

/// A type by hetemu's own name, the newest version.
pub(crate) fn by_name(catalog: &Catalog, name: &str) -> Option<&'static DeviceType> {
    catalog.versions(name).last().copied()
}

/// The word that a part of a type is called by: `lowrisc.ibex` is `ibex`.
pub(crate) fn stem(ty: &DeviceType) -> String {
    ident(ty.name.rsplit('.').next().unwrap_or(ty.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_identifiers() {
        assert_eq!(ident("virtio_mmio@10008000"), "virtio_mmio_10008000");
        assert_eq!(ident("--"), "part");
        assert_eq!(ident("8250"), "n8250");
        assert_eq!(ident("gpio-keys"), "gpio_keys");
        assert_eq!(machine("STM32F4-Discovery"), "stm32f4-discovery");
    }
}
