//! Sessions with the editor server: messages in, messages out, as an editor would see them.

mod common;

use common::{catalog, frame, talk};
use serde_json::{Value, json};

const URI: &str = "file:///x.hm";

const TEXT: &str = "hm 1

machine x

plug tty : serial = stdio
clock c = 50 MHz

/// The heart.
cpu : riscv.rv32 {
  bus  =  main
  clk  =  c
  meip <- plic.target[0]
}

bus main {
  0x0000_1000 + 4 KiB    rom  : memory.rom
  0x0C00_0000            plic : riscv.plic { sources = 31, targets = 1 }
  0x1000_0000            uart : ns16550a {
    line =  tty
    irq  -> plic[1]
  }
  0x8000_0000 + 64 MiB   ram  : memory.ram
}
";

fn open(text: &str) -> Value {
    let document = json!({ "uri": URI, "languageId": "hm", "version": 1, "text": text });
    json!({ "method": "textDocument/didOpen", "params": { "textDocument": document } })
}

fn change(version: u32, start: Value, end: Value, new: &str) -> Value {
    let range = json!({ "start": start, "end": end });
    json!({ "method": "textDocument/didChange", "params": {
        "textDocument": { "uri": URI, "version": version },
        "contentChanges": [{ "range": range, "text": new }] } })
}

/// A session on a text: the answers to the requests, in order.
fn ask(text: &str, requests: &[(&str, Value)]) -> Vec<Value> {
    let mut input = frame(&open(text));
    for (i, (method, params)) in requests.iter().enumerate() {
        let mut params = params.clone();
        params["textDocument"] = json!({ "uri": URI });
        let method = format!("textDocument/{method}");
        input.extend(frame(&json!({ "id": i, "method": method, "params": params })));
    }
    let (out, _) = talk(&catalog(), &input);
    let answer = |i| {
        let answer = out.iter().find(|m| m["id"] == json!(i)).expect("an answer");
        answer.get("result").or(answer.get("error")).expect("one of both").clone()
    };
    (0..requests.len()).map(answer).collect()
}

/// The position behind a piece of the text.
fn behind(text: &str, piece: &str) -> Value {
    let at = text.find(piece).unwrap_or_else(|| panic!("no {piece}")) + piece.len();
    let column = at - text[..at].rfind('\n').map_or(0, |n| n + 1);
    json!({ "line": text[..at].matches('\n').count(), "character": column })
}

fn at(piece: &str) -> Value {
    json!({ "position": behind(TEXT, piece) })
}

#[test]
fn a_session_begins_and_ends() {
    let catalog = catalog();
    let messages = [
        json!({ "id": 1, "method": "initialize", "params": {} }),
        json!({ "method": "initialized" }),
        json!({ "id": "two", "method": "what/ever" }),
        json!({ "id": 3, "method": "shutdown" }),
        json!({ "method": "exit" }),
        json!({ "id": 4, "method": "shutdown" }),
    ];
    let input: Vec<u8> = messages.iter().flat_map(frame).collect();
    let (out, code) = talk(&catalog, &input);
    assert_eq!(code, 0);
    assert_eq!(out.len(), 3, "{out:?}");
    assert_eq!(out[0]["result"]["capabilities"]["hoverProvider"], true);
    assert_eq!(out[1]["error"]["code"], -32601);
    assert_eq!(out[2]["result"], Value::Null);
    // Without `shutdown` the end is not orderly.
    assert_eq!(talk(&catalog, b"").1, 1);
}

#[test]
fn diagnostics_come_and_go_with_changes() {
    let catalog = catalog();
    let published = |messages: &[Value]| -> Vec<(Value, Vec<String>)> {
        let input: Vec<u8> = messages.iter().flat_map(frame).collect();
        let (out, _) = talk(&catalog, &input);
        let codes = |m: &Value| {
            let list = m["params"]["diagnostics"].as_array().expect("a list").clone();
            let code = |d: &Value| d["code"].as_str().expect("a code").to_string();
            (m["params"]["version"].clone(), list.iter().map(code).collect())
        };
        out.iter().filter(|m| m["params"]["diagnostics"].is_array()).map(codes).collect()
    };
    let (start, end) = (behind(TEXT, "+ 64 "), behind(TEXT, "+ 64 MiB"));
    let wrong = change(2, start.clone(), end, "MB");
    let right = change(3, start.clone(), json!({ "line": start["line"], "character": 21 }), "MiB");
    assert_eq!(published(&[open(TEXT)]), [(json!(1), vec![])]);
    let codes = published(&[open(TEXT), wrong.clone()]);
    assert_eq!(codes, [(json!(2), vec!["E0201".to_string()])]);
    assert_eq!(published(&[open(TEXT), wrong.clone(), right]), [(json!(3), vec![])]);
    let document = json!({ "textDocument": { "uri": URI } });
    let close = json!({ "method": "textDocument/didClose", "params": document });
    assert_eq!(published(&[open(TEXT), wrong, close]), [(Value::Null, vec![])]);
}

