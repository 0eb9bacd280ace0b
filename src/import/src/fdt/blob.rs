//! Reads a flattened device tree (Devicetree Specification 0.4, chapter 5).

use super::{Node, Prop, Tree};

const MAGIC: u32 = 0xd00d_feed;
const BEGIN_NODE: u32 = 1;
const END_NODE: u32 = 2;
const PROP: u32 = 3;
const NOP: u32 = 4;
const END: u32 = 9;
/// More levels and nodes than any tree has.
const DEEPEST: usize = 64;
const MOST_NODES: usize = 100_000;

/// Whether bytes begin like a blob.
pub(crate) fn is_blob(bytes: &[u8]) -> bool {
    word(bytes, 0) == Some(MAGIC)
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let b = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_be_bytes([b[0], b[1], b[2], b[3]]))
}

/// Text up to a NUL.
fn text(bytes: &[u8], at: usize) -> Option<String> {
    let rest = bytes.get(at..)?;
    let end = rest.iter().position(|b| *b == 0)?;
    Some(String::from_utf8_lossy(&rest[..end]).into_owned())
}

/// The tree of a blob; what is wrong with it in a sentence otherwise.
pub fn read(bytes: &[u8]) -> Result<Tree, String> {
    if !is_blob(bytes) {
        return Err("this is no device tree blob: it does not begin with d00dfeed".into());
    }
    let header = |n: usize| word(bytes, n * 4).map(|w| w as usize);
    let (Some(structs), Some(strings)) = (header(2), header(3)) else {
        return Err("the header of this blob is cut off".into());
    };
    let cut = || String::from("this blob ends in the middle of its structure");
    let mut tree = Tree::default();
    let mut stack: Vec<usize> = Vec::new();
    let mut at = structs;
    loop {
        let token = word(bytes, at).ok_or_else(cut)?;
        at += 4;
        match token {
            BEGIN_NODE => {
                let name = text(bytes, at).ok_or_else(cut)?;
                at += (name.len() + 1).next_multiple_of(4);
                if stack.len() >= DEEPEST || tree.nodes.len() >= MOST_NODES {
                    return Err("this blob nests deeper, or has more nodes, than any board".into());
                }
                let id = tree.nodes.len();
                let parent = stack.last().copied().unwrap_or(0);
                tree.nodes.push(Node { name, parent, ..Node::default() });
                if id > 0 {
                    let above = tree.nodes.get_mut(parent).filter(|_| !stack.is_empty());
                    above.ok_or("this blob has two roots")?.children.push(id);
                }
                stack.push(id);
            }
            END_NODE => {
                stack.pop().ok_or("a node of this blob ends twice")?;
            }
            PROP => {
                let (len, name) = (word(bytes, at), word(bytes, at + 4));
                let (len, name) = (len.ok_or_else(cut)? as usize, name.ok_or_else(cut)? as usize);
                at += 8;
                let end = at.checked_add(len).ok_or_else(cut)?;
                let value = bytes.get(at..end).ok_or_else(cut)?.to_vec();
                let name = strings.checked_add(name).and_then(|at| text(bytes, at));
                let name = name.ok_or("a property of this blob has no name")?;
                at = end.next_multiple_of(4);
                let node = stack.last().and_then(|id| tree.nodes.get_mut(*id));
                let node = node.ok_or("a property of this blob stands outside of nodes")?;
                node.props.push(Prop { name, value, ..Prop::default() });
            }
            NOP => {}
            END => break,
            other => return Err(format!("token {other} means nothing in a device tree blob")),
        }
    }
    if tree.nodes.is_empty() {
        return Err("this blob has no root node".into());
    }
    Ok(tree)
}
