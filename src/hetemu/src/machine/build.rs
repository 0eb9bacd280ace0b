//! From a name or a text to a machine.

use super::wire::Wire;
use super::{Error, Machine};
use crate::find::{self, Base, Source};
use crate::plugs::{self, Plug};
use crate::{Loaded, Settings, registry};
use hetemu_control::Session;
use hetemu_graph::Graph;
use hetemu_host::{Bell, Spec, open};
use hetemu_lang::Severity;
use hetemu_machine::{Declared, Files, Hosts, ImageArg, Options, Registry, Running};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Where hot code is compiled. What the guest sees is the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Jit {
    /// Nowhere: everything is interpreted.
    Off,
    /// While the guest waits: the same code in every run.
    #[default]
    Sync,
    /// On a thread of its own, while the guest runs on.
    On,
}

/// What a machine is to be made from.
///
/// ```
/// # fn main() -> Result<(), hetemu::Error> {
/// let machine = hetemu::Builder::find("opentitan")?
///     .set("ram.size", "128 KiB")
///     .jit(hetemu::Jit::Off)
///     .build()?;
/// assert_eq!(machine.cores(), ["ibex"]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Builder {
    source: Source,
    settings: Settings,
    images: Vec<ImageArg>,
    options: Options,
}

impl Builder {
    /// A machine file's path, or the name of a machine or profile.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn find(what: &str) -> Result<Builder, Error> {
        find::find(what).map(Builder::from_source).map_err(Error::NotFound)
    }

    /// A machine's text, with the name that messages give it. Paths in it are relative to the
    /// working folder.
    ///
    /// ```
    /// let text = "hm 1\n\nmachine tiny\n\ncpu : riscv.rv32 { bus = main }\n\nbus main {\n  \
    ///             0x8000_0000 + 64 KiB   ram : memory.ram\n}\n";
    /// let checked = hetemu::Builder::text("tiny.hm", text).check();
    /// let said: Vec<&str> = checked.diagnostics.iter().map(|d| d.code.id()).collect();
    /// assert_eq!(said, ["E0508"]); // the core starts where nothing is mapped
    /// ```
    pub fn text(name: impl Into<String>, text: impl Into<String>) -> Builder {
        let (name, bytes) = (name.into(), text.into().into_bytes());
        Builder::from_source(Source { name, bytes, base: Base::Folder(Path::new("").into()) })
    }

    /// A machine's text that was found.
    pub fn from_source(source: Source) -> Builder {
        let mut options = Options::default();
        options.engine.jit = true;
        Builder { source, settings: Settings::default(), images: Vec::new(), options }
    }

    /// Sets a param, `part.property` or `machine.setting`, in the language's words (`128 KiB`).
    pub fn set(mut self, name: impl Into<String>, value: impl Into<String>) -> Builder {
        self.settings.set.push((name.into(), value.into()));
        self
    }

    /// Attaches the host to a plug: a file to an image, a disk, a network. A serial plug that is
    /// attached is the host's; the others belong to the library ([`Machine::send`],
    /// [`Machine::expect`]).
    pub fn plug(mut self, name: impl Into<String>, value: impl Into<String>) -> Builder {
        self.settings.plug.push((name.into(), value.into()));
        self
    }

    /// Puts a profile above the machine.
    pub fn profile(mut self, name: impl Into<String>) -> Builder {
        self.settings.profile = Some(name.into());
        self
    }

    /// Loads a program: `FILE`, or `FILE@ADDR` for raw bytes.
    pub fn image(mut self, file: &str) -> Builder {
        self.images.push(image(file));
        self
    }

    /// Loads a program of any file name, raw bytes at an address.
    pub fn image_at(mut self, file: impl Into<String>, at: Option<u64>) -> Builder {
        self.images.push(ImageArg { path: file.into(), at });
        self
    }

    /// Where hot code is compiled.
    pub fn jit(mut self, jit: Jit) -> Builder {
        self.options.engine.jit = jit != Jit::Off;
        self.options.engine.background = jit == Jit::On;
        self
    }

    /// Stops at the first access that nothing really answers.
    pub fn strict(mut self, on: bool) -> Builder {
        self.options.strict = on;
        self
    }

    /// Whether the guest's semihosting calls are answered; else the machine's text says.
    pub fn semihosting(mut self, on: bool) -> Builder {
        self.options.semihosting = Some(on);
        self
    }

    /// Seed of everything random in the machine.
    pub fn seed(mut self, seed: u64) -> Builder {
        self.options.seed = seed;
        self
    }

    /// Time of the machine's clocks at its start, since 1970.
    pub fn date(mut self, since_1970: Duration) -> Builder {
        self.options.unix_time = since_1970.as_secs();
        self
    }

    /// The guest's command line (semihosting).
    pub fn args(mut self, line: impl Into<String>) -> Builder {
        self.options.cmdline = line.into();
        self
    }

    /// How the machine runs, in every detail.
    pub fn options(&mut self) -> &mut Options {
        &mut self.options
    }

    /// Finds every mistake of the text; nothing is made.
    pub fn check(&self) -> Loaded {
        crate::check(&self.source, &self.settings, registry::registry().catalog())
    }

    /// Makes the machine. It stands before its first instruction.
    ///
    /// # Errors
    /// [`Error::Wrong`] if the text has mistakes, [`Error::Report`] if files or back ends cannot be
    /// opened, or something has no model.
    pub fn build(self) -> Result<Machine, Error> {
        let registry = Arc::new(registry::registry());
        let mut loaded = crate::check(&self.source, &self.settings, registry.catalog());
        let errors = loaded.diagnostics.iter().any(|d| d.severity == Severity::Error);
        let graph = loaded.graph.take().filter(|_| !errors);
        let Some(graph) = graph else { return Err(Error::Wrong(Box::new(loaded))) };
        let attached: Vec<&str> = self.settings.plug.iter().map(|(n, _)| n.as_str()).collect();
        let (hosts, wires, talks) = ends(&graph, &self.source.base, &attached)?;
        let (images, base) = (&self.images, &self.source.base);
        let running = realize(graph, registry, self.options, hosts, images, base)?;
        Machine::new(Session::new(running), wires, talks)
    }
}

