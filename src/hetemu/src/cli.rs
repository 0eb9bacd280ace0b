//! The command line.

pub(crate) mod look;
pub(crate) mod state;

use clap::{
    ArgAction, ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum,
};
use std::time::Duration;

/// An emulator in which a machine is a text that reads like a datasheet.
#[derive(Parser, Debug)]
#[command(name = "hetemu", version, about, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Run a machine
    Run(Box<Run>),
    /// Run tests of machines: files of steps, in virtual time
    Test(Test),
    /// Save, load, show and compare states of machines
    #[command(subcommand)]
    Snapshot(state::Snapshot),
    /// Find every mistake of machine files, without running anything
    Check(Check),
    /// Put machine files in the one style
    Fmt(Fmt),
    /// Serve an editor: the Language Server Protocol on standard input and output
    Lsp {
        /// What editors say to servers that can do more than this; nothing else is there
        #[arg(long)]
        stdio: bool,
    },
    /// Show a machine: decoded maps, interrupt paths, clocks, pictures
    Graph(Graph),
    /// Print a machine after all of its composition, each value with where it was decided
    Expand(Expand),
    /// Compare two machines by what a guest can see
    Diff(Diff),
    /// Explain a code, or a fact of a machine
    Explain(Explain),
    /// Turn a machine of another tool into a machine file
    Import(Import),
    /// Describe a machine to other tools: device trees
    Export(Export),
    /// Print the reference of a type, the datasheet of a machine, or the schema of all types
    Doc(Doc),
    /// List device types, or show one: properties, ports, registers
    Device(Device),
    /// List instruction sets, or show one: core types and their facts
    Target(Target),
    /// List machines
    Machines(Machines),
    /// List profiles: named, versioned configurations of machines
    Profiles(Machines),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// Form of the output.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Format {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
}

/// What changes a machine from outside.
#[derive(Args, Debug, Clone, Default)]
pub(crate) struct Setting {
    /// Set a param, `part.property` or `machine.setting`
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    pub(crate) set: Vec<(String, String)>,
    /// Attach the host to a plug
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    pub(crate) plug: Vec<(String, String)>,
}

/// As [`Setting`], with a profile. (`run` has its own `--profile`.)
#[derive(Args, Debug, Clone, Default)]
pub(crate) struct Configured {
    #[command(flatten)]
    pub(crate) setting: Setting,
    /// Put a profile's overlays, values and plugs above the machine: NAME, NAME@VERSION or a path
    #[arg(long, value_name = "PROFILE")]
    pub(crate) profile: Option<String>,
}

