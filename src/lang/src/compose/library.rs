//! Where the texts come from that a text names. The language reads no files: who asks for a check
//! says how they are found.

/// A text with its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// As messages name it; a profile's ends in `.toml`.
    pub name: String,
    /// Content.
    pub text: String,
}

/// Finds texts. `beside` is the name of the text that asks.
pub trait Library {
    /// The text of `use "path"`, relative to the one that asks; an error says why it cannot be
    /// read.
    fn path(&self, path: &str, beside: &str) -> Result<Text, String>;

    /// Every text that may define a machine, profile, overlay or module of this name, in any
    /// version, the nearest first.
    fn named(&self, name: &str, beside: &str) -> Vec<Text>;

    /// Names that can be found, for suggestions.
    fn names(&self) -> Vec<String>;
}

/// Nothing can be found.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoLibrary;

impl Library for NoLibrary {
    fn path(&self, _: &str, _: &str) -> Result<Text, String> {
        Err(String::from("this check reads one text"))
    }
    fn named(&self, _: &str, _: &str) -> Vec<Text> {
        Vec::new()
    }
    fn names(&self) -> Vec<String> {
        Vec::new()
    }
}
