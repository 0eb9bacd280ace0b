//! A test file's text to its tests.

use super::codes::E1401;
use super::lex::{self, Token};
use super::words::{Read, Words, number, unknown, wrong};
use super::{Act, Setup, Step, Suite, Test};
use crate::Jit;
use hetemu_lang::diag::Sink;
use hetemu_lang::{Diagnostic, FileId, SourceMap, Span};
use std::path::Path;

const SETTINGS: [&str; 12] = [
    "machine",
    "profile",
    "set",
    "plug",
    "image",
    "needs",
    "jit",
    "within",
    "strict",
    "semihosting",
    "seed",
    "args",
];
const STEPS: [&str; 13] = [
    "expect", "never", "send", "run", "check", "wait", "write", "reset", "snapshot", "restore",
    "exit", "stuck", "test",
];

/// Reads a file of a map. What cannot be read is told, and left out.
pub fn read(sources: &SourceMap, file: FileId) -> (Suite, Vec<Diagnostic>) {
    let mut sink = Sink::default();
    let Some(source) = sources.get(file) else { return (Suite::default(), Vec::new()) };
    let folder = Path::new(&source.name).parent().map(Path::to_path_buf).unwrap_or_default();
    let mut reader = Reader {
        suite: Suite { folder, ..Suite::default() },
        setup: Setup::default(),
        test: None,
        edition: false,
        open: None,
    };
    let mut at = 0;
    for line in source.text.split_inclusive('\n') {
        let text = line.trim_end_matches(['\n', '\r']);
        let done = lex::line(text, at, file).and_then(|tokens| match tokens.is_empty() {
            true => Ok(()),
            false => reader.line(tokens),
        });
        if let Err(d) = done {
            sink.push(*d);
        }
        at += line.len();
    }
    if let Some(span) = reader.open {
        sink.push(Diagnostic::new(E1401, span, "this test is never closed by `}`"));
    }
    reader.close();
    let start = Span { file, start: 0, end: source.text.len().min(1) as u32 };
    if !reader.edition {
        let d = Diagnostic::new(E1401, start, "the file does not begin with `hm 1`");
        sink.push(d.help("the first line of a test file is `hm 1`, as of a machine's"));
    } else if reader.suite.name.is_empty() {
        let d = Diagnostic::new(E1401, start, "the file does not say what it is");
        sink.push(d.help("write `tests NAME` below `hm 1`"));
    }
    let mut suite = reader.suite;
    for i in 0..suite.tests.len() {
        let (before, rest) = suite.tests.split_at(i);
        if let Some(t) = rest.first()
            && let Some(same) = before.iter().find(|b| b.name == t.name)
        {
            let d =
                Diagnostic::new(E1401, t.span, format!("a test is called {:?} already", t.name));
            sink.push(d.also(same.span, "here"));
        }
    }
    suite.tests.retain(|t| !t.name.is_empty());
    (suite, sink.finish())
}

struct Reader {
    suite: Suite,
    /// Settings of the file.
    setup: Setup,
    test: Option<Test>,
    edition: bool,
    /// The head of the test that is open.
    open: Option<Span>,
}

impl Reader {
    fn close(&mut self) {
        self.open = None;
        self.suite.tests.extend(self.test.take());
    }