#[derive(Args, Debug, Clone)]
#[command(after_help = RUN_HELP)]
pub(crate) struct Run {
    /// Machine file, or the name of a machine (see `hetemu machines`)
    #[arg(required_unless_present = "preconfig")]
    pub(crate) machine: Option<String>,
    #[command(flatten)]
    pub(crate) setting: Setting,
    /// The profile among `--profile`.
    #[arg(skip)]
    pub(crate) profile: Option<String>,
    /// Load a program: an ELF file, or raw bytes at an address; cores begin at the first one's
    /// entry
    #[arg(long, value_name = "FILE[@ADDR]")]
    pub(crate) image: Vec<String>,
    /// Wait for output that matches; if nothing is sent after the last one, it ends the run with 0
    #[arg(long, value_name = "REGEX", action = ArgAction::Append)]
    pub(crate) expect: Vec<String>,
    /// Type a text (\n \r \t \e \xHH), after the expectation before it
    #[arg(long, value_name = "TEXT", action = ArgAction::Append, allow_hyphen_values = true)]
    pub(crate) send: Vec<String>,
    /// End with 4 after so long on the host's clock (10, 500ms, 5s, 2m)
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) timeout: Option<Duration>,
    /// End with 4 after so long in virtual time
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) vtimeout: Option<Duration>,
    /// Wait before the first instruction until a client or a person says `cont`
    #[arg(short = 'S', long)]
    pub(crate) paused: bool,
    /// Serve GDB: all clusters, or one ([CLUSTER=]tcp:[HOST]:PORT, [CLUSTER=]unix:PATH)
    #[arg(long, value_name = "WHERE", action = ArgAction::Append, conflicts_with = "parallel")]
    pub(crate) gdb: Vec<String>,
    /// Serve management clients: unix:PATH, tcp:HOST:PORT or stdio; behind it ,server waits for a
    /// client before the machine runs, ,server,wait=off does not
    #[arg(long, value_name = "WHERE")]
    pub(crate) qmp: Vec<String>,
    /// Begin without a machine: a client builds it
    #[arg(long, requires = "qmp", conflicts_with = "machine")]
    pub(crate) preconfig: bool,
    /// With --preconfig: the core that the machine begins with
    #[arg(long, value_name = "NAME", requires = "preconfig")]
    pub(crate) cpu: Option<String>,
    /// What serial plugs get, the first one first
    #[arg(long, value_name = "WHERE")]
    pub(crate) serial: Vec<String>,
    /// The name that clients see
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Whose clock the machine's time follows while every core waits
    #[arg(long, value_enum, default_value_t)]
    pub(crate) pace: Pace,
    /// Stop at the first access that nothing really answers
    #[arg(long)]
    pub(crate) strict: bool,
    /// Answer the guest's semihosting calls
    #[arg(long, num_args = 0..=1, default_missing_value = "on", require_equals = true)]
    pub(crate) semihosting: Option<Switch>,
    /// Print times and counts at the end
    #[arg(long)]
    pub(crate) stats: bool,
    /// Form of the counts
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
    /// Compile hot code
    #[arg(long, value_enum, default_value_t = Jit::On)]
    pub(crate) jit: Jit,
    /// Run every core on a thread of its own, by the host's clock (runs then differ)
    #[arg(long)]
    pub(crate) parallel: bool,
    /// Executions of a block before it is compiled by templates
    #[arg(long, value_name = "N")]
    pub(crate) tier_up: Option<u32>,
    /// Runs of such a block before a region around it is compiled thoroughly (0: regions alone)
    #[arg(long, value_name = "N")]
    pub(crate) tier_two: Option<u32>,
    /// Seed of everything random in the machine
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Give up what the run does not need before the guest runs: new programs, files, sockets. on:
    /// say what stays open, and what the kernel cannot refuse
    #[arg(long, value_enum, default_value_t, num_args = 0..=1, require_equals = true,
          default_missing_value = "on")]
    pub(crate) sandbox: Sandbox,
    /// Words after `--` are the guest's command line (semihosting)
    #[arg(last = true)]
    pub(crate) args: Vec<String>,
    #[command(flatten)]
    pub(crate) state: state::State,
    #[command(flatten)]
    pub(crate) look: look::Look,
}

const RUN_HELP: &str = "\
Serial plugs: stdio, null, pty, file:PATH, tcp:HOST:PORT, listen:HOST:PORT, unix:PATH,
unix-listen:PATH.
Network plugs: null, user; user,hostfwd=tcp:127.0.0.1:2222-:22 leads a port of the host into the
guest (tcp or udp, any number), user,restrict=on lets the guest reach nothing outside.
Block plugs: null, raw:PATH, qcow2:PATH, a PATH that ends in .img, .raw, .iso or .qcow2; behind it
,ro refuses writes and ,snapshot lets them vanish with the run.
On a terminal Ctrl-A h shows the menu, Ctrl-A x ends the run.

Exit codes: the guest's own (finisher, semihosting, HTIF), else 0; 1 the machine is wrong; 2 bad
command line or unreadable file; 4 --timeout, or an --expect that did not come; 5 the guest cannot
go on (it hangs, its trap handler faults) or --strict stopped it; 70 a fault of hetemu itself.";

/// How far a run is confined.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Sandbox {
    /// As far as nothing is lost: with --qmp clients may name files and back ends
    #[default]
    Auto,
    /// Always, QMP or not
    On,
    /// Not at all
    Off,
}

/// What an idle machine's time follows.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Pace {
    /// The host's clock while a terminal, socket or network may still send something, else nothing
    #[default]
    Auto,
    /// The host's clock: an idle guest leaves the host's processor alone
    Host,
    /// Nothing: time jumps to the next event
    Free,
}

