//! Boots an image and gives back what it printed.

use super::Xlen;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Longer than any run of a sound emulator, shorter than a developer's patience.
const PATIENCE: Duration = Duration::from_secs(120);

/// How hetemu executes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// The interpreter only.
    Interpreter,
    /// Every block is compiled by templates when it first runs.
    Templates,
    /// As regions.
    Eager,
    /// Both, after a few runs, so that regions hold many blocks.
    Warm,
    /// As users run it.
    Default,
}

impl Engine {
    /// Every engine with the word that names it.
    pub const ALL: [(&'static str, Engine); 5] = [
        ("interpreter", Engine::Interpreter),
        ("templates", Engine::Templates),
        ("eager", Engine::Eager),
        ("warm", Engine::Warm),
        ("default", Engine::Default),
    ];

    fn arguments(self) -> &'static [&'static str] {
        match self {
            Engine::Interpreter => &["--jit", "off"],
            Engine::Templates => &["--tier-up", "1"],
            Engine::Eager => &["--tier-up", "1", "--tier-two", "0"],
            Engine::Warm => &["--tier-up", "2", "--tier-two", "10"],
            Engine::Default => &[],
        }
    }
}

/// What hetemu's generic cores have, in QEMU's names.
const EXTENSIONS: [&str; 3] = [
    "m a f d c v s u pmp mmu zicsr zifencei zicntr zihpm zicond zicbom zicbop zicboz",
    "zihintpause zihintntl zimop zawrs zacas zfa zca zcb zcmop zba zbb zbc zbs",
    "sstc svinval",
];

/// QEMU from the distribution.
#[derive(Debug, Clone)]
pub struct Qemu {
    program: String,
    xlen: Xlen,
}

impl Qemu {
    /// QEMU for a word size, if it is installed in version 9 or later: older ones do not know the
    /// bare core that extensions are added to.
    pub fn find(xlen: Xlen) -> Option<Qemu> {
        let program = format!("qemu-system-riscv{}", xlen.bits());
        let answer = Command::new(&program).arg("--version").output().ok()?.stdout;
        let text = String::from_utf8_lossy(&answer);
        let version = text.strip_prefix("QEMU emulator version ")?;
        let major: u32 = version.split('.').next()?.parse().ok()?;
        (major >= 9).then_some(Qemu { program, xlen })
    }

    /// Boots the image on a core with exactly the extensions that hetemu's generic cores have. The
    /// second hart sleeps: with one alone QEMU splits an AMO into a load and a store, and its
    /// faults with it.
    pub fn run(&self, image: &Path) -> Result<String, String> {
        let (bits, more) = match self.xlen {
            Xlen::X32 => (32, "sv32"),
            Xlen::X64 => (64, "sv39 svnapot svpbmt"),
        };
        let mut cpu = format!("rv{bits}i");
        for extension in EXTENSIONS.iter().copied().chain([more]).flat_map(|e| e.split(' ')) {
            cpu.push_str(&format!(",{extension}=on"));
        }
        let mut command = Command::new(&self.program);
        command.args([
            "-M", "virt", "-m", "128", "-smp", "2", "-cpu", &cpu, "-bios", "none", "-kernel",
        ]);
        command.arg(image).args(["-display", "none", "-monitor", "none", "-serial", "stdio"]);
        output(command)
    }
}

/// Boots the image on hetemu's `riscv-virt`.
pub fn hetemu(program: &Path, xlen: Xlen, engine: Engine, image: &Path) -> Result<String, String> {
    let machine = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .map(|root| root.join("machines/riscv-virt.hm"))
        .find(|m| m.exists())
        .ok_or("there is no machines/riscv-virt.hm")?;
    let mut command = Command::new(program);
    command.arg("run").arg(machine).arg("--image").arg(image);
    command.args(["--set", &format!("cpu=riscv.rv{}", xlen.bits())]);
    command.args(engine.arguments());
    output(command)
}

/// Runs a command to its end and gives its standard output; what went wrong is at the end of it.
fn output(mut command: Command) -> Result<String, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| format!("{name}: {e}"))?;
    let out = collect(child.stdout.take());
    let err = collect(child.stderr.take());
    let end = wait(&mut child);
    let text = out.join().unwrap_or_default();
    let errors = err.join().unwrap_or_default();
    match end {
        Some(0) if text.contains("\ndone") => Ok(text),
        Some(code) => Ok(format!("{text}\n{name} ended with {code}: {errors}")),
        None => Ok(format!("{text}\n{name} did not end within {} s: {errors}", PATIENCE.as_secs())),
    }
}

fn collect<R: Read + Send + 'static>(from: Option<R>) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut from) = from {
            // What was read before an error is still worth comparing.
            let _ = from.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).replace('\r', "")
    })
}

fn wait(child: &mut Child) -> Option<i32> {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status.code().unwrap_or(-1));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let _ = child.kill();
    let _ = child.wait();
    None
}

/// A file that is removed at the end.
#[derive(Debug)]
pub struct Scratch(pub PathBuf);

impl Scratch {
    /// Writes a new file.
    pub fn new(name: &str, bytes: &[u8]) -> Result<Scratch, String> {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path =
            std::env::temp_dir().join(format!("hetemu-{}-{number}-{name}", std::process::id()));
        std::fs::write(&path, bytes).map_err(|e| format!("{}: {e}", path.display()))?;
        Ok(Scratch(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
