//! Turns every `schema.kdl` and the decode table of this crate into Rust tables.

fn main() {
    hetemu_schema::build::compile("src");
    hetemu_isa::decode::build::compile("decode.table");
}