    fn line(&mut self, tokens: Vec<(Token, Span)>) -> Read<()> {
        let first = tokens.first().map_or(hetemu_lang::source::NOWHERE, |(_, s)| *s);
        let last = tokens.last().map_or(first, |(_, s)| *s);
        let whole = hetemu_lang::source::join(first, last);
        let mut w = Words::new(tokens);
        let (word, span) = match w.next() {
            Some((Token::Word(word), span)) => (word, span),
            Some((Token::Sign("}"), span)) => {
                if self.test.is_none() {
                    return wrong(span, "`}` closes nothing");
                }
                self.close();
                return w.end("}");
            }
            _ => return wrong(first, "a statement begins with a word"),
        };
        if !self.edition {
            self.edition = true;
            let said = w.name("the edition");
            if word != "hm" || !matches!(&said, Ok((n, _)) if n == "1") {
                let d = Diagnostic::new(E1401, whole, "the file does not begin with `hm 1`");
                return Err(Box::new(d));
            }
            return w.end("hm 1");
        }
        match word.as_str() {
            "tests" => {
                self.suite.name = w.text("the name")?.0;
                w.end("tests NAME")
            }
            "test" => self.head(span, &mut w),
            word if SETTINGS.contains(&word) => self.setting(word, span, &mut w),
            word if STEPS.contains(&word) => {
                let act = step(word, &mut w)?;
                match &mut self.test {
                    Some(test) => test.steps.push(Step { act, span: whole }),
                    None => return wrong(span, "a step stands outside of a test"),
                }
                Ok(())
            }
            word => {
                let all: Vec<&str> = match self.test {
                    Some(_) => STEPS[..12].iter().chain(&SETTINGS).copied().collect(),
                    None => SETTINGS.iter().copied().chain(["tests", "test"]).collect(),
                };
                Err(Box::new(unknown(span, "statement", word, &all)))
            }
        }
    }

    fn head(&mut self, span: Span, w: &mut Words) -> Read<()> {
        if let Some(open) = self.open {
            self.close();
            let d = Diagnostic::new(E1401, span, "a test begins inside of another");
            return Err(Box::new(d.also(open, "this one is not closed by `}`")));
        }
        let here = w.here();
        let name = w.text("the test's name");
        // What follows belongs to a test even if its head is wrong.
        self.open = Some(here);
        let setup = self.setup.clone();
        let text = name.as_ref().map(|(n, _)| n.clone()).unwrap_or_default();
        self.test = Some(Test { name: text, span: here, setup, steps: Vec::new() });
        name?;
        let here = w.here();
        if !w.sign("{") {
            return wrong(here, "`{` is missing behind the test's name");
        }
        w.end("test \"NAME\" {")
    }

    fn setting(&mut self, word: &str, span: Span, w: &mut Words) -> Read<()> {
        let setup = match &mut self.test {
            Some(test) if !test.steps.is_empty() => {
                return wrong(span, "settings stand before the first step");
            }
            Some(test) => &mut test.setup,
            None => &mut self.setup,
        };
        let (mut name, mut at) = (String::new(), span);
        if matches!(word, "set" | "plug") {
            (name, at) = w.name("a name")?;
        }
        let here = w.here();
        if !w.sign("=") {
            return wrong(here, "`=` is missing");
        }
        match word {
            "machine" => setup.machine = Some(w.text("a machine")?),
            "profile" => setup.profile = Some(w.text("a profile")?),
            "set" => {
                let mut value = w.text("a value")?.0;
                while w.peek().is_some() {
                    value.push(' ');
                    value.push_str(&w.text("a value")?.0);
                }
                setup.set.push((name, value, at));
            }
            "plug" => {
                let value = w.text("a value")?.0;
                setup.plug.push((name, value, at));
            }
            "image" => {
                let (mut file, span) = w.text("a file")?;
                if w.sign("@") {
                    let (addr, at) = w.name("an address")?;
                    if number(&addr).is_none() {
                        return wrong(at, "this is no address");
                    }
                    file = format!("{file}@{addr}");
                }
                setup.image.push((file, span));
            }
            "needs" => setup.needs.push(w.text("a file")?),
            "jit" => setup.jit = jits(w)?,
            "within" => setup.within = Some(w.time()?),
            "strict" => setup.strict = Some(truth(w)?),
            "semihosting" => setup.semihosting = Some(truth(w)?),
            "seed" => {
                let (text, span) = w.name("a number")?;
                match number(&text) {
                    Some(n) => setup.seed = Some(n),
                    None => return wrong(span, "this is no number"),
                }
            }
            _ => setup.args = Some(w.text("the command line")?.0),
        }
        w.end(match word {
            "set" | "plug" => "NAME = VALUE",
            _ => "WORD = VALUE",
        })
    }
}

