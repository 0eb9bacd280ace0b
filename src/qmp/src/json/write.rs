//! Values to text: ASCII, one line, `, ` and `: ` between values.

use serde_json::{Number, Value};
use std::fmt::Write;

/// The value as QMP writes it.
pub fn text(value: &Value) -> String {
    let mut out = String::new();
    write(&mut out, value);
    out
}

fn write(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Value::Number(n) => number(out, n),
        Value::String(s) => string(out, s),
        Value::Array(list) => {
            out.push('[');
            for (i, v) in list.iter().enumerate() {
                out.push_str(if i > 0 { ", " } else { "" });
                write(out, v);
            }
            out.push(']');
        }
        Value::Object(map) => {
            out.push('{');
            for (i, (k, v)) in map.iter().enumerate() {
                out.push_str(if i > 0 { ", " } else { "" });
                string(out, k);
                out.push_str(": ");
                write(out, v);
            }
            out.push('}');
        }
    }
}

fn string(out: &mut String, s: &str) {
    out.push('"');
    for c in s.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            ' '..='~' => out.push(c),
            _ => {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    let _ = write!(out, "\\u{unit:04X}");
                }
            }
        }
    }
    out.push('"');
}

fn number(out: &mut String, n: &Number) {
    match n.as_f64() {
        Some(f) if n.is_f64() => float(out, f),
        _ => {
            let _ = write!(out, "{n}");
        }
    }
}

/// 17 significant digits, enough to be read back unchanged, without zeros at the end (C's `%.17g`).
fn float(out: &mut String, f: f64) {
    let exact = format!("{f:.16e}");
    let (mantissa, exponent) = exact.split_once('e').unwrap_or((&exact, "0"));
    let e: i32 = exponent.parse().unwrap_or(0);
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(m) => ("-", m),
        None => ("", mantissa),
    };
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let digits = digits.trim_end_matches('0');
    let digits = if digits.is_empty() { "0" } else { digits };
    out.push_str(sign);
    if !(-4..17).contains(&e) {
        let (first, rest) = digits.split_at(1);
        let point = if rest.is_empty() { "" } else { "." };
        let _ = write!(out, "{first}{point}{rest}e{}{:02}", if e < 0 { '-' } else { '+' }, e.abs());
    } else if e < 0 {
        let zeros = "0".repeat(e.unsigned_abs() as usize - 1);
        let _ = write!(out, "0.{zeros}{digits}");
    } else {
        let whole = e as usize + 1;
        let padded = format!("{digits:0<whole$}");
        let (a, b) = padded.split_at(whole);
        let point = if b.is_empty() { "" } else { "." };
        let _ = write!(out, "{a}{point}{b}");
    }
}
