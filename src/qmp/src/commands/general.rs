//! Commands of the protocol itself, and of the program: they need no machine.

use super::VERSION;
use crate::error::Error;
use crate::types::{Args, Command, Enum, Object, Type, may, need};
use crate::{commands, context::Monitor, schema};
use serde_json::{Value, json};

pub(super) const COMMANDS: &[Command] = &[
    Command::plain(
        "qmp_capabilities",
        "Ends the negotiation: commands are taken from now on. `oob` lets commands overtake others.",
        capabilities,
    )
    .args(&[may("enable", Type::List(&CAPABILITY), "Capabilities that the client wants.")]),
    Command::plain("query-version", "The version of the program.", query_version)
        .returns(VERSION),
    Command::plain("query-commands", "The names of all commands.", query_commands)
        .returns(Type::List(&Type::Object(&COMMAND_INFO))),
    Command::plain(
        "query-qmp-schema",
        "Every command and event with the types of its data, as QEMU describes its own.",
        query_schema,
    )
    .returns(Type::List(&Type::Any)),
    Command::plain("query-name", "The name that `--name` gave.", query_name)
        .returns(Type::Object(&NAME_INFO)),
    Command::plain(
        "query-uuid",
        "Zeros: machines have names and hashes (`hetemu diff --semantic-hash`), no UUIDs.",
        query_uuid,
    )
    .returns(Type::Object(&UUID_INFO)),
    Command::plain("query-machines", "The machines that ship.", query_machines)
        .returns(Type::List(&Type::Object(&MACHINE_INFO))),
    Command::plain("query-jobs", "Jobs that nobody has dismissed.", query_jobs)
        .returns(Type::List(&Type::Object(&JOB_INFO))),
    Command::plain("job-dismiss", "Forgets a job that is concluded.", job_dismiss)
        .args(&[need("id", Type::Str, "The job.")]),
];

const CAPABILITY: Type = Type::Enum(&Enum { name: "QMPCapability", values: &["oob"] });
const COMMAND_INFO: Object =
    Object { name: "CommandInfo", members: &[need("name", Type::Str, "The name.")] };
const NAME_INFO: Object =
    Object { name: "NameInfo", members: &[may("name", Type::Str, "The name.")] };
const UUID_INFO: Object =
    Object { name: "UuidInfo", members: &[need("UUID", Type::Str, "The UUID.")] };
const MACHINE_INFO: Object = Object {
    name: "MachineInfo",
    members: &[
        need("name", Type::Str, "The name, for `hetemu run`."),
        may("description", Type::Str, "One line."),
        need("cpu-max", Type::Int, "Most cores."),
        need("hotpluggable-cpus", Type::Bool, "Never."),
        need("numa-mem-supported", Type::Bool, "Never."),
        need("deprecated", Type::Bool, "Never."),
        need("acpi", Type::Bool, "Never."),
    ],
};
const JOB_INFO: Object = Object {
    name: "JobInfo",
    members: &[
        need("id", Type::Str, "The client's name for it."),
        need("type", Type::Str, "`snapshot-save`, `snapshot-load`, `snapshot-delete`."),
        need("status", Type::Str, "`concluded`: work is done when its command returns."),
        need("current-progress", Type::Int, "1"),
        need("total-progress", Type::Int, "1"),
        may("error", Type::Str, "Why it failed."),
    ],
};

/// Negotiation itself happens where the talk is kept.
fn capabilities(_: &Monitor, _: &Args) -> Result<Value, Error> {
    Ok(json!({}))
}

fn query_version(_: &Monitor, _: &Args) -> Result<Value, Error> {
    Ok(commands::version())
}

fn query_commands(_: &Monitor, _: &Args) -> Result<Value, Error> {
    Ok(commands::all().map(|c| json!({"name": c.name})).collect())
}

fn query_schema(_: &Monitor, _: &Args) -> Result<Value, Error> {
    Ok(schema::entities())
}

fn query_name(m: &Monitor, _: &Args) -> Result<Value, Error> {
    Ok(m.name.as_ref().map_or(json!({}), |name| json!({"name": name})))
}

fn query_uuid(_: &Monitor, _: &Args) -> Result<Value, Error> {
    Ok(json!({"UUID": "00000000-0000-0000-0000-000000000000"}))
}

fn query_machines(m: &Monitor, _: &Args) -> Result<Value, Error> {
    let one = |i: &crate::context::MachineInfo| {
        json!({
            "name": i.name, "description": i.doc, "cpu-max": 64, "hotpluggable-cpus": false,
            "numa-mem-supported": false, "deprecated": false, "acpi": false,
        })
    };
    Ok(m.machines.iter().map(one).collect())
}

fn query_jobs(m: &Monitor, _: &Args) -> Result<Value, Error> {
    Ok(m.jobs().value())
}

fn job_dismiss(m: &Monitor, args: &Args) -> Result<Value, Error> {
    let id = args.str("id");
    match m.jobs().dismiss(id) {
        true => Ok(json!({})),
        false => Err(Error::new(format!("Job not found: '{id}'"))),
    }
}
