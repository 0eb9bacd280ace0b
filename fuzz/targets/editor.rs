//! Fuzz target: see `entry::machine`.

#![no_main]

#[path = "../entry.rs"]
#[allow(dead_code)]
mod entry;

use std::sync::LazyLock;

static REGISTRY: LazyLock<hetemu_machine::Registry> = LazyLock::new(hetemu::registry::registry);

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| entry::editor(bytes, REGISTRY.catalog()));
