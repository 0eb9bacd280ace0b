//! The decoder, generated from `decode.table`.

include!(concat!(env!("OUT_DIR"), "/decode.rs"));
