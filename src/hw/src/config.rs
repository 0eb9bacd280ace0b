//! How a device comes to be.

use crate::block::BlockInfo;
use crate::device::Device;
use crate::folder::FolderInfo;
use hetemu_schema::{DeviceType, Value};
use std::collections::BTreeMap;

/// A device model: its type and how to make one.
#[derive(Clone, Copy)]
pub struct Model {
    /// The type's schema.
    pub ty: &'static DeviceType,
    /// Makes a device in its state before reset.
    pub create: fn(&Config) -> Result<Box<dyn Device>, ConfigError>,
}

/// A crate's worth of devices: every schema, and the models of those that have one.
#[derive(Clone, Copy)]
pub struct Family {
    /// All types.
    pub types: &'static [&'static DeviceType],
    /// The models.
    pub models: &'static [Model],
}

/// What the machine says about one device. The checker has held it against the schema.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// The part's path in the machine.
    pub path: String,
    /// Values of all properties, defaults included.
    pub props: BTreeMap<String, Value>,
    /// Frequencies of the clock inputs in Hz; undriven ones have the schema's default.
    pub clocks: BTreeMap<String, u64>,
    /// Names of the links with a plug attached; if it is one for a network, with another end.
    pub links: Vec<String>,
    /// The disks at links of kind `block`, by the links' names.
    pub blocks: BTreeMap<String, BlockInfo>,
    /// The folders at links of kind `folder`, by the links' names.
    pub folders: BTreeMap<String, FolderInfo>,
    /// Kind of the child function that sits on this device's child bus, by unit address, if any.
    pub children: BTreeMap<String, &'static DeviceType>,
}

impl Config {
    /// A number property; 0 if the schema has none of that name (a bug that tests find).
    pub fn int(&self, name: &str) -> u64 {
        self.props.get(name).and_then(Value::as_int).unwrap_or(0)
    }
    /// A truth value; false if there is none.
    pub fn flag(&self, name: &str) -> bool {
        self.props.get(name).and_then(Value::as_bool).unwrap_or(false)
    }
    /// A text or enum property.
    pub fn text(&self, name: &str) -> &str {
        self.props.get(name).and_then(Value::as_str).unwrap_or("")
    }
    /// A clock input's frequency in Hz; 0 if there is none.
    pub fn clock(&self, name: &str) -> u64 {
        self.clocks.get(name).copied().unwrap_or(0)
    }
}

/// A combination of values that the schema cannot refuse and the device cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{path}`: {message}")]
pub struct ConfigError {
    /// The part.
    pub path: String,
    /// What is wrong and what would be right.
    pub message: String,
}
