//! A graph as text and pictures. Every function is pure: a graph in, a string out.

mod blocks;
mod clocks;
mod diff;
mod dot;
mod irq;
mod map;
mod mermaid;
mod svg;
mod view;

pub use blocks::block_svg;
pub use clocks::clocks_text;
pub use diff::diff_svg;
pub use dot::dot;
pub use irq::{IrqPath, irq_paths, irq_text};
pub use map::{map_svg, maps_svg};
pub use mermaid::mermaid;
pub use view::{view_text, views_of};
