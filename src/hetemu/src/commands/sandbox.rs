//! `run --sandbox`: what a run needs of the host, and giving up the rest.

use super::{USAGE, complain};
use crate::cli::{Run, Sandbox};
use hetemu::find::Base;
use hetemu::plugs;
use hetemu_graph::Graph;
use hetemu_host::{FolderSpec, NetSpec, Spec};
use hetemu_sandbox::Needs;
use hetemu_schema::PlugKind;
use std::path::PathBuf;

/// Whether a run can be confined as it was asked to.
pub(crate) fn possible(args: &Run) -> Result<(), u8> {
    if args.sandbox == Sandbox::On && args.preconfig {
        complain("--sandbox=on needs to know the machine: it does not go with --preconfig");
        return Err(USAGE);
    }
    Ok(())
}

/// What a run needs after everything is open.
pub(crate) fn needs(args: &Run, graph: &Graph, base: &Base) -> Needs {
    let mut needs = Needs::default();
    for plug in &graph.plugs {
        let value = plug.value.as_deref().unwrap_or("null");
        match plug.kind {
            PlugKind::Folder => {
                if let Ok(Some(spec)) = FolderSpec::parse(value) {
                    let path = PathBuf::from(plugs::path(plug, base, &spec.path));
                    let list =
                        if spec.read_only { &mut needs.read_only } else { &mut needs.folders };
                    list.push(path);
                }
            }
            PlugKind::Net => {
                needs.sockets |= NetSpec::parse(value).is_ok_and(|spec| spec != NetSpec::Null);
            }
            PlugKind::Serial => {
                if let Ok(Spec::UnixListen(path)) = Spec::parse(value) {
                    needs.removed.push(path.into());
                }
            }
            _ => {}
        }
    }
    for text in args.gdb.iter().chain(&args.qmp) {
        if let Some((_, path)) = text.split_once("unix:") {
            needs.removed.push(path.split(',').next().unwrap_or(path).into());
        }
    }
    let look = &args.look;
    let written = look.profile.iter().chain(&look.coverage).filter(|path| *path != "-");
    needs.outputs.extend(written.map(PathBuf::from));
    needs.outputs.extend(args.state.save_at.iter().map(|(_, path)| path.clone()));
    if look.perf_map {
        needs.outputs.push(format!("/tmp/perf-{}.map", std::process::id()).into());
    }
    // A client of management names files and back ends as it likes.
    if !args.qmp.is_empty() && args.sandbox == Sandbox::Auto {
        needs.any_file = true;
        needs.sockets = true;
    }
    needs
}

/// Confines the process, if it is to be.
pub(crate) fn confine(args: &Run, needs: Option<Needs>) {
    let Some(needs) = needs.filter(|_| args.sandbox != Sandbox::Off) else { return };
    let confined = hetemu_sandbox::confine(&needs);
    if args.sandbox != Sandbox::On {
        return;
    }
    for (what, result) in [("calls", &confined.calls), ("files", &confined.files)] {
        if let Err(why) = result {
            complain(format!("sandbox: {what} are not confined: {why}"));
        }
    }
    let mut open = Vec::new();
    let folders = needs.folders.iter().chain(&needs.read_only);
    open.extend(folders.map(|path| format!("files below {}", path.display())));
    open.extend(needs.outputs.iter().map(|path| format!("writing {}", path.display())));
    if needs.sockets {
        open.push(String::from("new sockets, for the guest's network"));
    }
    if !open.is_empty() {
        complain(format!("sandbox: the run needs {}", open.join("; ")));
    }
    if !args.qmp.is_empty() {
        complain("sandbox: commands of QMP clients that open files fail");
    }
}
