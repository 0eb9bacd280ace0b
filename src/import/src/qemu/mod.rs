//! QEMU command lines: `-M virt -smp 4 -m 1G -device ...`.
//!
//! A board of QEMU is a machine that hetemu ships, so the result extends it: params for what the
//! guest sees, parts for `-device`, and the host's side (files, networks, terminals) as the
//! `hetemu run` line that attaches it, because a machine file is the guest's side only.

mod boards;

use crate::codes;
use crate::draft::quotable;
use crate::names;
use crate::qmp::integer;
use crate::{Imported, Options};
use boards::Board;
use hetemu_lang::{Diagnostic, SourceMap, Span};
use hetemu_schema::{Catalog, DeviceType, PlugKind, units};
use std::collections::BTreeMap;

/// Options without a value.
const FLAGS: &[&str] = &[
    "nographic",
    "S",
    "s",
    "no-reboot",
    "no-shutdown",
    "snapshot",
    "enable-kvm",
    "nodefaults",
    "no-user-config",
    "semihosting",
    "daemonize",
    "full-screen",
    "usb",
    "no-hpet",
    "no-acpi",
    "version",
    "help",
    "h",
    "preconfig",
    "only-migratable",
];
/// Options, with these values, that say nothing about a machine here.
const SILENT: &[(&str, &[&str])] = &[
    ("display", &["none"]),
    ("monitor", &["none", "null", "stdio"]),
    ("accel", &["tcg"]),
    ("nodefaults", &[]),
    ("no-user-config", &[]),
    ("vga", &["none"]),
    ("parallel", &["none", "null"]),
    ("net", &["none"]),
    ("nic", &["none"]),
];

/// An option, its value, its place.
struct Word {
    name: String,
    value: Option<String>,
    span: Span,
}

struct Line<'a> {
    catalog: &'a Catalog,
    board: Option<&'static Board>,
    diags: Vec<Diagnostic>,
    /// Param or setting, text.
    set: Vec<(String, String)>,
    /// Further plugs: name and kind.
    plugs: Vec<(String, PlugKind)>,
    /// Further parts, as lines.
    parts: Vec<String>,
    /// What is plugged in, for the command line.
    host: Vec<(String, String)>,
    /// `-drive`, `-netdev` and `-chardev` by id.
    backends: BTreeMap<String, String>,
    taken: BTreeMap<&'static str, usize>,
    free: usize,
}

/// Imports the words behind `--`; the program's name may be the first.
pub fn import(
    sources: &mut SourceMap,
    words: &[String],
    catalog: &Catalog,
    options: &Options,
) -> Imported {
    let (program, rest) = match words.split_first() {
        Some((first, rest)) if !first.starts_with('-') => (first.as_str(), rest),
        _ => ("", words),
    };
    let program = program.rsplit('/').next().unwrap_or("").trim_start_matches("qemu-system-");
    let (text, places) = joined(words);
    let file = sources.add("command line", text.as_str());
    let skipped = words.len() - rest.len();
    let span = |i: usize| {
        let (start, end) = places.get(i + skipped).copied().unwrap_or((0, 0));
        Span { file, start, end }
    };
    let mut line = Line {
        catalog,
        board: None,
        diags: Vec::new(),
        set: Vec::new(),
        plugs: Vec::new(),
        parts: Vec::new(),
        host: Vec::new(),
        backends: BTreeMap::new(),
        taken: BTreeMap::new(),
        free: 0,
    };
    let mut all = Vec::new();
    let mut i = 0;
    while let Some(word) = rest.get(i) {
        let at = span(i);
        i += 1;
        let Some(name) = word.strip_prefix("--").or_else(|| word.strip_prefix('-')) else {
            let what = format!("`{word}` belongs to no option (a disk image goes with `-drive`)");
            line.say(Diagnostic::new(codes::W1205, at, what));
            continue;
        };
        let takes = !FLAGS.contains(&name);
        let value = if takes { rest.get(i).cloned() } else { None };
        let end = if value.is_some() { span(i).end } else { at.end };
        i += usize::from(value.is_some());
        all.push(Word { name: name.to_string(), value, span: Span { end, ..at } });
    }
    line.machine(&all, program, Span { file, start: 0, end: text.len() as u32 });
    let Some(board) = line.board else {
        return Imported { diagnostics: line.diags, ..Imported::default() };
    };
    for (name, value) in board.always {
        line.set.push(((*name).into(), (*value).into()));
    }
    // Back ends first: devices name them, wherever they stand.
    for w in &all {
        line.backend(w);
    }
    for w in &all {
        line.option(w, board);
    }
    line.firmware(&all, board, Span { file, start: 0, end: text.len() as u32 });
    let named = all.iter().find(|w| w.name == "name").and_then(|w| w.value.clone());
    let named =
        named.map(|n| n.split(',').next().unwrap_or("").trim_start_matches("guest=").to_string());
    let name = options.name.clone().or(named).unwrap_or_else(|| format!("my-{}", board.base));
    line.text(&names::machine(&name), board, &text)
}