/// On or off.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Switch {
    /// Yes
    On,
    /// No
    Off,
}

/// Where hot code is compiled.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Jit {
    /// On a thread of its own, while the guest runs on
    On,
    /// At once, while the guest waits: the same code in every run
    Sync,
    /// Nowhere: everything is interpreted
    Off,
}

#[derive(Args, Debug)]
#[command(after_help = TEST_HELP)]
pub(crate) struct Test {
    /// Test files
    #[arg(required = true)]
    pub(crate) files: Vec<String>,
    /// Run only tests whose `SUITE: NAME` matches
    #[arg(long, value_name = "REGEX")]
    pub(crate) filter: Option<String>,
    /// List the tests and run none
    #[arg(long)]
    pub(crate) list: bool,
    /// How many run at once [default: as many as the host has processors]
    #[arg(short, long, value_name = "N")]
    pub(crate) jobs: Option<usize>,
    /// Compile hot code so, whatever the files say
    #[arg(long, value_enum)]
    pub(crate) jit: Option<Jit>,
    /// A test that is skipped, because a file that it needs is not there, has failed
    #[arg(long)]
    pub(crate) no_skip: bool,
    /// Form of the results
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: TestFormat,
}

const TEST_HELP: &str = "\
Exit codes: 0 all passed; 1 a test file cannot be read as one; 2 bad command line or unreadable
file; 4 a test failed; 70 a fault of hetemu itself.";

/// Forms of results.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum TestFormat {
    /// For people
    #[default]
    Text,
    /// One object a line
    Json,
    /// Annotations of GitHub
    Github,
    /// JUnit's XML, for dashboards
    Junit,
}

#[derive(Args, Debug)]
pub(crate) struct Check {
    /// Machine files, or names of machines
    #[arg(required = true)]
    pub(crate) files: Vec<String>,
    #[command(flatten)]
    pub(crate) setting: Configured,
    /// Print the decoded map of one core
    #[arg(long, value_name = "CORE")]
    pub(crate) view: Option<String>,
    /// Check that a program's segments and entry lie in memory
    #[arg(long, value_name = "FILE")]
    pub(crate) image: Vec<String>,
    /// Compare addresses, sizes and interrupt numbers with a CMSIS-SVD file
    #[arg(long, value_name = "FILE")]
    pub(crate) svd: Vec<String>,
    /// Write the versions and hashes of all texts and types into `hetemu.lock` beside the machine
    #[arg(long)]
    pub(crate) lock: bool,
    /// Hold the machine to its `hetemu.lock`
    #[arg(long, conflicts_with = "lock")]
    pub(crate) locked: bool,
    /// Treat as errors: `warnings`, `unstable` properties, or a code such as W0403
    #[arg(long, value_name = "WHAT", value_delimiter = ',', value_parser = denied)]
    pub(crate) deny: Vec<String>,
    /// Write proposed fixes into the files
    #[arg(long)]
    pub(crate) fix: bool,
    /// With --fix: show the edits as a diff and write nothing
    #[arg(long, requires = "fix")]
    pub(crate) dry_run: bool,
    /// Form of the diagnostics
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: CheckFormat,
}

/// Forms of diagnostics.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum CheckFormat {
    /// For people
    #[default]
    Text,
    /// One object a line
    Json,
    /// Annotations of GitHub
    Github,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// JUnit's XML, for dashboards
    Junit,
}

