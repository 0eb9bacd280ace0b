//! One client's talk: negotiation, requests, the order of answers (qmp.md, "Framing", "Errors").
//!
//! Pure: bytes in, [`Work`] out. Who owns the socket has the work done and writes the [`reply`].

use crate::commands;
use crate::error::{Class, Error};
use crate::json::{self, Stream};
use crate::types::{Args, Command, check};
use serde_json::{Map, Value, json};

/// A talk with one client.
#[derive(Debug, Default)]
pub struct Talk {
    stream: Stream,
    negotiated: bool,
    oob: bool,
}

/// What a request comes to.
pub enum Work {
    /// An answer that needs nothing.
    Answer {
        /// It.
        result: Result<Value, Error>,
        /// The request's own mark.
        id: Option<Value>,
    },
    /// A command to carry out.
    Run {
        /// It.
        command: &'static Command,
        /// Its arguments, not checked.
        args: Args,
        /// The request's own mark.
        id: Option<Value>,
        /// It may overtake those before it.
        oob: bool,
    },
}

/// The first line that a client gets.
pub fn greeting() -> String {
    let version = commands::version();
    line(&json!({"QMP": {"version": version, "capabilities": ["oob"]}}))
}

/// A value as a line of the wire.
pub fn line(value: &Value) -> String {
    format!("{}\r\n", json::text(value))
}

/// The line that answers a request.
pub fn reply(result: Result<Value, Error>, id: Option<Value>) -> String {
    let mut map = Map::new();
    match result {
        Ok(value) => {
            map.insert("return".into(), value);
            if let Some(id) = id {
                map.insert("id".into(), id);
            }
        }
        Err(e) => {
            if let Some(id) = id {
                map.insert("id".into(), id);
            }
            map.insert("error".into(), e.value());
        }
    }
    line(&Value::Object(map))
}

impl Talk {
    /// Whether commands may overtake others.
    pub fn out_of_band(&self) -> bool {
        self.oob
    }

    /// Whether commands are taken.
    pub fn negotiated(&self) -> bool {
        self.negotiated
    }

    /// Takes a byte; what it completes comes to work.
    pub fn feed(&mut self, byte: u8, out: &mut Vec<Work>) {
        let mut values = Vec::new();
        self.stream.feed(byte, &mut values);
        for value in values {
            let work = match value {
                Ok(value) => self.request(value),
                Err(e) => Work::Answer { result: Err(Error::new(e.to_string())), id: None },
            };
            out.push(work);
        }
    }

    fn request(&mut self, value: Value) -> Work {
        let Value::Object(mut map) = value else {
            let result = Err(Error::new("QMP input must be a JSON object"));
            return Work::Answer { result, id: None };
        };
        let id = map.shift_remove("id");
        match self.command(&mut map) {
            Err(e) => Work::Answer { result: Err(e), id },
            Ok(("qmp_capabilities", args, _)) => Work::Answer { result: self.negotiate(&args), id },
            Ok((name, args, oob)) => match find(name, oob) {
                Ok(command) => Work::Run { command, args: Args(args), id, oob },
                Err(e) => Work::Answer { result: Err(e), id },
            },
        }
    }

    /// Name, arguments, and whether it is out of band; known names are as the table has them.
    fn command(
        &self,
        map: &mut Map<String, Value>,
    ) -> Result<(&'static str, Map<String, Value>, bool), Error> {
        if self.oob && map.contains_key("execute") && map.contains_key("exec-oob") {
            return Err(Error::new("QMP input member 'execute' clashes with 'exec-oob'"));
        }
        let mut name = None;
        for (key, value) in map.iter() {
            match (key.as_str(), value) {
                ("execute", Value::String(s)) => name = Some((s.clone(), false)),
                ("exec-oob", Value::String(s)) if self.oob => name = Some((s.clone(), true)),
                ("exec-oob", _) if !self.oob => {
                    let what = "QMP input member 'exec-oob' is unexpected";
                    return Err(Error::new(what));
                }
                ("execute" | "exec-oob", _) => {
                    return Err(Error::new(format!("QMP input member '{key}' must be a string")));
                }
                ("arguments", Value::Object(_)) => {}
                ("arguments", _) => {
                    return Err(Error::new("QMP input member 'arguments' must be an object"));
                }
                _ => return Err(Error::new(format!("QMP input member '{key}' is unexpected"))),
            }
        }
        let Some((name, oob)) = name else {
            return Err(Error::new("QMP input lacks member 'execute'"));
        };
        let args = match map.shift_remove("arguments") {
            Some(Value::Object(args)) => args,
            _ => Map::new(),
        };
        let known = commands::find(&name).map(|c| c.name);
        if !self.negotiated && known != Some("qmp_capabilities") {
            let what = "Expecting capabilities negotiation with 'qmp_capabilities'";
            return Err(Error::of(Class::CommandNotFound, what));
        }
        let Some(known) = known else {
            let what = format!("The command {name} has not been found");
            let names = commands::all().map(|c| c.name);
            let hint = crate::error::did_you_mean(&name, names);
            return Err(Error::of(Class::CommandNotFound, what).hint(hint));
        };
        Ok((known, args, oob))
    }

    fn negotiate(&mut self, args: &Map<String, Value>) -> Result<Value, Error> {
        if self.negotiated {
            let what = "Capabilities negotiation is already complete, command ignored";
            return Err(Error::of(Class::CommandNotFound, what));
        }
        let Some(command) = commands::find("qmp_capabilities") else {
            return Err(Error::new("QMP capability negotiation is not there"));
        };
        check(command.args, args, false, "")?;
        self.oob = args.get("enable").and_then(Value::as_array).is_some_and(|l| !l.is_empty());
        self.negotiated = true;
        Ok(json!({}))
    }
}

fn find(name: &str, oob: bool) -> Result<&'static Command, Error> {
    let Some(command) = commands::find(name) else {
        let what = format!("The command {name} has not been found");
        return Err(Error::of(Class::CommandNotFound, what));
    };
    if oob && !command.oob() {
        return Err(Error::new(format!("The command {name} does not support OOB")));
    }
    Ok(command)
}
