//! A graph as text and pictures. Every function is pure: a graph in, a string out.

//TODO mod blocks;
mod clocks;
//TODO mod dot;
mod irq;
//TODO mod map;
//TODO mod mermaid;
//TODO mod svg;
mod view;

//TODO pub use blocks::block_svg;
pub use clocks::clocks_text;
//TODO pub use dot::dot;
pub use irq::{IrqPath, irq_paths, irq_text};
//TODO pub use map::{map_svg, maps_svg};
//TODO pub use mermaid::mermaid;
pub use view::{view_text, views_of};