#[derive(Args, Debug)]
pub(crate) struct Fmt {
    /// Machine files, folders of them, or `-` for standard input to standard output
    #[arg(required = true)]
    pub(crate) files: Vec<String>,
    /// Write nothing: show what would change, and end with 3 if anything would
    #[arg(long)]
    pub(crate) check: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Graph {
    /// Machine file, or the name of a machine
    #[arg(required_unless_present = "schema", default_value = "", hide_default_value = true)]
    pub(crate) machine: String,
    #[command(flatten)]
    pub(crate) setting: Configured,
    /// What this core, cluster or bus sees
    #[arg(long, value_name = "CORE")]
    pub(crate) view: Option<String>,
    /// Interrupt paths
    #[arg(long)]
    pub(crate) irq: bool,
    /// Clock tree
    #[arg(long)]
    pub(crate) clocks: bool,
    /// The canonical graph as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// The JSON Schema of the canonical graph (of any machine)
    #[arg(long)]
    pub(crate) schema: bool,
    /// Graphviz
    #[arg(long)]
    pub(crate) dot: bool,
    /// Mermaid
    #[arg(long)]
    pub(crate) mermaid: bool,
    /// SVG: the memory map (with --view of one core), or the block diagram
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "map")]
    pub(crate) svg: Option<Picture>,
}

/// Pictures.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Picture {
    /// Memory maps
    Map,
    /// Parts and wires
    Blocks,
}

#[derive(Args, Debug)]
pub(crate) struct Expand {
    /// Machine file, or the name of a machine or profile
    pub(crate) machine: String,
    #[command(flatten)]
    pub(crate) setting: Configured,
    /// Form of the output
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

#[derive(Args, Debug)]
#[command(after_help = DIFF_HELP)]
pub(crate) struct Diff {
    /// OLD and NEW: files, REV:FILE, or names of machines; one alone with --semantic-hash; or what
    /// git gives to an external diff program
    #[arg(required = true, num_args = 1..=9, value_name = "MACHINE")]
    pub(crate) machines: Vec<String>,
    /// The weakest class of change that gives exit code 3: state, guest, timing, host, cosmetic
    #[arg(long, value_name = "CLASS", default_value = "guest")]
    pub(crate) fail_on: String,
    /// Form of the output
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: DiffForm,
    /// Print one hash of what a guest can see
    #[arg(long)]
    pub(crate) semantic_hash: bool,
}

const DIFF_HELP: &str = "\
Classes, strongest first: state (saved states), guest (a program can see it), timing, host,
cosmetic. Exit codes: 0 nothing as strong as --fail-on; 3 there is; 1 a machine is wrong; 2 bad
command line or unreadable file.

With git: `git difftool -x 'hetemu diff' REV -- FILE`, or for `git diff` and `git log -p --ext-diff`
    git config diff.hetemu.command 'hetemu diff'
    echo '*.hm diff=hetemu' >> .gitattributes";

/// Forms of a diff.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum DiffForm {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
    /// For reviews
    Markdown,
    /// Both machines side by side
    Svg,
}

/// Forms of a page.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum DiffFormat {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
    /// For reviews
    Markdown,
}

