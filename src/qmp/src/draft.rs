//! A machine that clients build before it exists: the phases `accel-created` and `initialized`.
//!
//! A draft is the list of the commands that made it. Each new command is tried on the machine that
//! those before it give, and taken if that machine is not wrong yet: the checker of `.hm` texts
//! says so, of the very text that `hetemu-export-machine` writes.

use crate::error::{Error, did_you_mean};
use hetemu_graph::Graph;
use hetemu_import::qom::{Builder, Command, Misfit, expected};
use hetemu_lang::diag::codes;
use hetemu_lang::source::NOWHERE;
use hetemu_lang::{Checked, Diagnostic, Overrides, Severity, SourceMap, check};
use hetemu_schema::{Catalog, DeviceType, PlugKind};
use serde_json::{Map, Value};

/// Mistakes that a later command can put right: they count when the machine is to be ready.
const UNFINISHED: &[hetemu_lang::diag::Code] =
    &[codes::E0402, codes::E0507, codes::E0508, codes::E0803, codes::E0901];

/// The machine in the making.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    /// Its name.
    pub name: String,
    /// Its core, as QEMU's `-cpu` names it.
    pub cpu: Option<String>,
    /// What is plugged in, by the plugs' names.
    pub plugs: Vec<(String, String)>,
    /// What is plugged into the serial plugs that nothing is said of.
    pub serial: Option<String>,
    /// `x-machine-init` was given.
    pub initialized: bool,
    journal: Vec<Command>,
}