fn truth(w: &mut Words) -> Read<bool> {
    match w.name("`true` or `false`")? {
        (word, _) if word == "true" => Ok(true),
        (word, _) if word == "false" => Ok(false),
        (_, span) => wrong(span, "write `true` or `false`"),
    }
}

fn jits(w: &mut Words) -> Read<Vec<Jit>> {
    let mut out = Vec::new();
    loop {
        let (word, span) = w.name("`off`, `sync` or `on`")?;
        out.push(match word.as_str() {
            "off" => Jit::Off,
            "sync" => Jit::Sync,
            "on" => Jit::On,
            _ => return Err(Box::new(unknown(span, "engine", &word, &["off", "sync", "on"]))),
        });
        if !w.sign(",") {
            return Ok(out);
        }
    }
}

fn step(word: &str, w: &mut Words) -> Read<Act> {
    let (act, form) = match word {
        "expect" => {
            (Act::Expect(w.pattern()?, w.within()?), "expect [line] TEXT [on PLUG] [within TIME]")
        }
        "never" => (Act::Never(w.pattern()?), "never [line] TEXT [on PLUG]"),
        "send" => (Act::Send(w.bytes("a text")?, w.on()?), "send \"TEXT\" [on PLUG]"),
        "run" => (running(w)?, "run TIME | run N instructions | run to ADDRESS [as CORE]"),
        "check" => (Act::Check(w.condition()?), "check VALUE == VALUE"),
        "wait" => (Act::Wait(w.condition()?, w.within()?), "wait VALUE == VALUE [within TIME]"),
        "write" => {
            let place = w.value()?;
            let here = w.here();
            if !w.sign("=") {
                return wrong(here, "`=` is missing");
            }
            (Act::Write(place, w.value()?), "write PLACE = VALUE")
        }
        "reset" => (Act::Reset, "reset"),
        "snapshot" => (Act::Snapshot(w.text("a name")?.0), "snapshot NAME"),
        "restore" => (Act::Restore(w.text("a name")?), "restore NAME"),
        "exit" => {
            let negative = w.sign("-");
            let code = match w.peek() {
                Some((Token::Word(word), span)) if word != "within" => {
                    let (code, span) = (word.parse::<i32>().ok(), *span);
                    w.next();
                    match code {
                        Some(code) => Some(if negative { -code } else { code }),
                        None => return wrong(span, "an exit code is a number"),
                    }
                }
                _ => None,
            };
            (Act::Exit(code, w.within()?), "exit [CODE] [within TIME]")
        }
        _ => {
            let code = match w.peek() {
                Some((Token::Word(word), _)) if word != "within" => {
                    Some(w.name("a code")?.0.to_ascii_uppercase())
                }
                _ => None,
            };
            (Act::Stuck(code, w.within()?), "stuck [CODE] [within TIME]")
        }
    };
    w.end(form)?;
    Ok(act)
}

fn running(w: &mut Words) -> Read<Act> {
    if w.word("to") {
        let at = w.address()?;
        let core = if w.word("as") { Some(w.name("a core")?) } else { None };
        return Ok(Act::RunTo(at, core, w.within()?));
    }
    if let Some((Token::Word(digits), _)) = w.peek()
        && let Some(n) = number(digits)
    {
        let here = w.here();
        w.next();
        if w.word("instructions") || w.word("instruction") {
            return Ok(Act::RunInstructions(n));
        }
        let Ok((unit, _)) = w.name("a unit") else {
            let d = Diagnostic::new(E1401, here, "how far to run needs a unit");
            return Err(Box::new(d.help("write `run 10 ms` or `run 1000 instructions`")));
        };
        let token = (Token::Word(format!("{n}{unit}")), here);
        return Words::new(vec![token]).time().map(Act::RunTime);
    }
    w.time().map(Act::RunTime)
}