/// The words as one line, and where each stands in it.
fn joined(words: &[String]) -> (String, Vec<(u32, u32)>) {
    let (mut text, mut places) = (String::new(), Vec::new());
    for w in words {
        // An option begins a line of its own, so that messages show that and no more.
        if !text.is_empty() {
            text.push(if w.starts_with('-') { '\n' } else { ' ' });
        }
        let start = text.len();
        text.push_str(&shell(w));
        places.push((start as u32, text.len() as u32));
    }
    (text, places)
}

/// A word as a shell takes it.
fn shell(word: &str) -> String {
    let clean: String = word.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./,=:+@%".contains(c);
    if !clean.is_empty() && clean.chars().all(plain) {
        clean
    } else {
        format!("'{}'", clean.replace('\'', "'\\''"))
    }
}

/// `a,b=c` as pairs; the first word alone is the value of `first`. Two commas are one.
fn pairs(text: &str, first: &str) -> Vec<(String, String)> {
    let mut out = Vec::new();
    let joined = text.replace(",,", "\u{1}");
    for (i, part) in joined.split(',').filter(|p| !p.is_empty()).enumerate() {
        let part = part.replace('\u{1}', ",");
        match part.split_once('=') {
            Some((k, v)) => out.push((k.to_string(), v.to_string())),
            None if i == 0 => out.push((first.to_string(), part)),
            None => out.push((part, String::from("on"))),
        }
    }
    out
}

fn get<'p>(pairs: &'p [(String, String)], key: &str) -> Option<&'p str> {
    pairs.iter().rev().find(|(k, _)| k == key).map(|(_, v)| v.as_str())
}

