//! The order of statements in braces: rows by address, properties before wires.

use super::cells::{Class, class};
use super::tokens::{Kind, value};
use super::tree::{Comment, Item};
use crate::syntax::split::Place;

/// Sorts the groups of a block, each in itself.
pub(super) fn arrange<'a>(items: Vec<Item<'a>>, place: Place) -> Vec<Item<'a>> {
    let mut groups: Vec<Vec<Item<'a>>> = Vec::new();
    for item in items {
        match groups.last_mut() {
            Some(group) if !item.apart() => group.push(item),
            _ => groups.push(vec![item]),
        }
    }
    let mut out = Vec::new();
    for group in groups {
        out.extend(arrange_group(group, place));
    }
    out
}

fn arrange_group<'a>(mut group: Vec<Item<'a>>, place: Place) -> Vec<Item<'a>> {
    let keys: Option<Vec<(u8, u64)>> = group.iter().map(|i| key(i, place)).collect();
    let Some(keys) = keys else { return group };
    if keys.windows(2).all(|w| w[0] <= w[1]) {
        return group;
    }
    // Plain comments at the top of a group are its heading and stay there.
    let first = &mut group[0];
    let plain = first.lead.iter().take_while(|c| !c.text.starts_with("///")).count();
    let heading: Vec<Comment<'a>> = first.lead.drain(..plain).collect();
    let blank = heading.first().map_or(first.apart(), |c| c.blank);
    for item in &mut group {
        set_apart(item, false);
    }
    let mut pairs: Vec<((u8, u64), Item<'a>)> = keys.into_iter().zip(group).collect();
    pairs.sort_by_key(|(k, _)| *k);
    let mut out: Vec<Item<'a>> = pairs.into_iter().map(|(_, i)| i).collect();
    out[0].lead.splice(..0, heading);
    set_apart(&mut out[0], blank);
    out
}

fn set_apart(item: &mut Item<'_>, blank: bool) {
    match item.lead.first_mut() {
        Some(c) => c.blank = blank,
        None => item.blank = blank,
    }
}

/// Where a statement belongs in its group; `None` if that cannot be known.
fn key(item: &Item<'_>, place: Place) -> Option<(u8, u64)> {
    let class = class(&item.head, place);
    match (place, class) {
        (Place::Bus, Class::Set) => Some((0, 0)),
        (Place::Bus, Class::Row) => {
            // Only an address that is a number has a place of its own.
            let [base, next, ..] = item.head.as_slice() else { return None };
            let sum = next.kind == Kind::Sign && matches!(next.text, "*" | "/");
            if base.kind != Kind::Number || sum {
                return None;
            }
            Some((1, value(base.text)?))
        }
        (Place::Part, Class::Set) => Some((0, 0)),
        (Place::Part, Class::Wire) => Some((1, 0)),
        _ => None,
    }
}
