//! All types that one program knows, sorted by name and version.

use crate::types::DeviceType;

/// The types of a program. The binary fills it from its families; tests from a few tables.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    types: Vec<&'static DeviceType>,
}

/// What a type reference means.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Lookup {
    /// This type.
    Found(&'static DeviceType),
    /// The name exists; this version of it does not.
    NoVersion,
    /// No type has this name.
    NoName,
}

impl Catalog {
    /// A catalogue of the given types, in any order.
    pub fn new(types: impl IntoIterator<Item = &'static DeviceType>) -> Catalog {
        let mut types: Vec<_> = types.into_iter().collect();
        types.sort_by_key(|t| (t.name, t.version));
        types.dedup_by_key(|t| (t.name, t.version));
        Catalog { types }
    }

    /// Every type, by name, then version.
    pub fn iter(&self) -> impl Iterator<Item = &'static DeviceType> + '_ {
        self.types.iter().copied()
    }

    /// Every version of a name, oldest first.
    pub fn versions(&self, name: &str) -> &[&'static DeviceType] {
        let lo = self.types.partition_point(|t| t.name < name);
        let hi = self.types.partition_point(|t| t.name <= name);
        self.types.get(lo..hi).unwrap_or(&[])
    }

    /// The type of a name and version; the newest where no version is given.
    pub fn find(&self, name: &str, version: Option<u32>) -> Lookup {
        let all = self.versions(name);
        let hit = match version {
            None => all.last(),
            Some(v) => all.iter().find(|t| t.version == v),
        };
        match hit {
            Some(t) => Lookup::Found(t),
            None if all.is_empty() => Lookup::NoName,
            None => Lookup::NoVersion,
        }
    }
}
