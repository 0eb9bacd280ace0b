//! Texts by their paths: what is open in the editor goes before what lies on disk.

use crate::Ground;
use hetemu_lang::{Library, Text};
use std::collections::BTreeMap;

/// An open text: its URI and content.
#[derive(Debug, Clone)]
pub(crate) struct Open {
    pub(crate) uri: String,
    pub(crate) text: String,
}

/// The library of a check, and the addresses of its texts.
pub(crate) struct Buffers<'a> {
    ground: Ground<'a>,
    open: BTreeMap<String, Open>,
}

impl<'a> Buffers<'a> {
    pub(crate) fn new(ground: Ground<'a>, all: impl Iterator<Item = Open>) -> Buffers<'a> {
        let open = all.map(|o| (clean(&path(&o.uri)), o)).collect();
        Buffers { ground, open }
    }

    /// What a text is called, the same from everywhere.
    pub(crate) fn key(&self, name: &str) -> String {
        let own = clean(name);
        if self.open.contains_key(&own) {
            return own;
        }
        (self.ground.place)(name).map_or(own, |p| clean(&p))
    }

    /// The URI of a text by its name; nothing for what is shipped.
    pub(crate) fn uri(&self, name: &str) -> Option<String> {
        match self.open.get(&self.key(name)) {
            Some(o) => Some(o.uri.clone()),
            None => (self.ground.place)(name).map(|p| uri(&clean(&p))),
        }
    }

    fn newest(&self, mut text: Text) -> Text {
        if let Some(o) = self.open.get(&self.key(&text.name)) {
            text.text.clone_from(&o.text);
        }
        text
    }
}

impl Library for Buffers<'_> {
    fn path(&self, path: &str, beside: &str) -> Result<Text, String> {
        let full = format!("{}/{path}", folder(&clean(beside)));
        if let Some(o) = self.open.get(&clean(&full)) {
            return Ok(Text { name: clean(&full), text: o.text.clone() });
        }
        self.ground.library.path(path, beside).map(|t| self.newest(t))
    }

    fn named(&self, name: &str, beside: &str) -> Vec<Text> {
        let here = clean(beside);
        let mut out: Vec<Text> = Vec::new();
        let found = self.ground.library.named(name, beside);
        // A text that was never saved is found beside the one that asks.
        let unsaved = self.open.iter().filter(|(path, _)| {
            let file = path.rsplit('/').next().unwrap_or(path);
            let stem = file.rsplit_once('.').map_or("", |(s, _)| s);
            stem.split('@').next() == Some(name) && folder(path) == folder(&here)
        });
        let unsaved = unsaved.map(|(path, o)| Text { name: path.clone(), text: o.text.clone() });
        for text in unsaved.chain(found.into_iter().map(|t| self.newest(t))) {
            let key = self.key(&text.name);
            if out.iter().all(|t| t.text != text.text || self.key(&t.name) != key) {
                out.push(text);
            }
        }
        out
    }

    fn names(&self) -> Vec<String> {
        self.ground.library.names()
    }
}

fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// A path without `.` and `..`, as far as its text tells.
fn clean(path: &str) -> String {
    let mut out: Vec<&str> = Vec::new();
    let rooted = path.starts_with('/');
    for piece in path.split('/').filter(|p| !p.is_empty() && *p != ".") {
        match (piece, out.last()) {
            ("..", Some(last)) if *last != ".." => _ = out.pop(),
            ("..", None) if rooted => {}
            _ => out.push(piece),
        }
    }
    format!("{}{}", if rooted { "/" } else { "" }, out.join("/"))
}

/// The path of a `file:` URI, or the URI itself.
pub(crate) fn path(uri: &str) -> String {
    let Some(rest) = uri.strip_prefix("file://") else { return uri.to_string() };
    let mut bytes = Vec::new();
    let mut rest = rest.bytes();
    while let Some(b) = rest.next() {
        let mut code = rest.clone().take(2).filter_map(|b| char::from(b).to_digit(16));
        match (b, code.next(), code.next()) {
            (b'%', Some(high), Some(low)) => {
                bytes.push((high * 16 + low) as u8);
                rest.nth(1);
            }
            _ => bytes.push(b),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The `file:` URI of an absolute path.
fn uri(path: &str) -> String {
    let mut out = String::from("file://");
    for b in path.bytes() {
        match b {
            b if b.is_ascii_alphanumeric() || b"/-._~".contains(&b) => out.push(char::from(b)),
            b => out.push_str(&format!("%{b:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_are_paths() {
        assert_eq!(path("file:///a%20b/c.hm"), "/a b/c.hm");
        assert_eq!(path("file:///a%2"), "/a%2");
        assert_eq!(path("untitled:x"), "untitled:x");
        assert_eq!(uri("/a b/é.hm"), "file:///a%20b/%C3%A9.hm");
    }

    #[test]
    fn paths_are_compared_without_dots() {
        assert_eq!(clean("/a/./b/../c.hm"), "/a/c.hm");
        assert_eq!(clean("/../c.hm"), "/c.hm");
        assert_eq!(clean("../../x"), "../../x");
        assert_eq!(clean(""), "");
    }
}
