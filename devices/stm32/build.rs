//! Turns every `schema.kdl` of this crate into tables.

fn main() {
    hetemu_schema::build::compile("src");
}
