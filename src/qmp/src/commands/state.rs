//! Commands that keep a machine's state and bring it back: snapshots, and migration by files.
//!
//! All work is done when the command returns, while the machine stands still between two steps; a
//! job is kept for those who ask. Disks are the host's, and no part of a state: one is set only on
//! a machine whose disks hold the same.

use crate::context::Context;
use crate::error::Error;
use crate::jobs::Job;
use crate::types::{Args, Command, Enum, Object, Type, may, need};
use hetemu_control::snapshot::{self, How, SnapshotError};
use hetemu_control::{Event, Session};
use hetemu_machine::{Report, Running, Saved};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;

pub(super) const COMMANDS: &[Command] = &[
    Command::new(
        "snapshot-save",
        "Keeps the state under a name: in the program, or in a file. A job says how it went.",
        snapshot_save,
    )
    .args(&[JOB, TAG, FILE, DEVICES]),
    Command::new(
        "snapshot-load",
        "Goes back to a state. The machine stands still afterwards if it did before.",
        snapshot_load,
    )
    .args(&[JOB, TAG, FILE, DEVICES]),
    Command::new("snapshot-delete", "Forgets a state that the program keeps.", snapshot_delete)
        .args(&[JOB, TAG, DEVICES]),
    Command::new(
        "migrate",
        "Stops the machine and writes its state to a file, for another process to go on with.",
        migrate,
    )
    .args(&[
        need("uri", Type::Str, "`file:PATH`"),
        may("detach", Type::Bool, "The file is written when the command returns, anyway."),
    ]),
    Command::new(
        "migrate-incoming",
        "Goes on with the state of a file, which `migrate` or `hetemu snapshot` wrote.",
        migrate_incoming,
    )
    .args(&[need("uri", Type::Str, "`file:PATH`")]),
    Command::new("query-migrate", "How the last migration went.", query_migrate)
        .returns(Type::Object(&MIGRATION_INFO))
        .always(),
];

const JOB: crate::types::Member = need("job-id", Type::Str, "A name for the job.");
const TAG: crate::types::Member = need("tag", Type::Str, "The state's name.");
const FILE: crate::types::Member =
    may("vmstate", Type::Str, "A file; without it the program keeps the state.");
const DEVICES: crate::types::Member = may(
    "devices",
    Type::List(&Type::Str),
    "Disks to keep with it: none can be, so the list must be empty.",
);
const MIGRATION_STATUS: Type =
    Type::Enum(&Enum { name: "MigrationStatus", values: &["completed", "failed"] });
const MIGRATION_INFO: Object = Object {
    name: "MigrationInfo",
    members: &[
        may("status", MIGRATION_STATUS, "How; nothing if there was none."),
        may("error-desc", Type::Str, "Why it failed."),
    ],
};

fn refused(r: &Report) -> Error {
    Error::new(format!("{} [{}]", r.message, r.code))
}

/// Why a file was not written or read, with what differs if it is of another machine.
fn failed(e: &SnapshotError) -> Error {
    let r = e.report();
    let notes = r.notes.iter().map(|(_, note)| note.trim());
    let more: Vec<&str> = notes.filter(|n| !n.is_empty()).take(12).collect();
    refused(&r).hint(more.join("; "))
}

/// Writes a state into a file that needs no other one.
fn write(machine: &mut Running, path: &str) -> Result<(), Error> {
    let how = How { whole: true, ..How::default() };
    snapshot::save(machine, Path::new(path), &how).map(drop).map_err(|e| failed(&e))
}

fn read(machine: &Running, path: &str) -> Result<Saved, Error> {
    snapshot::read(machine, Path::new(path)).map_err(|e| failed(&e))
}

fn restore(session: &mut Session, state: &Saved) -> Result<(), Error> {
    session.machine_mut()?.restore(state).map_err(|r| refused(&r))?;
    session.restored();
    Ok(())
}