/// A live machine of a checked graph, before its first instruction: what [`Builder::build`] and
/// `hetemu run` share.
///
/// # Errors
/// The first report, or all that say what has no model.
pub fn realize(
    graph: Graph,
    registry: Arc<Registry>,
    options: Options,
    hosts: Hosts,
    images: &[ImageArg],
    files: &dyn Files,
) -> Result<Running, Error> {
    let checked = Declared::new(graph).check(registry).map_err(Error::Missing)?;
    let realized = checked.create(options, hosts)?.wire().realize()?;
    Ok(realized.load(images, files)?.start())
}

/// Every plug's host: wires for serial ones that nothing is attached to. The one that talks is that
/// which the text leads to standard input and output, else the first.
#[allow(clippy::type_complexity)]
fn ends(
    graph: &Graph,
    base: &Base,
    attached: &[&str],
) -> Result<(Hosts, BTreeMap<String, Wire>, Option<String>), Error> {
    let bell = Bell::new();
    let mut wires = BTreeMap::new();
    let mut hosts = Hosts {
        block: plugs::disks(graph, base, |_: &str| {})?,
        folder: plugs::folders(graph, base)?,
        net: plugs::nets(graph, &bell)?,
        ..Hosts::default()
    };
    let (mut talks, mut first) = (None, None);
    for (name, spec) in plugs::serial(graph)? {
        let opened = match attached.contains(&name.as_str()) {
            true => open(&spec, &bell).map_err(|e| plugs::failed(&name, e))?,
            false => None,
        };
        match opened {
            Some(host) => {
                hosts.serial.insert(name, Box::new(Plug { host, script: None }));
            }
            None => {
                if spec == Spec::Stdio {
                    talks.get_or_insert_with(|| name.clone());
                }
                first.get_or_insert_with(|| name.clone());
                let wire = Wire::default();
                hosts.serial.insert(name.clone(), Box::new(wire.clone()));
                wires.insert(name, wire);
            }
        }
    }
    Ok((hosts, wires, talks.or(first)))
}

/// `FILE` or `FILE@ADDR`; an `@` that no number follows belongs to the name.
pub fn image(text: &str) -> ImageArg {
    if let Some((path, addr)) = text.rsplit_once('@')
        && let Some(at) = hetemu_machine::number(addr)
    {
        return ImageArg { path: path.to_string(), at: Some(at) };
    }
    ImageArg { path: text.to_string(), at: None }
}

#[cfg(test)]
mod tests {
    use super::image;

    #[test]
    fn images_may_have_addresses() {
        let of = |t: &str| (image(t).path, image(t).at);
        assert_eq!(of("a.bin@0x8000_0000"), ("a.bin".into(), Some(0x8000_0000)));
        assert_eq!(of("me@home.elf"), ("me@home.elf".into(), None));
    }
}