#[test]
fn hover_shows_types_sizes_and_addresses() {
    let cases: [(&str, &[&str]); 8] = [
        ("  uar", &["ns16550a@1", "`main` `0x1000_0000 .. 0x1000_0007`", "uart.irq -> plic[1]"]),
        (": ns165", &["### `ns16550a@1`", "#### Properties"]),
        ("sour", &["count", "in 1 .. 1023"]),
        ("0x8000", &["0x8000_0000 .. 0x83FF_FFFF", "64 MiB"]),
        ("plic.tar", &["output of `riscv.plic@1`"]),
        ("clk  =  c", &["50 MHz"]),
        ("bus ma", &["34 address bits, 4 rows, driven by cpu"]),
        ("hm", &[]),
    ];
    let requests: Vec<_> = cases.iter().map(|(piece, _)| ("hover", at(piece))).collect();
    for (answer, (piece, wanted)) in ask(TEXT, &requests).iter().zip(cases) {
        let text = answer["contents"]["value"].as_str().unwrap_or("");
        assert_eq!(text.is_empty(), wanted.is_empty(), "{piece}: {text}");
        for w in wanted {
            assert!(text.contains(w), "{piece}: no {w} in\n{text}");
        }
    }
}

#[test]
fn names_are_found_and_renamed() {
    let rename = |piece: &str, new: &str| {
        let mut params = at(piece);
        params["newName"] = json!(new);
        ("rename", params)
    };
    let answers = ask(
        TEXT,
        &[
            ("definition", at("irq  -> pli")),
            ("references", at("irq  -> pli")),
            ("references", at("clock ")),
            rename("irq  -> pli", "intc"),
            rename("irq  -> pli", "uart"),
            rename("irq  -> pli", "2x"),
            rename("    ir", "x"),
            ("prepareRename", at("bus ma")),
        ],
    );
    assert_eq!(answers[0]["range"]["end"], behind(TEXT, "           plic"));
    assert_eq!(answers[1].as_array().map(Vec::len), Some(3), "{}", answers[1]);
    assert_eq!(answers[2].as_array().map(Vec::len), Some(2));
    let edits = answers[3]["changes"][URI].as_array().expect("edits");
    assert_eq!(edits.len(), 3);
    assert!(edits.iter().all(|e| e["newText"] == "intc"));
    assert!(answers[4]["message"].as_str().is_some_and(|m| m.contains("declared already")));
    assert!(answers[5]["message"].as_str().is_some_and(|m| m.contains("no name")));
    assert!(answers[6]["message"].is_string());
    assert_eq!(answers[7]["placeholder"], "main");
}

#[test]
fn completion_knows_types_ports_properties_and_what_is_free() {
    // Pieces that are typed into a sound machine, and what must and must not be offered.
    let cases: [(&str, &str, &[&str], &[&str]); 9] = [
        ("ram  : memory.ram\n", "  0x9000_0000  a : ", &["lowrisc.uart", "memory.ram"], &[]),
        ("irq  -> plic[1]\n", "    clk = ", &["c"], &["tty", "main"]),
        ("irq  -> plic[1]\n", "    ", &["clk"], &["line", "irq"]),
        ("irq  -> plic[1]\n", "    irq -> ", &["plic[2]", "cpu.msip"], &["plic[1]"]),
        ("irq  -> plic[1]\n", "    irq -> plic[", &["2", "31"], &["1", "32"]),
        ("irq  -> plic[1]\n", "    irq -> plic.", &["target", "regs"], &["irq"]),
        ("meip <- plic.target[0]\n", "  msip <- ", &["none", "uart.irq"], &[]),
        ("ram  : memory.ram\n", "  ", &["0x0000_0000", "0x0000_2000"], &["0x8000_0000"]),
        ("clock c = 50 MHz\n", "plug b : ", &["serial", "block"], &["ns16550a"]),
    ];
    let catalog = catalog();
    for (after, typed, offered, not_offered) in cases {
        let cut = TEXT.find(after).expect(after) + after.len();
        let line = TEXT[..cut].matches('\n').count();
        let place = json!({ "line": line, "character": 0 });
        let document = json!({ "uri": URI });
        let cursor = json!({ "line": line, "character": typed.len() });
        let messages = [
            open(TEXT),
            // An editor asks now and then, so the sound machine was seen.
            json!({ "id": 1, "method": "textDocument/documentSymbol",
                    "params": { "textDocument": document } }),
            change(2, place.clone(), place, &format!("{typed}\n")),
            json!({ "id": 2, "method": "textDocument/completion",
                    "params": { "textDocument": document, "position": cursor } }),
        ];
        let input: Vec<u8> = messages.iter().flat_map(frame).collect();
        let (out, _) = talk(&catalog, &input);
        let answer = out.iter().find(|m| m["id"] == 2).expect("an answer");
        let items = answer["result"]["items"].as_array().expect("items");
        let labels: Vec<&str> = items.iter().filter_map(|i| i["label"].as_str()).collect();
        for o in offered {
            assert!(labels.contains(o), "{typed:?}: no {o} in {labels:?}");
        }
        for n in not_offered {
            assert!(!labels.contains(n), "{typed:?}: {n} in {labels:?}");
        }
    }
}