#[derive(Args, Debug)]
pub(crate) struct Explain {
    /// A code (E0405), or a machine
    pub(crate) what: String,
    /// A fact of the machine: a part, a wire, or an address with --as
    pub(crate) fact: Option<String>,
    /// Who makes the access
    #[arg(long = "as", value_name = "CORE")]
    pub(crate) initiator: Option<String>,
    /// Form of the output
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

#[derive(Args, Debug)]
#[command(after_help = IMPORT_HELP)]
pub(crate) struct Import {
    /// The file, with its format before it where its ending does not say
    #[arg(value_name = "[FORMAT] FILE", num_args = 0..=2)]
    pub(crate) input: Vec<String>,
    /// The machine's name
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// The core, where the input leaves it to QEMU's `-cpu`
    #[arg(long, value_name = "TYPE")]
    pub(crate) cpu: Option<String>,
    /// Write the machine here instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<String>,
    /// Form of the messages on standard error
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
    /// Words after `--`: a command line of QEMU
    #[arg(last = true)]
    pub(crate) words: Vec<String>,
}

const IMPORT_HELP: &str = "\
Formats: qmp (a script of qmp-shell or of JSON lines), dts, dtb (device trees), repl (Renode),
svd (CMSIS-SVD); and command lines of QEMU: hetemu import qemu -- -M virt -smp 4 -m 1G

The machine goes to standard output, what was not carried, added or assumed to standard error,
each with a code (`hetemu explain W1202`). Exit codes: 0 everything carried, 1 something left
out, 2 bad command line or unreadable file.";

#[derive(Args, Debug)]
pub(crate) struct Export {
    /// What to make: dtb (a blob), dts (its source)
    #[arg(value_parser = ["dtb", "dts"])]
    pub(crate) form: String,
    /// Machine file, or the name of a machine
    pub(crate) machine: String,
    #[command(flatten)]
    pub(crate) setting: Setting,
    /// Write it here instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct Doc {
    /// A type (lowrisc.uart), or a machine
    #[arg(required_unless_present_any = ["schema", "list"])]
    pub(crate) what: Option<String>,
    /// Markdown instead of text
    #[arg(long)]
    pub(crate) markdown: bool,
    /// Write a machine's datasheet with its pictures into this folder, as HTML and Markdown
    #[arg(long, value_name = "DIR")]
    pub(crate) html: Option<std::path::PathBuf>,
    /// List the types whose name contains this
    #[arg(long, value_name = "TEXT", num_args = 0..=1, default_missing_value = "")]
    pub(crate) list: Option<String>,
    /// Print the JSON Schema of every type
    #[arg(long)]
    pub(crate) schema: bool,
    #[command(flatten)]
    pub(crate) setting: Setting,
}

#[derive(Args, Debug)]
pub(crate) struct Device {
    /// A type (lowrisc.uart or lowrisc.uart@1); without it all, or those that contain --list
    pub(crate) name: Option<String>,
    /// Only types whose name contains this
    #[arg(long, value_name = "TEXT")]
    pub(crate) list: Option<String>,
    /// Form of the output
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: DiffFormat,
}

#[derive(Args, Debug)]
pub(crate) struct Target {
    /// A target (riscv) or a core type (lowrisc.ibex)
    pub(crate) name: Option<String>,
    /// Form of the output
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

#[derive(Args, Debug)]
pub(crate) struct Machines {
    /// Form of the output
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => {
            Ok((name.trim().to_string(), value.trim().to_string()))
        }
        _ => Err(String::from("write NAME=VALUE")),
    }
}

/// What `--deny` takes.
fn denied(text: &str) -> Result<String, String> {
    let known = matches!(text, "warnings" | "unstable") || hetemu_lang::explain(text).is_some();
    let hint = "write `warnings`, `unstable` or a code such as W0403";
    if known { Ok(text.into()) } else { Err(hint.into()) }
}

/// `5`, `5s`, `500ms`, `2m`.
fn duration(text: &str) -> Result<Duration, String> {
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number: f64 =
        number.parse().map_err(|_| format!("`{text}` is no time: 10, 500ms, 5s, 2m"))?;
    let factor = match unit.trim() {
        "" | "s" => 1.0,
        "ms" => 1e-3,
        "us" => 1e-6,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return Err(format!("`{unit}` is no unit of time: us, ms, s, m, h")),
    };
    Duration::try_from_secs_f64(number * factor).map_err(|e| e.to_string())
}

/// Parses the command line. A mistake is printed; its exit code is 2, and 0 for `--help`.
pub(crate) fn parse() -> Result<(Cli, ArgMatches), u8> {
    let say = |e: clap::Error| {
        let _ = e.print();
        if e.use_stderr() { 2 } else { 0 }
    };
    let matches = Cli::command().try_get_matches().map_err(say)?;
    let cli = Cli::from_arg_matches(&matches).map_err(say)?;
    Ok((cli, matches))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn times_have_units() {
        assert_eq!(duration("5").unwrap(), Duration::from_secs(5));
        assert_eq!(duration("500ms").unwrap(), Duration::from_millis(500));
        assert_eq!(duration("1.5m").unwrap(), Duration::from_secs(90));
        for bad in ["", "s", "5 parsecs", "-1s", "1e99h"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn pairs_need_a_name() {
        assert_eq!(pair("ram=1 GiB").unwrap(), ("ram".into(), "1 GiB".into()));
        assert_eq!(pair("a=b=c").unwrap(), ("a".into(), "b=c".into()));
        assert!(pair("=x").is_err());
        assert!(pair("x").is_err());
    }
}
