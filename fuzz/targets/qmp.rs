//! Fuzz target: see `entry::qmp`.

#![no_main]

#[path = "../entry.rs"]
#[allow(dead_code)]
mod entry;

use std::sync::{Arc, LazyLock};

static REGISTRY: LazyLock<Arc<hetemu_machine::Registry>> =
    LazyLock::new(|| Arc::new(hetemu::registry::registry()));

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| entry::qmp(bytes, &REGISTRY));