impl Draft {
    /// The machine as it stands.
    pub fn builder<'c>(&self, catalog: &'c Catalog) -> Builder<'c> {
        let name = if self.name.is_empty() { "machine" } else { &self.name };
        let mut b = Builder::new(catalog, name);
        b.d.doc.push("Built over QMP.".into());
        if let (true, Some(cpu)) = (self.initialized, &self.cpu) {
            b.cpu(Some(cpu));
        }
        for command in &self.journal {
            b.command(command);
        }
        b
    }

    fn plug_in(&self, b: &mut Builder<'_>) {
        for plug in &mut b.d.plugs {
            let given = self.plugs.iter().find(|(name, _)| *name == plug.name);
            let usual = self.serial.clone().filter(|_| plug.kind == PlugKind::Serial);
            plug.value = given.map(|(_, value)| value.clone()).or(usual);
        }
    }

    fn checked(&self, b: &mut Builder<'_>, catalog: &Catalog) -> Checked {
        self.plug_in(b);
        let (sources, file) = SourceMap::single("machine.hm", b.d.text());
        check(&sources, file, catalog, &Overrides::default())
    }

    /// To the phase `initialized`: the core is there.
    pub fn initialize(&mut self, catalog: &Catalog) -> Result<(), Error> {
        if let Some(cpu) = &self.cpu
            && Builder::new(catalog, "").core_type(cpu).is_none()
        {
            let cores = catalog.iter().filter(|t| t.core.is_some()).map(|t| t.name);
            let known: Vec<&str> = cores.collect();
            let what = format!("unable to find CPU model '{cpu}'");
            return Err(Error::new(what).hint(format!("cores are {}", known.join(", "))));
        }
        self.initialized = true;
        Ok(())
    }

    /// Tries a command, and keeps it if the machine is not wrong then.
    fn take(
        &mut self,
        catalog: &Catalog,
        name: &str,
        args: Map<String, Value>,
    ) -> Result<(), Error> {
        let command =
            Command { name: name.into(), args: args.into_iter().collect(), span: NOWHERE };
        let mut b = self.builder(catalog);
        let before = b.d.diags.len();
        b.command(&command);
        let refused = b.d.diags.get(before..).unwrap_or(&[]);
        if let Some(d) = refused.iter().find(|d| d.severity != Severity::Note) {
            return Err(said(d));
        }
        let checked = self.checked(&mut b, catalog);
        if let Some(d) = errors(&checked).find(|d| !UNFINISHED.contains(&d.code)) {
            return Err(said(d));
        }
        self.journal.push(command);
        Ok(())
    }

    /// `device_add`
    pub fn device_add(&mut self, catalog: &Catalog, args: Map<String, Value>) -> Result<(), Error> {
        let b = self.builder(catalog);
        let text = |key: &str| args.get(key).and_then(Value::as_str);
        let driver = text("driver").unwrap_or("");
        let Some(ty) = b.type_of(driver) else {
            return Err(no_type(driver, catalog));
        };
        match args.get("id") {
            Some(Value::String(id)) => {
                if id.is_empty() || !id.starts_with(|c: char| c.is_ascii_alphabetic()) {
                    let what = "Parameter 'id' expects an identifier";
                    return Err(
                        Error::new(what).hint("letters, digits, '-', '.', '_'; a letter first")
                    );
                }
                if b.ids().any(|(known, _)| known == id) {
                    return Err(Error::new(format!("Duplicate device ID '{id}'")));
                }
            }
            Some(_) => {
                return Err(Error::new("Invalid parameter type for 'id', expected: string"));
            }
            None if is_memory(ty) => {
                return Err(Error::new("Parameter 'id' is missing").hint("a memory needs a name"));
            }
            None => {}
        }
        let size = args.get("size").and_then(hetemu_import::qom::number);
        if is_memory(ty)
            && size.unwrap_or(0) == 0
            && args.get("size").is_none_or(|_| size == Some(0))
        {
            return Err(Error::new("'size' must be non-zero."));
        }
        for (key, value) in &args {
            let own = matches!(key.as_str(), "driver" | "id" | "bus" | "readonly");
            if !own || ty.prop(key).is_some() {
                fits(&b, ty, key, value)?;
            }
        }
        self.take(catalog, "device_add", args)
    }

    /// `sysbus-mmio-map`
    pub fn map(&mut self, catalog: &Catalog, args: Map<String, Value>) -> Result<(), Error> {
        let b = self.builder(catalog);
        let path = args.get("device").and_then(Value::as_str).unwrap_or("");
        let part = b.find(path).ok_or_else(|| missing(&b, path))?;
        let index = args.get("mmio").and_then(hetemu_import::qom::number).unwrap_or(0);
        let ty = b.d.parts.get(part).map(|p| p.ty).ok_or_else(|| Error::not_found(path))?;
        if index >= ty.regions.len() as u64 {
            let names: Vec<&str> = ty.regions.iter().map(|r| r.name).collect();
            let known = format!("{} has {}", ty.name, names.join(", "));
            let known = if names.is_empty() { format!("{} has none", ty.name) } else { known };
            return Err(Error::new(format!("MMIO index '{index}' is out of range")).hint(known));
        }
        let what = hetemu_import::draft::What::Part(part, index as usize);
        let rows = b.d.buses.iter().flat_map(|bus| bus.rows.iter().map(move |r| (bus, r)));
        if let Some((bus, row)) = rows.into_iter().find(|(_, r)| r.what == what) {
            let at = format!("at {} of bus {}", hetemu_schema::units::hex(row.base), bus.name);
            return Err(Error::new(format!("MMIO index '{index}' is already mapped")).hint(at));
        }
        self.take(catalog, "sysbus-mmio-map", args)
    }

    /// `qom-set`
    pub fn set(&mut self, catalog: &Catalog, args: Map<String, Value>) -> Result<(), Error> {
        let mut b = self.builder(catalog);
        let text = |key: &str| args.get(key).and_then(Value::as_str).unwrap_or("");
        let (path, property) = (text("path"), text("property"));
        let value = args.get("value").cloned().unwrap_or(Value::Null);
        let part = b.find(path).ok_or_else(|| missing(&b, path))?;
        let Some(ty) = b.d.parts.get(part).map(|p| p.ty) else {
            return Err(Error::not_found(path));
        };
        if b.is_line(part, property) {
            if b.line(part, property).is_none() {
                let lines = ty.outputs.iter().map(|o| o.name).collect::<Vec<_>>().join(", ");
                let what = format!("Property '{}.{property}' not found", ty.name);
                return Err(Error::new(what).hint(format!("outputs are {lines}")));
            }
            let sink = value.as_str().unwrap_or("");
            if b.sink(sink).is_none() {
                let device = sink.rsplit_once('/').map_or(sink, |(d, _)| d);
                if b.find(device).is_none() {
                    let near = did_you_mean(device, b.ids().map(|(id, _)| id));
                    return Err(Error::not_found(sink).hint(near));
                }
                let inputs = b.find(device).and_then(|p| b.d.parts.get(p)).map(|p| p.ty.inputs);
                let names: Vec<&str> = inputs.unwrap_or(&[]).iter().map(|i| i.name).collect();
                let hint = format!("inputs of '{device}' are {}", names.join(", "));
                return Err(Error::not_found(sink).hint(hint));
            }
        } else if ty.input(property).is_none() || value.as_str() != Some("none") {
            fits(&b, ty, property, &value)?;
        }
        self.take(catalog, "qom-set", args)
    }

    /// Removes a part that a command added, with all that was said of it.
    pub fn device_del(&mut self, catalog: &Catalog, id: &str) -> Result<(), Error> {
        let b = self.builder(catalog);
        b.find(id).ok_or_else(|| missing(&b, id))?;
        let last = |path: &str| path.rsplit('/').next().unwrap_or(path).to_string();
        let id = last(id);
        let about = |c: &Command| {
            c.args.iter().any(|(key, value)| {
                let value = value.as_str().unwrap_or("");
                let sink = value.rsplit_once('/').map(|(device, _)| last(device));
                match key.as_str() {
                    "id" | "device" | "path" => last(value) == id,
                    "value" => sink.as_ref() == Some(&id),
                    _ => false,
                }
            })
        };
        self.journal.retain(|c| !about(c));
        Ok(())
    }

    /// The machine as a text, with what it would get at the end.
    pub fn export(&self, catalog: &Catalog) -> String {
        let mut b = self.builder(catalog);
        self.plug_in(&mut b);
        b.d.connect_cores();
        b.d.formatted()
    }

    /// The finished machine: its text, its graph, and what was added.
    pub fn finish(&self, catalog: &Catalog) -> Result<(String, Graph, Vec<String>), Error> {
        let mut b = self.builder(catalog);
        b.d.connect_cores();
        let added = b.d.diags.iter().filter(|d| d.severity == Severity::Note);
        let added = added.map(|d| d.message.clone()).collect();
        let text = b.d.text();
        let checked = self.checked(&mut b, catalog);
        let wrong: Vec<String> = errors(&checked).map(|d| said(d).desc).collect();
        match checked.graph {
            Some(graph) if wrong.is_empty() => Ok((text, graph, added)),
            _ => Err(Error::new(format!("The machine is not complete: {}", wrong.join("; ")))),
        }
    }
}

