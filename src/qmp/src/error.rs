//! Errors as clients see them (qmp.md, "Errors").

use serde_json::{Value, json};

/// The class of an error: what a program may act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Anything that the description says.
    Generic,
    /// No such command, or not now.
    CommandNotFound,
    /// No such object.
    DeviceNotFound,
    /// The object is not in a state for it.
    DeviceNotActive,
}

impl Class {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Class::Generic => "GenericError",
            Class::CommandNotFound => "CommandNotFound",
            Class::DeviceNotFound => "DeviceNotFound",
            Class::DeviceNotActive => "DeviceNotActive",
        }
    }
}

/// Why a command failed. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{desc}")]
pub struct Error {
    /// Its class.
    pub class: Class,
    /// What to tell a person: QMP's own sentence first, then what else is known.
    pub desc: String,
}

impl Error {
    /// An error of the general class.
    pub fn new(desc: impl Into<String>) -> Error {
        Error { class: Class::Generic, desc: desc.into() }
    }

    /// An error of another class.
    pub fn of(class: Class, desc: impl Into<String>) -> Error {
        Error { class, desc: desc.into() }
    }

    /// An object that is not there.
    pub fn not_found(path: &str) -> Error {
        Error::of(Class::DeviceNotFound, format!("Device '{path}' not found"))
    }

    /// With more that is known, behind the first sentence.
    pub fn hint(mut self, more: impl AsRef<str>) -> Error {
        if !more.as_ref().is_empty() {
            self.desc.push_str(" (");
            self.desc.push_str(more.as_ref());
            self.desc.push(')');
        }
        self
    }

    /// Of another class.
    pub fn class(self, class: Class) -> Error {
        Error { class, ..self }
    }

    /// As a value.
    pub fn value(&self) -> Value {
        json!({"class": self.class.name(), "desc": self.desc})
    }
}

impl From<hetemu_control::Gone> for Error {
    fn from(_: hetemu_control::Gone) -> Error {
        Error::new("The machine is gone")
    }
}

impl From<hetemu_control::Error> for Error {
    fn from(e: hetemu_control::Error) -> Error {
        match e {
            hetemu_control::Error::Make(r) => Error::new(format!("{} [{}]", r.message, r.code)),
            e => Error::new(e.to_string()),
        }
    }
}

/// `did you mean 'x'?` for the nearest of some names, if one is near.
pub fn did_you_mean<'n>(wrong: &str, names: impl Iterator<Item = &'n str>) -> String {
    let near = names.map(|n| (distance(wrong, n), n)).min();
    let most = (wrong.chars().count() / 3).clamp(1, 3);
    match near {
        Some((d, name)) if d <= most => format!("did you mean '{name}'?"),
        _ => String::new(),
    }
}

/// Edits between two short words.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) =
        (a.chars().take(64).collect(), b.chars().take(64).collect());
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut before = i;
        let mut left = i + 1;
        for (y, cell) in b.iter().zip(row.iter_mut().skip(1)) {
            let here = (before + usize::from(x != y)).min(*cell + 1).min(left + 1);
            before = std::mem::replace(cell, here);
            left = here;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_proposed() {
        let names = ["device_add", "device_del", "quit"];
        assert_eq!(did_you_mean("device-add", names.into_iter()), "did you mean 'device_add'?");
        assert_eq!(did_you_mean("nope", names.into_iter()), "");
        assert_eq!(
            (distance("kitten", "sitting"), distance("", "abc"), distance("ab", "ab")),
            (3, 3, 0)
        );
    }
}
