//! Fuzz target: see `entry::snapshot`.

#![no_main]

#[path = "../entry.rs"]
#[allow(dead_code)]
mod entry;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let builder = hetemu::Builder::find("opentitan").expect("a shipped machine");
    let mut machine = builder.jit(hetemu::Jit::Off).build().expect("a sound machine");
    let running = machine.machine_mut().expect("it is live");
    let saved = running.save(None).expect("a state");
    let file = running.pack(&saved, &Default::default()).expect("a file");
    entry::snapshot(bytes, &file, running);
});
