//! A small SVG writer: the shapes and the palette that the pictures of this crate share.
//!
//! Pictures carry their own white ground and generic font families, so that they read alike in a
//! book, in a browser of either theme and on paper.

use std::fmt::Write;

/// Fill, edge and ink of one kind of thing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paint {
    pub(super) fill: &'static str,
    pub(super) edge: &'static str,
    pub(super) ink: &'static str,
}

pub(super) const RAM: Paint = Paint { fill: "#dcfce7", edge: "#16a34a", ink: "#14532d" };
pub(super) const ROM: Paint = Paint { fill: "#fef3c7", edge: "#d97706", ink: "#78350f" };
pub(super) const MMIO: Paint = Paint { fill: "#dbeafe", edge: "#2563eb", ink: "#1e3a8a" };
pub(super) const STUB: Paint = Paint { fill: "#f1f5f9", edge: "#94a3b8", ink: "#475569" };
pub(super) const WINDOW: Paint = Paint { fill: "#ede9fe", edge: "#7c3aed", ink: "#4c1d95" };
pub(super) const HOLE: Paint = Paint { fill: "url(#hatch)", edge: "#cbd5e1", ink: "#64748b" };
pub(super) const CORE: Paint = Paint { fill: "#1e293b", edge: "#0f172a", ink: "#f8fafc" };

pub(super) const INK: &str = "#0f172a";
pub(super) const GREY: &str = "#64748b";
pub(super) const LINE: &str = "#94a3b8";
pub(super) const RED: &str = "#b91c1c";

/// How a text is set.
#[derive(Debug, Clone, Copy)]
pub(super) struct Type {
    pub(super) size: f64,
    pub(super) color: &'static str,
    pub(super) bold: bool,
    pub(super) mono: bool,
    /// `start` or `end`.
    pub(super) anchor: &'static str,
}

impl Type {
    pub(super) const fn new(size: f64, color: &'static str) -> Type {
        Type { size, color, bold: false, mono: false, anchor: "start" }
    }
    pub(super) const fn bold(self) -> Type {
        Type { bold: true, ..self }
    }
    pub(super) const fn mono(self) -> Type {
        Type { mono: true, ..self }
    }
    pub(super) const fn end(self) -> Type {
        Type { anchor: "end", ..self }
    }
    /// Width of a text, estimated: fonts are the viewer's.
    pub(super) fn width(self, text: &str) -> f64 {
        let em = match (self.mono, self.bold) {
            (true, _) => 0.602,
            (false, true) => 0.6,
            (false, false) => 0.54,
        };
        text.chars().count() as f64 * self.size * em
    }
    /// The text, cut to a width.
    pub(super) fn fit(self, text: &str, width: f64) -> String {
        if self.width(text) <= width {
            return text.to_string();
        }
        let keep = (width / self.width("x")).floor() as usize;
        let cut: String = text.chars().take(keep.saturating_sub(1)).collect();
        format!("{cut}…")
    }
}

/// A picture in the making.
#[derive(Default)]
pub(super) struct Svg(String);

/// Text for markup.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

impl Svg {
    pub(super) fn rect(&mut self, x: f64, y: f64, w: f64, h: f64, paint: Paint) {
        let Paint { fill, edge, .. } = paint;
        _ = writeln!(
            self.0,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{w:.1}\" height=\"{h:.1}\" rx=\"4\" fill=\"{fill}\" stroke=\"{edge}\"/>"
        );
    }

    /// A box that stands for something drawn elsewhere.
    pub(super) fn ghost(&mut self, x: f64, y: f64, w: f64, h: f64, edge: &str) {
        _ = writeln!(
            self.0,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{w:.1}\" height=\"{h:.1}\" rx=\"4\" fill=\"#ffffff\" stroke=\"{edge}\" stroke-dasharray=\"4 3\"/>"
        );
    }

    pub(super) fn bar(&mut self, x: f64, y: f64, w: f64, h: f64, fill: &str) {
        _ = writeln!(
            self.0,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{w:.1}\" height=\"{h:.1}\" rx=\"2\" fill=\"{fill}\"/>"
        );
    }

    pub(super) fn path(&mut self, d: &str, stroke: &str, width: f64, extra: &str) {
        _ = writeln!(
            self.0,
            "<path d=\"{d}\" fill=\"none\" stroke=\"{stroke}\" stroke-width=\"{width}\" {extra}/>"
        );
    }

    /// A faint shape that joins blocks of one thing.
    pub(super) fn band(&mut self, d: &str) {
        _ = writeln!(
            self.0,
            "<path class=\"band\" d=\"{d}\" fill=\"#e2e8f0\" fill-opacity=\"0.7\"/>"
        );
    }

    /// A text with its baseline at `y`.
    pub(super) fn text(&mut self, x: f64, y: f64, t: Type, text: &str) {
        let class = if t.mono { "m" } else { "s" };
        let weight = if t.bold { " font-weight=\"600\"" } else { "" };
        _ = writeln!(
            self.0,
            "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{}\" fill=\"{}\" text-anchor=\"{}\"{weight}>{}</text>",
            t.size,
            t.color,
            t.anchor,
            escape(text)
        );
    }

    /// The whole document.
    pub(super) fn finish(self, width: f64, height: f64, title: &str) -> String {
        let (title, body) = (escape(title), self.0);
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" height=\"{height:.0}\" role=\"img\">\n\
             <title>{title}</title>\n\
             <defs><pattern id=\"hatch\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">\
             <rect width=\"6\" height=\"6\" fill=\"#f8fafc\"/><path d=\"M0 0V6\" stroke=\"#e2e8f0\" stroke-width=\"2\"/></pattern></defs>\n\
             <style>.s{{font-family:Inter,'Helvetica Neue',Arial,'DejaVu Sans',sans-serif}}\
             .m{{font-family:ui-monospace,'SF Mono',Menlo,Consolas,'DejaVu Sans Mono',monospace}}</style>\n\
             <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n{body}</svg>\n"
        )
    }
}