#[test]
fn formatting_fixes_symbols_and_hints() {
    let everywhere = json!({ "range": { "start": { "line": 0, "character": 0 },
                                        "end": { "line": 99, "character": 0 } } });
    let format = ("formatting", json!({ "options": {} }));
    let action = ("codeAction", everywhere.clone());
    let messy = TEXT.replace("  clk  =  c\n", "  clk = c\n");
    let answers = ask(&messy, &[format.clone(), action.clone()]);
    let formatted = answers[0][0]["newText"].as_str().expect("a text");
    assert!(formatted.contains("  clk  =  c\n"), "{formatted}");
    assert_eq!(answers[1], json!([]));
    let wrong = TEXT.replace("64 MiB", "64 MB");
    let answers = ask(&wrong, &[format, action]);
    let fix = &answers[1][0];
    assert_eq!(fix["kind"], "quickfix");
    assert_eq!(fix["edit"]["changes"][URI][0]["newText"], "MiB", "{fix}");
    assert_eq!(answers[1][1]["kind"], "source.fixAll");
    let answers = ask(TEXT, &[("documentSymbol", json!({})), ("inlayHint", everywhere)]);
    let all = |v: &Value, key: &str| -> Vec<String> {
        let list = v.as_array().expect("a list").iter();
        list.filter_map(|s| s[key].as_str()).map(String::from).collect()
    };
    assert_eq!(all(&answers[0], "name"), ["x", "tty", "c", "cpu", "main"]);
    assert_eq!(all(&answers[0][4]["children"], "name"), ["rom", "plic", "uart", "ram"]);
    let hints = all(&answers[1], "label");
    assert!(hints.contains(&".. 0x83FF_FFFF".to_string()), "{hints:?}");
}

#[test]
fn nothing_that_a_client_sends_panics() {
    let mut seed = 0x9E37_79B9_7F4A_7C15u64;
    let mut next = move |n: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed >> 11) as usize % n.max(1)
    };
    let catalog = catalog();
    let methods = "hover definition references rename completion formatting codeAction \
                   documentSymbol inlayHint prepareRename foldingRange documentHighlight";
    let methods: Vec<&str> = methods.split_whitespace().collect();
    let pieces = ["", "{", "}", "\"", "\u{1F600}", "\n", "x : ", "->", "[", "//"];
    let rounds = std::env::var("HETEMU_ROUNDS").ok().and_then(|r| r.parse().ok()).unwrap_or(30);
    for _ in 0..rounds {
        let mut input = frame(&open(TEXT));
        for id in 0..12 {
            let mut place = || match next(9) {
                0 => json!({ "line": -1, "character": "x" }),
                1 => json!({ "line": u64::MAX, "character": u64::MAX }),
                _ => json!({ "line": next(30), "character": next(40) }),
            };
            let (a, b) = (place(), place());
            let text = pieces[next(pieces.len())];
            let message = match next(3) {
                0 => change(id, a, b, text),
                _ => {
                    let method = format!("textDocument/{}", methods[next(methods.len())]);
                    json!({ "id": id, "method": method, "params": {
                        "textDocument": { "uri": URI }, "position": a,
                        "range": { "start": a, "end": b }, "newName": text } })
                }
            };
            input.extend(frame(&message));
        }
        if next(2) == 0 {
            let at = next(input.len());
            input[at] = next(256) as u8;
        }
        talk(&catalog, &input);
    }
    for broken in [
        &b"Content-Length: 99999999999999999999\r\n\r\n{}"[..],
        b"Content-Length: 3\r\n\r\n{]}Content-Length: 2\r\n\r\n[]",
        b"Content-Length: 4\r\n\r\nnull\r\n\r\n\xff\xff",
        b"\r\n\r\n\r\nnonsense",
        b"Content-Length: 17\r\n\r\n{\"id\":{\"a\":[1]}} ",
        b"Content-Length: -1\r\n\r\n{}",
    ] {
        talk(&catalog, broken);
    }
}