impl Line<'_> {
    fn say(&mut self, d: Diagnostic) {
        self.diags.push(d);
    }

    fn lost(&mut self, code: hetemu_lang::diag::Code, w: &Word, what: String) {
        self.diags.push(Diagnostic::new(code, w.span, what));
    }

    /// `-M` decides what everything else means.
    fn machine(&mut self, all: &[Word], program: &str, whole: Span) {
        let word = all.iter().rev().find(|w| ["M", "machine"].contains(&w.name.as_str()));
        let Some((word, value)) = word.and_then(|w| Some((w, w.value.as_deref()?))) else {
            let d = Diagnostic::new(codes::E1201, whole, "this command line names no board");
            self.say(d.help(format!("`-M {}`", boards::names().join("`, `-M "))));
            return;
        };
        let options = pairs(value, "type");
        let name = get(&options, "type").unwrap_or("");
        let Some(board) = boards::find(name, program) else {
            let what = match program {
                "" => format!("there is no machine here for QEMU's board `{name}`"),
                program => {
                    format!("there is no machine here for QEMU's board `{name}` of {program}")
                }
            };
            let d = Diagnostic::new(codes::W1202, word.span, what);
            self.say(d.help(format!("boards that are here: {}", boards::names().join(", "))));
            return;
        };
        if program.is_empty() && boards::find(name, "riscv64").is_some() {
            let what = format!("`{name}` of {} is meant, as no program says", board.arch);
            self.say(Diagnostic::new(codes::N1208, word.span, what));
        }
        for (k, v) in options.iter().filter(|(k, _)| k != "type" && k != "accel" && k != "dumpdtb")
        {
            let what = format!("`{}` has nothing for the board's option `{k}={v}`", board.base);
            self.lost(codes::W1203, word, what);
        }
        self.board = Some(board);
    }

    fn backend(&mut self, w: &Word) {
        let Some(value) = &w.value else { return };
        let p = match w.name.as_str() {
            "drive" => pairs(value, "file"),
            "netdev" | "chardev" => pairs(value, "type"),
            _ => return,
        };
        let text = match w.name.as_str() {
            "drive" => disk(&p),
            "netdev" => self.network(&p, w),
            _ => character(get(&p, "type").unwrap_or(""), &p),
        };
        let Some(text) = text else {
            let what = format!("there is no plug for `-{} {value}`", w.name);
            self.lost(codes::W1205, w, what);
            return;
        };
        if let Some(id) = get(&p, "id") {
            self.backends.insert(id.to_string(), text.clone());
        }
        if w.name == "drive" && !matches!(get(&p, "if"), Some("none")) {
            if get(&p, "if").is_some_and(|i| i != "virtio") {
                let what = "the disk sits on virtio here".to_string();
                self.lost(codes::N1208, w, what);
            }
            self.device(w, "virtio-blk-device", &[], Some(text));
        }
    }

    /// A user network; others need rights that hetemu does not ask for.
    fn network(&mut self, p: &[(String, String)], w: &Word) -> Option<String> {
        if get(p, "type")? != "user" {
            return None;
        }
        let mut out = String::from("user");
        for (k, v) in p {
            match k.as_str() {
                "type" | "id" | "model" => {}
                "hostfwd" => {
                    let (proto, rest) = v.split_once(':').unwrap_or(("tcp", v));
                    let near = if rest.starts_with(':') { "127.0.0.1" } else { "" };
                    out.push_str(&format!(",hostfwd={proto}:{near}{rest}"));
                }
                "restrict" => out.push_str(&format!(",restrict={v}")),
                _ => self.lost(codes::W1203, w, format!("the user network has no `{k}={v}`")),
            }
        }
        Some(out)
    }

    fn option(&mut self, w: &Word, board: &'static Board) {
        let value = w.value.as_deref().unwrap_or("");
        match w.name.as_str() {
            "M" | "machine" | "name" | "drive" | "netdev" | "chardev" => {}
            "smp" => self.smp(w, board),
            "m" => self.ram(w, board),
            "cpu" => self.cpu(w, board),
            "append" => match board.append {
                Some(param) if quotable(value) => {
                    self.set.push((param.into(), format!("\"{value}\"")))
                }
                Some(_) => self.lost(codes::W1203, w, "a text here has no quotes in it".into()),
                None => self.lost(
                    codes::W1203,
                    w,
                    format!("`{}` has no kernel command line", board.base),
                ),
            },
            "bios" if value == "default" => {}
            "bios" if value == "none" => {}
            "bios" => self.image(w, board.images[0]),
            "kernel" => self.image(w, board.images[1]),
            "initrd" => self.image(w, board.images[2]),
            "hda" | "hdb" | "hdc" | "hdd" => {
                let text = disk(&[("file".into(), value.into())]);
                self.device(w, "virtio-blk-device", &[], text);
            }
            "device" => {
                let p = pairs(value, "driver");
                let driver = get(&p, "driver").unwrap_or("").to_string();
                self.device(w, &driver, &p, None);
            }
            "nic" if value.starts_with("user") => {
                let text = self.network(&pairs(value, "type"), w);
                self.device(w, "virtio-net-device", &[], text);
            }
            "serial" => {
                match character(value.split([':', ',']).next().unwrap_or(""), &pairs(value, ""))
                    .or_else(|| serial(value))
                {
                    Some(text) => {
                        let n = self.taken.entry("serial").or_insert(0);
                        *n += 1;
                        match *n {
                            1 => self.host.push(("serial0".into(), text)),
                            _ => self.lost(codes::W1205, w, "the board has one serial port".into()),
                        }
                    }
                    None => self.lost(
                        codes::W1205,
                        w,
                        format!("there is no plug for `-serial {value}`"),
                    ),
                }
            }
            "nographic" => {}
            "semihosting" => self.set.push(("machine.semihosting".into(), "true".into())),
            name => {
                let silent = SILENT.iter().any(|(n, values)| {
                    *n == name && (values.is_empty() || values.contains(&value))
                });
                if !silent {
                    let gap = if value.is_empty() { "" } else { " " };
                    self.lost(
                        codes::W1205,
                        w,
                        format!("`-{name}{gap}{value}` has no counterpart in a machine"),
                    );
                }
            }
        }
    }

    fn smp(&mut self, w: &Word, board: &Board) {
        let p = pairs(w.value.as_deref().unwrap_or(""), "cpus");
        let n = |key: &str| get(&p, key).and_then(integer);
        let product = ["sockets", "clusters", "cores", "threads"].iter().filter_map(|k| n(k));
        let cpus = n("cpus").or_else(|| product.reduce(u64::saturating_mul));
        match (cpus, board.cpus) {
            (Some(n), Some(param)) => self.set.push((param.into(), n.to_string())),
            _ => self.lost(codes::W1203, w, format!("`{}` has one core", board.base)),
        }
    }

    fn ram(&mut self, w: &Word, board: &Board) {
        let value = w.value.as_deref().unwrap_or("");
        let p = pairs(value, "size");
        let size = get(&p, "size").unwrap_or("");
        // A number alone is MiB.
        let bytes = match size.parse::<u64>() {
            Ok(mib) => mib.checked_mul(1 << 20),
            Err(_) => integer(size),
        };
        match (bytes, board.ram) {
            (Some(n), Some(param)) if n > 0 => self.set.push((param.into(), units::size(n))),
            (None, _) => self.lost(codes::E1201, w, format!("`{value}` is no size")),
            _ => self.lost(codes::W1203, w, format!("`{}` has the memory that it has", board.base)),
        }
    }

    fn cpu(&mut self, w: &Word, board: &Board) {
        let p = pairs(w.value.as_deref().unwrap_or(""), "model");
        let model = get(&p, "model").unwrap_or("");
        if !board.cpu.contains(&model) {
            self.lost(codes::W1202, w, format!("`{}` has no core for `-cpu {model}`", board.base));
        }
        for (k, v) in p.iter().filter(|(k, _)| k != "model") {
            self.lost(codes::W1203, w, format!("the option `{k}={v}` of the core is not carried"));
        }
    }

    fn image(&mut self, w: &Word, plug: Option<&'static str>) {
        let value = w.value.clone().unwrap_or_default();
        match plug {
            Some(plug) => self.host.push((plug.into(), value)),
            None => self.lost(
                codes::W1205,
                w,
                format!("the machine has no plug for `-{} {value}`", w.name),
            ),
        }
    }

    /// A device: the plug of one that the board has, or a part of its own.
    fn device(&mut self, w: &Word, driver: &str, p: &[(String, String)], given: Option<String>) {
        let Some(board) = self.board else { return };
        let Some(ty) = names::by_alias(self.catalog, driver) else {
            self.lost(codes::W1202, w, format!("there is no type here for QEMU's `{driver}`"));
            return;
        };
        if driver.ends_with("-pci") {
            let what = format!("`{driver}` sits on a memory-mapped slot here: {}", ty.name);
            self.lost(codes::N1208, w, what);
        }
        let link = ty.links.first();
        let backend = ["drive", "netdev", "chardev"].iter().find_map(|k| get(p, k));
        if let Some(id) = backend
            && !self.backends.contains_key(id)
        {
            self.lost(codes::W1204, w, format!("nothing on this command line has the id `{id}`"));
        }
        let value = given.or_else(|| backend.and_then(|id| self.backends.get(id)).cloned());
        let own = match link.map(|l| l.kind) {
            Some(PlugKind::Block) => board.disk,
            Some(PlugKind::Net) => board.net,
            Some(PlugKind::Serial) => board.console,
            _ => None,
        };
        let n = self.taken.entry(ty.name).or_insert(0);
        *n += 1;
        let (first, nth) = (*n == 1, *n - 1);
        let there = own.is_some() || board.has.contains(&ty.name);
        let settings = self.settings(w, ty, p);
        if first && there {
            if let (Some((plug, part)), value) = (own, value) {
                self.host.extend(value.map(|v| (plug.to_string(), v)));
                for s in settings {
                    let (key, v) = s.split_once(" = ").unwrap_or((&s, ""));
                    self.set.push((format!("{part}.{key}"), v.to_string()));
                }
            }
            return;
        }
        let Some(place) = board.free.get(self.free) else {
            self.lost(codes::W1206, w, format!("the board has no free place for `{driver}`"));
            return;
        };
        self.free += 1;
        let kind = ty.name.rsplit('.').next().unwrap_or("part");
        let (stem, end) = match own {
            Some((plug, part)) => (part, plug.trim_end_matches('0')),
            None => (kind, kind),
        };
        let id = get(p, "id").map_or_else(|| format!("{stem}{nth}"), names::ident);
        let mut inner = settings;
        if let Some(link) = link {
            let plug = format!("{end}{nth}");
            inner.insert(0, format!("{} = {plug}", link.name));
            if let Some(value) = value {
                self.host.push((plug.clone(), value));
            }
            self.plugs.push((plug, link.kind));
        }
        let braces =
            if inner.is_empty() { String::new() } else { format!(" {{ {} }}", inner.join(", ")) };
        self.parts.push(format!("{id} : {} on {place}{braces}", ty.name));
    }

    /// Properties of a device that its type has too.
    fn settings(
        &mut self,
        w: &Word,
        ty: &'static DeviceType,
        p: &[(String, String)],
    ) -> Vec<String> {
        let mut draft = crate::draft::Draft::new(self.catalog, "x");
        let part = draft.part("x", ty, w.span);
        let skip = ["driver", "id", "drive", "netdev", "chardev", "bus", "addr", "rng"];
        for (k, v) in p.iter().filter(|(k, _)| !skip.contains(&k.as_str())) {
            let name = k.replace('-', "_");
            let name = name.strip_prefix("num_").unwrap_or(&name);
            let on = matches!(v.as_str(), "on" | "true");
            let values = [
                integer(v).map(crate::draft::Given::Int),
                Some(crate::draft::Given::Bool(on)),
                Some(crate::draft::Given::Text(v.clone())),
            ];
            let fits = values.into_iter().flatten().any(|g| draft.set(part, name, g).is_some());
            if !fits || ty.prop(name).is_none() {
                self.lost(
                    codes::W1203,
                    w,
                    format!("`{}` has no property for `{k}={v}`", ty.full_name()),
                );
            }
        }
        let Some(part) = draft.parts.get(part) else { return Vec::new() };
        let set = part.set.iter().filter(|(k, _)| ty.prop(k).is_some());
        set.filter_map(|(k, v)| Some(format!("{k} = {}", crate::draft::written(part, k, v)?)))
            .collect()
    }

    /// QEMU brings firmware of its own where no `-bios` says otherwise.
    fn firmware(&mut self, all: &[Word], board: &Board, whole: Span) {
        let bios = all.iter().rev().find(|w| w.name == "bios").and_then(|w| w.value.as_deref());
        let Some(plug) = board.images[0] else { return };
        if matches!(bios, None | Some("default")) {
            let what = "QEMU loads its own OpenSBI here, hetemu loads what is plugged in";
            let d = Diagnostic::new(codes::N1207, whole, what);
            self.say(d.help(format!("`--plug {plug}=fw_dynamic.bin`")));
        }
    }

    fn text(mut self, name: &str, board: &Board, line: &str) -> Imported {
        let mut out = format!(
            "hm 1\n\n/// Imported from a command line of QEMU.\nmachine {name} extends {}\n",
            board.base
        );
        let width = self.set.iter().map(|s| s.0.len()).max().unwrap_or(0);
        if !self.set.is_empty() {
            out.push('\n');
        }
        for (i, (key, value)) in self.set.iter().enumerate() {
            // The last of an option wins.
            if !self.set.iter().skip(i + 1).any(|(k, _)| k == key) {
                out.push_str(&format!("{key:width$} = {value}\n"));
            }
        }
        if !self.plugs.is_empty() {
            out.push('\n');
        }
        for (name, kind) in &self.plugs {
            out.push_str(&format!("plug {name} : {}\n", kind.word()));
        }
        if !self.parts.is_empty() {
            out.push_str(&format!("\n{}\n", self.parts.join("\n")));
        }
        out.push_str("\n// QEMU's command line:\n");
        let mut row = String::new();
        for option in line.lines() {
            if row.len() + option.len() > 90 && !row.is_empty() {
                out.push_str(&format!("//   {row} \\\n"));
                row = String::from("   ");
            }
            row.push_str(if row.trim().is_empty() { "" } else { " " });
            row.push_str(option);
        }
        out.push_str(&format!("//   {row}\n"));
        if !self.host.is_empty() {
            out.push_str("// Its host's side:\n");
            out.push_str(&format!("//   hetemu run {name}.hm"));
            for (k, v) in &self.host {
                out.push_str(&format!(" \\\n//     --plug {k}={}", shell(v)));
            }
            out.push('\n');
        }
        let key = |d: &Diagnostic| (d.span().file, d.span().start, d.code);
        self.diags.sort_by_key(key);
        let text = hetemu_lang::format(&out, 0).unwrap_or(out);
        Imported { text, diagnostics: self.diags, counts: (self.parts.len(), 0, 0) }
    }
}

