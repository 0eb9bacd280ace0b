//! Landlock and seccomp.

use crate::{Needs, calls};
use landlock::{
    ABI, Access, AccessFs, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset,
    RulesetAttr, RulesetCreatedAttr, RulesetStatus,
};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter_all_threads,
};
use std::collections::BTreeMap;
use std::path::Path;

/// The newest rules that are asked for; what an older kernel does not know is left out.
const RULES: ABI = ABI::V5;

/// Lets paths be opened below the places that are needed only.
pub(crate) fn files(needs: &Needs) -> Result<(), String> {
    if needs.any_file {
        return Err(String::from("files that clients name are needed"));
    }
    let all = AccessFs::from_all(RULES);
    let create = || {
        let set = Ruleset::default().set_compatibility(CompatLevel::BestEffort);
        let mut set = set.handle_access(all)?.create()?;
        let places = [
            (&needs.folders, all & !BitFlags::from(AccessFs::Execute)),
            (&needs.read_only, AccessFs::ReadFile | AccessFs::ReadDir),
        ];
        for (paths, access) in places {
            for path in paths {
                set = below(set, path, access)?;
            }
        }
        // Some are written beside and renamed.
        let write = AccessFs::MakeReg
            | AccessFs::ReadFile
            | AccessFs::WriteFile
            | AccessFs::Truncate
            | AccessFs::RemoveFile;
        for path in &needs.outputs {
            set = below(set, folder(path), write)?;
        }
        for path in &needs.removed {
            set = below(set, folder(path), AccessFs::RemoveFile.into())?;
        }
        set.restrict_self()
    };
    match create() {
        Ok(status) if status.ruleset == RulesetStatus::NotEnforced => {
            Err(String::from("this kernel has no Landlock"))
        }
        Ok(_) => Ok(()),
        Err(e) => Err(format!("Landlock: {e}")),
    }
}

/// A path that cannot be opened now cannot be allowed, and nothing is lost by that.
fn below(
    set: landlock::RulesetCreated,
    path: &Path,
    access: BitFlags<AccessFs>,
) -> Result<landlock::RulesetCreated, landlock::RulesetError> {
    match PathFd::new(path) {
        Ok(fd) => set.add_rule(PathBeneath::new(fd, access)),
        Err(_) => Ok(set),
    }
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Lets only the needed calls pass, on all threads.
pub(crate) fn calls(needs: &Needs) -> Result<(), String> {
    let arch: TargetArch =
        std::env::consts::ARCH.try_into().map_err(|_| "no table for this processor".to_string())?;
    let filter = |rules, other, these| -> Result<BpfProgram, seccompiler::BackendError> {
        SeccompFilter::new(rules, other, these, arch)?.try_into()
    };
    let made = || -> Result<[BpfProgram; 2], seccompiler::BackendError> {
        // Its flags lie in memory, where no filter sees them: without it, libraries use `clone`.
        let clone3 = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
        let missing = SeccompAction::Errno(libc::ENOSYS as u32);
        let first = filter(clone3, SeccompAction::Allow, missing)?;
        let mut rules: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::new();
        let sets = [
            (calls::ALWAYS, true),
            (calls::OPENING, needs.opens()),
            (calls::CHANGING, needs.changes()),
            (calls::SOCKETS, needs.sockets),
        ];
        for (set, _) in sets.iter().filter(|(_, wanted)| *wanted) {
            rules.extend(set.iter().map(|call| (*call, Vec::new())));
        }
        // Threads, but no processes.
        let thread = libc::CLONE_THREAD as u64;
        let threads = SeccompCmpOp::MaskedEq(thread);
        let threads = SeccompCondition::new(0, SeccompCmpArgLen::Qword, threads, thread)?;
        rules.insert(libc::SYS_clone, vec![SeccompRule::new(vec![threads])?]);
        let refused = SeccompAction::Errno(libc::EPERM as u32);
        Ok([first, filter(rules, refused, SeccompAction::Allow)?])
    };
    for program in made().map_err(|e| format!("seccomp: {e}"))? {
        apply_filter_all_threads(&program).map_err(|e| format!("seccomp: {e}"))?;
    }
    Ok(())
}
