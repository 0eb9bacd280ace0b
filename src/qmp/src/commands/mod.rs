//! Every command, defined once (see [`crate::types`]), by what it is about.

mod build;
mod general;
mod look;
mod run;
mod state;

use crate::types::{Command, EventType, Member, Object, Type, need};
use serde_json::{Value, json};

/// A group of commands, with its heading in the book.
pub struct Group {
    /// Heading.
    pub title: &'static str,
    /// Its commands.
    pub commands: &'static [Command],
}

/// All commands.
pub const GROUPS: &[Group] = &[
    Group { title: "The protocol", commands: general::COMMANDS },
    Group { title: "Running", commands: run::COMMANDS },
    Group { title: "Building", commands: build::COMMANDS },
    Group { title: "Looking", commands: look::COMMANDS },
    Group { title: "State", commands: state::COMMANDS },
];

/// All events.
pub const EVENTS: &[EventType] = &[
    EventType { name: "RESUME", doc: "The machine runs (again).", data: &[] },
    EventType { name: "STOP", doc: "The machine stands still.", data: &[] },
    EventType {
        name: "RESET",
        doc: "Everything was reset.",
        data: &[
            need("guest", Type::Bool, "The guest asked for it."),
            need("reason", Type::Str, "`guest-reset`, `host-qmp-system-reset`, `host-ui`."),
        ],
    },
    EventType { name: "POWERDOWN", doc: "The guest was asked to power off.", data: &[] },
    EventType {
        name: "SHUTDOWN",
        doc: "The machine is over.",
        data: &[
            need("guest", Type::Bool, "The guest asked for it."),
            need("reason", Type::Str, "`guest-shutdown`, `host-qmp-quit`, `host-ui`."),
        ],
    },
    EventType {
        name: "DEVICE_DELETED",
        doc: "A device is gone.",
        data: &[
            crate::types::may("device", Type::Str, "Its id."),
            need("path", Type::Str, "Its path."),
        ],
    },
    EventType {
        name: "JOB_STATUS_CHANGE",
        doc: "A job has another state.",
        data: &[
            need("id", Type::Str, "Its id."),
            need("status", Type::Str, "`created`, `running`, `concluded`, `null`."),
        ],
    },
    EventType {
        name: "MIGRATION",
        doc: "A migration has another state.",
        data: &[need("status", Type::Str, "`setup`, `active`, `completed`, `failed`.")],
    },
];

/// A version of three numbers.
pub(crate) const VERSION: Type = Type::Object(&Object {
    name: "VersionInfo",
    members: &[
        need(
            "qemu",
            Type::Object(&Object { name: "VersionTriple", members: TRIPLE }),
            "The version of hetemu, under the name that clients look for.",
        ),
        need("package", Type::Str, "The program's name and version."),
    ],
});
const TRIPLE: &[Member] = &[
    need("major", Type::Int, "First number."),
    need("minor", Type::Int, "Second number."),
    need("micro", Type::Int, "Third number."),
];

/// All commands, in the order of the groups.
pub fn all() -> impl Iterator<Item = &'static Command> {
    GROUPS.iter().flat_map(|g| g.commands)
}

/// A command by its name.
pub fn find(name: &str) -> Option<&'static Command> {
    all().find(|c| c.name == name)
}

/// The version as `query-version` and the greeting have it.
pub fn version() -> Value {
    let mut numbers = env!("CARGO_PKG_VERSION").split('.').map(|n| n.parse::<u64>().unwrap_or(0));
    let mut next = || numbers.next().unwrap_or(0);
    let (major, minor, micro) = (next(), next(), next());
    json!({
        "qemu": {"micro": micro, "minor": minor, "major": major},
        "package": concat!("hetemu ", env!("CARGO_PKG_VERSION")),
    })
}