/// `-drive` as a block plug.
fn disk(p: &[(String, String)]) -> Option<String> {
    let file = get(p, "file").filter(|f| !f.is_empty())?;
    let format = match get(p, "format").or_else(|| get(p, "driver")) {
        Some("qcow2") => "qcow2:",
        Some("raw") => "raw:",
        None if file.ends_with(".qcow2") || file.ends_with(".img") || file.ends_with(".raw") => "",
        None => "raw:",
        Some(_) => return None,
    };
    let on = |key: &str| matches!(get(p, key), Some("on" | "true"));
    let ro = if on("readonly") || on("read-only") { ",ro" } else { "" };
    let snapshot = if on("snapshot") { ",snapshot" } else { "" };
    Some(format!("{format}{file}{ro}{snapshot}"))
}

/// `-chardev` as a serial plug.
fn character(kind: &str, p: &[(String, String)]) -> Option<String> {
    let on = |key: &str| get(p, key).is_some_and(|v| v == "on" || v == "yes");
    Some(match kind {
        "stdio" | "null" | "pty" => kind.to_string(),
        "file" => format!("file:{}", get(p, "path")?),
        "socket" => match (get(p, "path"), get(p, "port"), on("server")) {
            (Some(path), _, true) => format!("unix-listen:{path}"),
            (Some(path), _, false) => format!("unix:{path}"),
            (None, Some(port), true) => {
                format!("listen:{}:{port}", get(p, "host").unwrap_or("127.0.0.1"))
            }
            (None, Some(port), false) => {
                format!("tcp:{}:{port}", get(p, "host").unwrap_or("127.0.0.1"))
            }
            _ => return None,
        },
        _ => return None,
    })
}

/// `-serial` in its short form: `mon:stdio`, `file:PATH`, `tcp:HOST:PORT,server`.
fn serial(value: &str) -> Option<String> {
    let value = value.strip_prefix("mon:").unwrap_or(value);
    let (kind, rest) = value.split_once(':').unwrap_or((value, ""));
    let (at, flags) = rest.split_once(',').unwrap_or((rest, ""));
    let server = flags.split(',').any(|f| f == "server" || f == "server=on");
    Some(match (kind, server) {
        ("stdio" | "null" | "pty", _) => kind.to_string(),
        ("none", _) => String::from("null"),
        ("file", _) => format!("file:{rest}"),
        ("tcp", true) => format!("listen:{at}"),
        ("tcp", false) => format!("tcp:{at}"),
        ("unix", true) => format!("unix-listen:{at}"),
        ("unix", false) => format!("unix:{at}"),
        _ => return None,
    })
}
