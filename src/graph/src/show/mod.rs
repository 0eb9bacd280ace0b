//! A graph as text and pictures. Every function is pure: a graph in, a string out.

//TODO mod blocks;
mod clocks;
mod dot;
mod irq;
//TODO mod map;
mod mermaid;
//TODO mod svg;
mod view;

//TODO pub use blocks::block_svg;
pub use clocks::clocks_text;
pub use dot::dot;
pub use irq::{IrqPath, irq_paths, irq_text};
//TODO pub use map::{map_svg, maps_svg};
pub use mermaid::mermaid;
pub use view::{view_text, views_of};