/// Runs a piece of work as a job: told as it goes, kept with how it ended.
fn job(
    cx: &mut Context<'_>,
    args: &Args,
    kind: &'static str,
    work: impl FnOnce(&mut Context<'_>, &Args) -> Result<(), Error>,
) -> Result<Value, Error> {
    let id = args.str("job-id").to_string();
    if let Some(why) = cx.monitor.jobs().refuses(&id) {
        return Err(Error::new(why));
    }
    if args.get("devices").and_then(Value::as_array).is_some_and(|l| !l.is_empty()) {
        let what = "Disks are no part of a state: 'devices' must be empty";
        return Err(Error::new(what).hint("a state is set only on a machine with equal disks"));
    }
    let tell = |cx: &mut Context<'_>, status: &str| {
        let data = json!({"status": status, "id": id}).to_string();
        cx.session.tell(&Event::Other { name: "JOB_STATUS_CHANGE".into(), data });
    };
    tell(cx, "created");
    tell(cx, "running");
    let error = work(cx, args).err().map(|e| e.desc);
    cx.monitor.jobs().add(Job { id: id.clone(), kind, error });
    tell(cx, "concluded");
    Ok(json!({}))
}

fn snapshot_save(cx: &mut Context<'_>, args: &Args) -> Result<Value, Error> {
    job(cx, args, "snapshot-save", |cx, args| {
        let tag = args.str("tag");
        let like = cx.monitor.jobs().latest();
        let machine = cx.session.machine_mut()?;
        if let Some(path) = args.text("vmstate") {
            return write(machine, path);
        }
        let state = machine.save(like.as_deref()).map_err(|r| refused(&r))?;
        cx.monitor.jobs().keep(tag, Arc::new(state)).map_err(Error::new)
    })
}

fn snapshot_load(cx: &mut Context<'_>, args: &Args) -> Result<Value, Error> {
    job(cx, args, "snapshot-load", |cx, args| {
        let tag = args.str("tag");
        let state = match args.text("vmstate") {
            Some(path) => Arc::new(read(cx.session.machine()?, path)?),
            None => {
                let kept = cx.monitor.jobs().kept(tag);
                kept.ok_or_else(|| missing(cx, tag))?
            }
        };
        restore(cx.session, &state)
    })
}

fn snapshot_delete(cx: &mut Context<'_>, args: &Args) -> Result<Value, Error> {
    job(cx, args, "snapshot-delete", |cx, args| {
        let tag = args.str("tag");
        let gone = cx.monitor.jobs().forget(tag);
        if gone { Ok(()) } else { Err(missing(cx, tag)) }
    })
}

fn missing(cx: &Context<'_>, tag: &str) -> Error {
    let known = cx.monitor.jobs().tags().join(", ");
    let hint = if known.is_empty() { "none is kept".into() } else { format!("kept are {known}") };
    Error::new(format!("Snapshot '{tag}' does not exist")).hint(hint)
}

fn file_of(args: &Args) -> Result<&str, Error> {
    let uri = args.str("uri");
    let Some(path) = uri.strip_prefix("file:").filter(|p| !p.is_empty()) else {
        let what = format!("unknown migration protocol: {uri}");
        return Err(Error::new(what).hint("here, file:PATH"));
    };
    Ok(path)
}

fn migrate(cx: &mut Context<'_>, args: &Args) -> Result<Value, Error> {
    let path = file_of(args)?.to_string();
    let tell = |cx: &mut Context<'_>, status: &str| {
        let data = json!({"status": status}).to_string();
        cx.session.tell(&Event::Other { name: "MIGRATION".into(), data });
    };
    tell(cx, "setup");
    tell(cx, "active");
    let was = cx.session.status();
    cx.session.pause()?;
    let written = write(cx.session.machine_mut()?, &path);
    match &written {
        Ok(()) => {
            cx.session.migrated();
            cx.monitor.jobs().migrated = Some(None);
            tell(cx, "completed");
        }
        Err(e) => {
            // Nobody goes on elsewhere, so it goes on here.
            if was == hetemu_control::Status::Running {
                cx.session.resume()?;
            }
            cx.monitor.jobs().migrated = Some(Some(e.desc.clone()));
            tell(cx, "failed");
        }
    }
    written.map(|()| json!({}))
}

fn migrate_incoming(cx: &mut Context<'_>, args: &Args) -> Result<Value, Error> {
    let path = file_of(args)?;
    if cx.session.status() == hetemu_control::Status::Running {
        let what = "The machine runs: a state can come in while it stands still";
        return Err(Error::new(what).hint("stop, or --paused"));
    }
    let state = read(cx.session.machine()?, path)?;
    restore(cx.session, &state)?;
    Ok(json!({}))
}

fn query_migrate(cx: &mut Context<'_>, _: &Args) -> Result<Value, Error> {
    Ok(match &cx.monitor.jobs().migrated {
        None => json!({}),
        Some(None) => json!({"status": "completed"}),
        Some(Some(why)) => json!({"status": "failed", "error-desc": why}),
    })
}