fn errors(checked: &Checked) -> impl Iterator<Item = &Diagnostic> {
    checked.diagnostics.iter().filter(|d| d.severity == Severity::Error)
}

/// A diagnostic in one line.
fn said(d: &Diagnostic) -> Error {
    let mut text = format!("{} [{}]", d.message, d.code);
    for more in d.notes.iter().chain(d.help.iter().map(|h| &h.message)).take(2) {
        text.push_str(&format!("; {more}"));
    }
    Error::new(text)
}

fn is_memory(ty: &DeviceType) -> bool {
    hetemu_import::draft::Draft::is_memory(ty) && ty.prop("size").is_some()
}

/// A driver that is none.
pub(crate) fn no_type(driver: &str, catalog: &Catalog) -> Error {
    let names = catalog.iter().flat_map(|t| t.aliases.iter().copied().chain([t.name]));
    let what = format!("'{driver}' is not a valid device model name");
    Error::new(what).hint(did_you_mean(driver, names))
}

/// A path that leads nowhere.
fn missing(b: &Builder<'_>, path: &str) -> Error {
    if path.is_empty() {
        return Error::new("Path '' is ambiguous");
    }
    Error::not_found(path).hint(did_you_mean(path, b.ids().map(|(id, _)| id)))
}

/// Whether a type takes this value under this name.
fn fits(b: &Builder<'_>, ty: &'static DeviceType, key: &str, value: &Value) -> Result<(), Error> {
    let mut tried = Builder::new(b.d.catalog, "");
    for bus in &b.d.buses {
        tried.d.buses.push(bus.clone());
    }
    tried.copy_ids(b);
    let part = tried.d.part("tried", ty, NOWHERE);
    match tried.give(part, key, value) {
        Ok(()) => Ok(()),
        Err(Misfit::Unknown) => {
            let props = ty.props.iter().map(|p| p.name).chain(ty.links.iter().map(|l| l.name));
            let names: Vec<&str> = props.chain(ty.clocks.iter().map(|c| c.name)).collect();
            let near = did_you_mean(key, names.iter().copied());
            let all = format!("it has {}", names.join(", "));
            let hint = if near.is_empty() && !names.is_empty() { all } else { near };
            Err(Error::new(format!("Property '{}.{key}' not found", ty.name)).hint(hint))
        }
        Err(Misfit::Wrong(what)) => {
            let name = key.replace('-', "_");
            let doc = ty.prop(&name).map_or("", |p| p.doc);
            let takes = expected(ty, &name).unwrap_or(what);
            let what = format!("Property '{}.{key}' does not accept value {value}", ty.name);
            let dot = if doc.is_empty() { "" } else { ": " };
            Err(Error::new(what).hint(format!("it takes {takes}{dot}{doc}")))
        }
    }
}
