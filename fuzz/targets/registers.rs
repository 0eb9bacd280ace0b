//! Fuzz target: see `entry::registers`.

#![no_main]

#[path = "../entry.rs"]
#[allow(dead_code)]
mod entry;

use std::sync::LazyLock;

static MODELS: LazyLock<Vec<hetemu_hw::Model>> =
    LazyLock::new(|| entry::models(&hetemu::registry::registry()));

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| entry::registers(bytes, &MODELS));
