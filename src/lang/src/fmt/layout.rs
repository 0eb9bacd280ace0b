//! From the arranged statements to lines: columns, inline braces, comments.

use super::WIDTH;
use super::cells::{Class, cells, class, rows};
use super::order::arrange;
use super::tokens::{Kind, Token, print, print_lines, value};
use super::tree::{Block, Comment, Item};
use crate::syntax::split::{Place, inside};
use std::fmt::Write;

/// The whole text.
pub(super) fn render(items: Vec<Item<'_>>, tail: Vec<Comment<'_>>) -> String {
    let mut out = String::new();
    block(&mut out, items, &tail, Place::Top, 0);
    while out.ends_with("\n\n") {
        out.pop();
    }
    if out.starts_with('\n') {
        out.remove(0);
    }
    out
}

/// A statement's line before comments are aligned.
struct Line<'a> {
    item: Item<'a>,
    text: String,
    /// `{ ... }` if it stands on this line.
    braces: Option<String>,
}

fn block(
    out: &mut String,
    items: Vec<Item<'_>>,
    tail: &[Comment<'_>],
    place: Place,
    indent: usize,
) {
    let items = match place {
        Place::Top => items,
        _ => arrange(items, place),
    };
    let texts = texts(&items, place, indent);
    let mut lines: Vec<Line<'_>> = items
        .into_iter()
        .zip(texts)
        .map(|(item, text)| Line { braces: inline(&item, &text, indent), item, text })
        .collect();
    align_braces(&mut lines, indent);
    let columns = comment_columns(&lines, indent);
    let pad = " ".repeat(indent);
    let mut first = true;
    for (line, column) in lines.into_iter().zip(columns) {
        let item = line.item;
        // The edition line stands by itself.
        let edition = place == Place::Top && item.head.first().is_some_and(|t| t.word("hm"));
        for (i, c) in item.lead.iter().enumerate() {
            comment(out, c, &pad, first && i == 0);
        }
        if item.blank && !(first && item.lead.is_empty()) {
            blank_line(out);
        }
        first = false;
        out.push_str(&pad);
        out.push_str(&line.text);
        let trail = item.trail.map(tidy);
        match (item.block, line.braces) {
            (Some(_), Some(braces)) => _ = write!(out, " {braces}"),
            (Some(inner), None) => {
                open(out, inner, &item.head, trail, indent);
                continue;
            }
            (None, _) => {}
        }
        if let Some(trail) = trail {
            let start = out.rfind('\n').map_or(0, |i| i + 1);
            let len = out.get(start..).map_or(0, |l| l.chars().count());
            _ = write!(out, "{}{trail}", " ".repeat(column.saturating_sub(len).max(2)));
        }
        out.push('\n');
        if edition {
            blank_line(out);
        }
    }
    for (i, c) in tail.iter().enumerate() {
        comment(out, c, &pad, first && i == 0);
    }
}

/// Braces over several lines, and what is in them.
fn open(
    out: &mut String,
    inner: Block<'_>,
    head: &[Token<'_>],
    trail: Option<String>,
    indent: usize,
) {
    out.push_str(" {");
    // A comment behind braces that were on one line goes with their first line.
    let (opening, trail) = match (inner.opening, inner.inline) {
        (None, true) => (trail, None),
        (o, _) => (o.map(tidy), trail),
    };
    if let Some(c) = opening {
        _ = write!(out, "  {c}");
    }
    out.push('\n');
    let place = inside(print(head).as_bytes());
    block(out, inner.items, &inner.tail, place, indent + 2);
    _ = write!(out, "{}}}", " ".repeat(indent));
    if let Some(c) = trail {
        _ = write!(out, "  {c}");
    }
    out.push('\n');
}

fn blank_line(out: &mut String) {
    if !out.ends_with("\n\n") && !out.is_empty() {
        out.push('\n');
    }
}

fn comment(out: &mut String, c: &Comment<'_>, pad: &str, first: bool) {
    if c.blank && !first {
        blank_line(out);
    }
    out.push_str(pad);
    out.push_str(&tidy(c.text));
    out.push('\n');
}

/// A comment with a blank behind its slashes.
fn tidy(text: &str) -> String {
    let slashes = text.bytes().take_while(|b| *b == b'/').count();
    let (slashes, rest) = text.split_at(slashes.min(text.len()));
    let word = rest.chars().next().is_some_and(char::is_alphanumeric);
    let rest = rest.trim_end();
    if word { format!("{slashes} {rest}") } else { format!("{slashes}{rest}") }
}

/// The heads of a block as text, in columns.
fn texts(items: &[Item<'_>], place: Place, indent: usize) -> Vec<String> {
    let classes: Vec<Class> = items.iter().map(|i| class(&i.head, place)).collect();
    let mut out: Vec<String> = vec![String::new(); items.len()];
    if place == Place::Bus {
        let of: Vec<usize> = (0..items.len()).filter(|i| classes[*i] == Class::Row).collect();
        let heads: Vec<&[Token<'_>]> = of.iter().map(|i| items[*i].head.as_slice()).collect();
        for (i, text) in of.iter().zip(rows(&heads, address_bits(items))) {
            out[*i] = text;
        }
    }
    let mut from = 0;
    while from < items.len() {
        let mut to = from + 1;
        while to < items.len() && one_run(&items[to - 1], &items[to], classes[to - 1], classes[to])
        {
            to += 1;
        }
        if classes[from] != Class::Row {
            for (text, line) in
                out[from..to].iter_mut().zip(run(&items[from..to], &classes[from..to], indent))
            {
                *text = line;
            }
        }
        from = to;
    }
    out
}

/// `addr = 16` among the settings of a bus.
fn address_bits(items: &[Item<'_>]) -> Option<u64> {
    items.iter().find_map(|i| match i.head.as_slice() {
        [name, equals, n] if name.word("addr") && equals.is("=") => value(n.text),
        _ => None,
    })
}

/// Whether two statements that follow each other share columns.
fn one_run(a: &Item<'_>, b: &Item<'_>, of_a: Class, of_b: Class) -> bool {
    let flow = |c: Class| matches!(c, Class::Set | Class::Wire);
    let same = of_a == of_b || flow(of_a) && flow(of_b);
    let single = |i: &Item<'_>| i.block.as_ref().is_none_or(|b| b.inline);
    same && single(a) && single(b) && !b.apart() && !b.blank
}

fn run(items: &[Item<'_>], classes: &[Class], indent: usize) -> Vec<String> {
    let arrows = classes.contains(&Class::Wire) && classes.contains(&Class::Set);
    let cells: Vec<Vec<String>> =
        items.iter().zip(classes).map(|(i, c)| cells(&i.head, *c, arrows)).collect();
    let columns = cells.iter().map(Vec::len).max().unwrap_or(0);
    let width = |k: usize| {
        let later = |c: &Vec<String>| c.iter().skip(k + 1).any(|t| !t.is_empty());
        let used = cells.iter().filter(|c| later(c)).filter_map(|c| c.get(k));
        used.map(|t| t.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let join = |c: &Vec<String>| {
        let mut line = String::new();
        for (k, cell) in c.iter().enumerate() {
            let w = widths.get(k).copied().unwrap_or(0);
            if w > 0 || !cell.is_empty() {
                _ = write!(line, "{cell:w$} ");
            }
        }
        line.trim_end().to_string()
    };
    let one = |(item, c): (&Item<'_>, &Vec<String>)| {
        if item.head.iter().any(|t| t.kind == Kind::Comment) {
            return print_lines(&item.head, indent);
        }
        let text = join(c);
        match indent + text.chars().count() > WIDTH {
            true => break_list(&item.head, &text, indent),
            false => text,
        }
    };
    items.iter().zip(&cells).map(one).collect()
}

/// `name = [a, b]` that is too wide: an element a line.
fn break_list(head: &[Token<'_>], text: &str, indent: usize) -> String {
    let open = head.iter().position(|t| t.is("["));
    let list = open.filter(|i| *i > 0 && head.get(i - 1).is_some_and(|t| t.is("=")));
    let (Some(open), true) = (list, head.last().is_some_and(|t| t.is("]"))) else {
        return text.to_string();
    };
    let mut elements: Vec<&[Token<'_>]> = Vec::new();
    let body = head.get(open + 1..head.len() - 1).unwrap_or(&[]);
    let (mut depth, mut from) = (0usize, 0);
    for (i, t) in body.iter().enumerate() {
        match t.text {
            "[" | "(" if t.kind == Kind::Sign => depth += 1,
            "]" | ")" if t.kind == Kind::Sign => depth = depth.saturating_sub(1),
            "," if depth == 0 && t.kind == Kind::Sign => {
                elements.push(body.get(from..i).unwrap_or(&[]));
                from = i + 1;
            }
            _ => {}
        }
    }
    elements.push(body.get(from..).unwrap_or(&[]));
    let Some((before, _)) = text.split_once('[') else { return text.to_string() };
    let pad = " ".repeat(indent);
    let mut out = format!("{before}[");
    for (i, e) in elements.iter().filter(|e| !e.is_empty()).enumerate() {
        let comma = if i > 0 { "," } else { "" };
        _ = write!(out, "{comma}\n{pad}  {}", print(e));
    }
    _ = write!(out, "\n{pad}]");
    out
}

/// Braces that stood on one line, if they still fit there.
fn inline(item: &Item<'_>, text: &str, indent: usize) -> Option<String> {
    let block = item.block.as_ref()?;
    if block.items.is_empty() && block.tail.is_empty() && block.opening.is_none() {
        return Some("{}".into());
    }
    if !block.inline || block.items.iter().any(|i| i.block.is_some()) {
        return None;
    }
    let place = inside(print(&item.head).as_bytes());
    if place != Place::Part {
        return None;
    }
    let inner: Vec<String> = block.items.iter().map(|i| one_line(&i.head)).collect();
    let braces = format!("{{ {} }}", inner.join(", "));
    let width = indent + text.chars().count() + 1 + braces.chars().count();
    (width <= WIDTH && !braces.contains('\n')).then_some(braces)
}

fn one_line(head: &[Token<'_>]) -> String {
    cells(head, class(head, Place::Part), false).join(" ")
}

/// `{` of neighbouring rows and parts stand below each other.
fn align_braces(lines: &mut [Line<'_>], indent: usize) {
    let next_to = |l: &Line<'_>| l.item.lead.is_empty() && !l.item.blank && l.braces.is_some();
    let mut from = 0;
    while from < lines.len() {
        let mut to = from + 1;
        while lines[from].braces.is_some() && to < lines.len() && next_to(&lines[to]) {
            to += 1;
        }
        if let Some(run) = lines.get_mut(from..to).filter(|r| r.len() > 1) {
            let len = |s: &str| s.chars().count();
            let wide = run.iter().map(|l| len(&l.text)).max().unwrap_or(0);
            let fits =
                run.iter().all(|l| indent + wide + 1 + l.braces.as_deref().map_or(0, len) <= WIDTH);
            if fits {
                for l in run {
                    l.text = format!("{:wide$}", l.text);
                }
            }
        }
        from = to;
    }
}

/// Where the comments at the ends of lines begin: of neighbouring lines in one column.
fn comment_columns(lines: &[Line<'_>], indent: usize) -> Vec<usize> {
    let len = |l: &Line<'_>| {
        let braces = l.braces.as_deref().map_or(0, |b| b.chars().count() + 1);
        let last = l.text.rsplit('\n').next().unwrap_or("");
        let pad = if l.text.contains('\n') { 0 } else { indent };
        pad + last.chars().count() + braces
    };
    let single = |l: &Line<'_>| l.item.block.is_none() || l.braces.is_some();
    let mut out = vec![0; lines.len()];
    let mut from = 0;
    while from < lines.len() {
        let mut to = from + 1;
        let has = |l: &Line<'_>| l.item.trail.is_some() && single(l);
        while to < lines.len()
            && has(&lines[from])
            && has(&lines[to])
            && lines[to].item.lead.is_empty()
            && !lines[to].item.blank
        {
            to += 1;
        }
        let column = lines[from..to].iter().map(len).max().unwrap_or(0) + 2;
        out[from..to].fill(column);
        from = to;
    }
    out
}
