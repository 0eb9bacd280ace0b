//! Long hunts with the differential runs of `tests/differential`.

#[path = "../../tests/differential/mod.rs"]
#[allow(unreachable_pub)]
mod differential;

use differential::{Class, Engine, Mode, Plan, Qemu, Xlen, compare, generate, image};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Word size.
    #[arg(long, default_value_t = 64)]
    xlen: u32,
    /// integer, float, memory, control, smc, vector, vfloat, illegal; all if not given.
    #[arg(long)]
    class: Option<String>,
    /// machine, user, paged; a fitting one for each class if not given.
    #[arg(long)]
    mode: Option<String>,
    /// interpreter, eager, warm, default; all if not given.
    #[arg(long)]
    engine: Option<String>,
    /// First seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Snippets a run.
    #[arg(long, default_value_t = 500)]
    count: u32,
    /// Runs, each with the next seed.
    #[arg(long, default_value_t = 1)]
    repeat: u64,
    /// Print this snippet and its state in QEMU, and compare nothing.
    #[arg(long)]
    show: Option<u32>,
    /// With --show: keep the image in this file.
    #[arg(long)]
    save: Option<PathBuf>,
    /// Accepted for the command lines of reports: the whole run is repeated.
    #[arg(long)]
    only: Option<u32>,
    /// The hetemu to test; built first if not given.
    #[arg(long)]
    hetemu: Option<PathBuf>,
}

fn named<T: Copy>(what: &str, word: Option<&str>, all: &[(&str, T)]) -> Result<Vec<T>, String> {
    let Some(word) = word else { return Ok(all.iter().map(|(_, t)| *t).collect()) };
    match all.iter().find(|(w, _)| *w == word) {
        Some((_, t)) => Ok(vec![*t]),
        None => {
            let words: Vec<&str> = all.iter().map(|(w, _)| *w).collect();
            Err(format!("no {what} `{word}`; there are {}", words.join(", ")))
        }
    }
}

pub(crate) fn main(arguments: &Arguments) -> ExitCode {
    match hunt(arguments) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(n) => {
            eprintln!("{n} differences");
            ExitCode::FAILURE
        }
        Err(message) => {
            eprintln!("{message}");
            ExitCode::from(2)
        }
    }
}

fn hunt(arguments: &Arguments) -> Result<usize, String> {
    let xlen = match arguments.xlen {
        32 => Xlen::X32,
        64 => Xlen::X64,
        n => return Err(format!("--xlen {n}: 32 or 64")),
    };
    let classes = named("class", arguments.class.as_deref(), &Class::ALL)?;
    let engines = named("engine", arguments.engine.as_deref(), &Engine::ALL)?;
    let mode = arguments.mode.as_deref().map(|m| named("mode", Some(m), &Mode::ALL)).transpose()?;
    let qemu = Qemu::find(xlen).ok_or("QEMU is not installed")?;
    let hetemu = match (&arguments.hetemu, arguments.show) {
        (Some(path), _) => path.clone(),
        (None, Some(_)) => PathBuf::new(),
        (None, None) => build()?,
    };
    let mut found = 0;
    for seed in arguments.seed..arguments.seed + arguments.repeat {
        for &class in &classes {
            let modes = mode.clone().unwrap_or_else(|| class.modes().to_vec());
            for mode in modes {
                let plan = Plan { xlen, class, mode, seed, count: arguments.count };
                if let Some(number) = arguments.show {
                    return show(&plan, &qemu, number, arguments.save.as_deref());
                }
                let outcome = compare::run(&plan, &qemu, &hetemu, &engines)?;
                println!(
                    "rv{} {} {mode:?} seed {seed}: {} instructions, {} differences",
                    xlen.bits(),
                    class.word(),
                    outcome.instructions,
                    outcome.differences.len()
                );
                outcome.differences.iter().for_each(|d| println!("{d}"));
                found += outcome.differences.len();
            }
        }
    }
    Ok(found)
}

fn show(plan: &Plan, qemu: &Qemu, number: u32, save: Option<&Path>) -> Result<usize, String> {
    let snippets = generate::snippets(plan);
    let snippet = snippets.get(number as usize).ok_or("no such snippet")?;
    println!("{}", compare::listing(plan.xlen, &snippet.code));
    let bytes = image::build(plan, &snippets, Some(number));
    if let Some(path) = save {
        std::fs::write(path, &bytes).map_err(|e| format!("{}: {e}", path.display()))?;
    }
    let file = differential::emulators::Scratch::new("show.bin", &bytes)?;
    println!("{}", qemu.run(&file.0)?);
    Ok(0)
}

/// Builds the release binary; cargo says where it put it.
fn build() -> Result<PathBuf, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["build", "--release", "-p", "hetemu"])
        .status()
        .map_err(|e| format!("cargo: {e}"))?;
    if !status.success() {
        return Err("hetemu does not build".into());
    }
    let this = std::env::current_exe().map_err(|e| e.to_string())?;
    let target = this.ancestors().nth(2).ok_or("no target directory")?;
    Ok(target.join("release/hetemu"))
}
