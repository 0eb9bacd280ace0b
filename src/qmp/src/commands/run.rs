//! Commands that let a machine run, stop, reset and end, and that lead it through its phases.

use crate::context::Context;
use crate::error::Error;
use crate::types::{Args, Command, Enum, Object, Type, need};
use hetemu_control::{Event, Reason, Status};
use serde_json::{Value, json};

pub(super) const COMMANDS: &[Command] = &[
    Command::new("query-status", "What the machine does.", query_status)
        .returns(Type::Object(&STATUS_INFO))
        .always(),
    Command::new("query-machine-phase", "How far the machine is built.", query_phase)
        .returns(Type::Object(&PHASE_INFO))
        .always()
        .unstable(),
    Command::new(
        "x-machine-init",
        "From the phase `accel-created` to `initialized`: the core of `--cpu` is there, and \
         devices can be added.",
        machine_init,
    )
    .always()
    .unstable(),
    Command::new(
        "x-exit-preconfig",
        "To the phase `ready`: the machine is checked, made and runs (with `--paused`: waits). \
         What is wrong with it is told, and it can be put right then.",
        exit_preconfig,
    )
    .always()
    .unstable(),
    Command::new("stop", "Stops the machine between two instructions.", stop),
    Command::new("cont", "Lets the machine run.", cont),
    Command::new("system_reset", "Resets everything; images are loaded anew.", reset),
    Command::new(
        "system_powerdown",
        "Asks the guest to power off, where the machine has a button.",
        powerdown,
    ),
    Command::new("quit", "Ends the machine and the program.", quit).always(),
];

const STATUS: Type = Type::Enum(&Enum {
    name: "RunState",
    values: &["prelaunch", "running", "paused", "debug", "postmigrate", "shutdown"],
});
const STATUS_INFO: Object = Object {
    name: "StatusInfo",
    members: &[
        need("status", STATUS, "What it does."),
        need("running", Type::Bool, "Whether it runs."),
    ],
};
const PHASE: Type = Type::Enum(&Enum {
    name: "MachineInitPhase",
    values: &["no-machine", "machine-created", "accel-created", "initialized", "ready"],
});
const PHASE_INFO: Object =
    Object { name: "MachinePhase", members: &[need("phase", PHASE, "The phase.")] };

fn query_status(cx: &mut Context<'_>, _: &Args) -> Result<Value, Error> {
    let status = cx.session.status();
    Ok(json!({"status": status.name(), "running": status == Status::Running}))
}

fn query_phase(cx: &mut Context<'_>, _: &Args) -> Result<Value, Error> {
    let phase = match cx.draft() {
        None => "ready",
        Some(d) if d.initialized => "initialized",
        Some(_) => "accel-created",
    };
    Ok(json!({"phase": phase}))
}

fn machine_init(cx: &mut Context<'_>, _: &Args) -> Result<Value, Error> {
    let registry = cx.monitor.registry.clone();
    match cx.draft() {
        Some(draft) if !draft.initialized => draft.initialize(registry.catalog())?,
        _ => {
            let what = "The command is permitted only before the machine is initialized";
            return Err(Error::new(what));
        }
    }
    Ok(json!({}))
}

fn exit_preconfig(cx: &mut Context<'_>, _: &Args) -> Result<Value, Error> {
    let registry = cx.monitor.registry.clone();
    let Some(draft) = cx.draft() else {
        return Err(Error::new("The command is permitted only before machine initialization"));
    };
    if !draft.initialized {
        draft.initialize(registry.catalog())?;
    }
    let (_, graph, _) = draft.finish(registry.catalog())?;
    cx.session.realize(graph)?;
    if !cx.monitor.paused {
        cx.session.resume()?;
    }
    Ok(json!({}))
}

fn stop(cx: &mut Context<'_>, _: &Args) -> Result<Value, Error> {
    cx.session.pause()?;
    Ok(json!({}))
}

fn cont(cx: &mut Context<'_>, _: &Args) -> Result<Value, Error> {
    match cx.session.resume() {
        Err(hetemu_control::Error::Over) => {
            Err(Error::new("The machine is over").hint("system_reset lets it begin again"))
        }
        other => Ok(other.map(|()| json!({}))?),
    }
}

fn reset(cx: &mut Context<'_>, _: &Args) -> Result<Value, Error> {
    cx.session.reset(Reason::Host)?;
    Ok(json!({}))
}

fn powerdown(cx: &mut Context<'_>, _: &Args) -> Result<Value, Error> {
    cx.session.tell(&Event::Powerdown);
    Ok(json!({}))
}

fn quit(cx: &mut Context<'_>, _: &Args) -> Result<Value, Error> {
    cx.session.quit(Reason::Host);
    Ok(json!({}))
}
