//! Machines of several texts: what is open goes before what lies on disk, names lead into other
//! files, and a rename reaches all of them or is refused.

mod common;

use common::{BASE, SOC, catalog, frame, talk};
use serde_json::{Value, json};

const X: &str = "hm 1

use \"parts/soc.hm\"

machine x extends base

tile : soc {
  clk  = osc
  size = 2 MiB
}

uart0.irq -> cpu.meip
tile.uart1.irq -> tile.cpu1.meip
";
const URI: &str = "file:///w/x.hm";
const BASE_URI: &str = "file:///w/base.hm";
const SOC_URI: &str = "file:///w/parts/soc.hm";

fn open(uri: &str, text: &str) -> Value {
    let document = json!({ "uri": uri, "languageId": "hm", "version": 1, "text": text });
    json!({ "method": "textDocument/didOpen", "params": { "textDocument": document } })
}

/// The position of a piece that stands behind another one, a letter into it.
fn place(text: &str, before: &str, piece: &str) -> Value {
    let from = text.find(before).unwrap_or_else(|| panic!("no {before}")) + before.len();
    let at = from + text[from..].find(piece).unwrap_or_else(|| panic!("no {piece}"));
    let column = at - text[..at].rfind('\n').map_or(0, |n| n + 1);
    json!({ "line": text[..at].matches('\n').count(), "character": column })
}

fn session(messages: &[Value]) -> Vec<Value> {
    let input: Vec<u8> = messages.iter().flat_map(frame).collect();
    talk(&catalog(), &input).0
}

/// The answer to one request in a text, with others open.
fn ask(others: &[Value], uri: &str, method: &str, position: Value, new: &str) -> Value {
    let params = json!({ "textDocument": { "uri": uri }, "position": position, "newName": new });
    let request = json!({ "id": 1, "method": format!("textDocument/{method}"), "params": params });
    let out = session(&[others, &[request]].concat());
    let answer = out.iter().find(|m| m["id"] == 1).expect("an answer");
    answer.get("result").or(answer.get("error")).expect("one of both").clone()
}

/// The codes that were said last of a text.
fn codes(out: &[Value], uri: &str) -> Vec<String> {
    let of_it = out.iter().rfind(|m| m["params"]["uri"] == uri).expect("diagnostics");
    let list = of_it["params"]["diagnostics"].as_array().expect("a list");
    list.iter().map(|d| d["code"].as_str().expect("a code").to_string()).collect()
}

#[test]
fn a_machine_of_several_files_is_checked_as_one() {
    let none: Vec<String> = Vec::new();
    assert_eq!(codes(&session(&[open(URI, X)]), URI), none, "{:?}", session(&[open(URI, X)]));
    // The base as it is being written, not as it was saved.
    let other = BASE.replace("uart0", "uart9");
    let out = session(&[open(URI, X), open(BASE_URI, &other)]);
    assert_eq!(codes(&out, URI).len(), 1, "{out:?}");
    // What is wrong in a base is shown where it is named, with a way to it.
    let wrong = BASE.replace("64 MiB", "64 MB");
    let out = session(&[open(BASE_URI, &wrong), open(URI, X)]);
    let of_it = out.iter().rfind(|m| m["params"]["uri"] == URI).expect("diagnostics");
    let first = &of_it["params"]["diagnostics"][0];
    assert_eq!(first["code"], "E0201", "{first}");
    assert_eq!(first["range"]["start"], place(X, "extends ", "base"));
    assert_eq!(first["relatedInformation"][0]["location"]["uri"], BASE_URI);
    // A text that was never saved is found beside the one that asks.
    let new = open("file:///w/new.hm", &BASE.replace("machine base", "machine new"));
    let x = X.replace("extends base", "extends new");
    assert_eq!(codes(&session(&[new.clone(), open(URI, &x)]), URI), none);
    assert_eq!(codes(&session(&[open(URI, &x), new]), URI), none);
    assert_ne!(codes(&session(&[open(URI, &x)]), URI), none);
}

#[test]
fn a_change_of_a_base_is_seen_at_once() {
    let end = json!({ "line": 999, "character": 0 });
    let all = json!({ "start": { "line": 0, "character": 0 }, "end": end });
    let change = |text: &str| {
        json!({ "method": "textDocument/didChange", "params": {
            "textDocument": { "uri": BASE_URI, "version": 2 },
            "contentChanges": [{ "range": all, "text": text }] } })
    };
    // A request makes the server check both texts before the change.
    let seen = json!({ "id": 1, "method": "textDocument/references", "params": {
        "textDocument": { "uri": URI }, "position": place(X, "tile.", "uart1") } });
    let changed = change(&BASE.replace("uart0", "uart9"));
    let start = [open(URI, X), open(BASE_URI, BASE), seen, changed];
    assert_eq!(codes(&session(&start), URI).len(), 1);
    let close = json!({ "method": "textDocument/didClose",
                        "params": { "textDocument": { "uri": BASE_URI } } });
    let out = session(&[&start[..], &[close]].concat());
    assert!(codes(&out, URI).is_empty(), "{out:?}");
}

#[test]
fn definitions_lead_into_other_files() {
    let cases = [
        (place(X, "extends ", "base"), BASE_URI, place(BASE, "machine ", "base")),
        (place(X, "tile : ", "soc"), SOC_URI, place(SOC, "module ", "soc")),
        (place(X, "use ", "parts"), SOC_URI, json!({ "line": 0, "character": 0 })),
        (place(X, "}\n\n", "uart0"), BASE_URI, place(BASE, "", "uart0")),
        (place(X, "uart0.", "irq"), BASE_URI, place(BASE, "", "uart0")),
        (place(X, "-> ", "cpu"), BASE_URI, place(BASE, "", "cpu")),
        (place(X, "clk  = ", "osc"), BASE_URI, place(BASE, "", "osc")),
        (place(X, "  ", "size"), SOC_URI, place(SOC, "param ", "size")),
        (place(X, "tile.", "uart1"), SOC_URI, place(SOC, "", "uart1")),
        (place(X, "uart1.", "irq"), SOC_URI, place(SOC, "", "uart1")),
        (place(X, "uart1.irq -> ", "tile"), URI, place(X, "", "tile")),
    ];
    for (position, uri, to) in cases {
        let answer = ask(&[open(URI, X)], URI, "definition", position.clone(), "");
        assert_eq!(answer["uri"], uri, "{position}: {answer}");
        assert_eq!(answer["range"]["start"], to, "{position}");
    }
    let text = "hm 1\n\nmachine y extends board\n\nram.size = 4 MiB\n";
    let y = open("file:///w/y.hm", text);
    let at = place(text, "", "board");
    let answer = ask(&[y], "file:///w/y.hm", "definition", at, "");
    assert!(answer["message"].as_str().is_some_and(|m| m.contains("shipped")), "{answer}");
}

#[test]
fn hover_knows_parts_of_bases_and_modules() {
    let cases = [
        (place(X, "}\n\n", "uart0"), "`main` `0x1000_0000 .. 0x1000_0007`"),
        (place(X, "tile.", "uart1"), "`ns16550a@1`"),
        (place(X, "tile.uart1.", "irq"), "output of `ns16550a@1`"),
        (place(X, "tile : ", "soc"), "module `soc@1`"),
        (place(X, "extends ", "base"), "in `/w/base.hm`"),
        (place(X, "  ", "size"), "param **tile.size**"),
    ];
    for (position, wanted) in cases {
        let answer = ask(&[open(URI, X)], URI, "hover", position.clone(), "");
        let text = answer["contents"]["value"].as_str().unwrap_or("");
        assert!(text.contains(wanted), "{position}: no {wanted} in {answer}");
    }
}

#[test]
fn renames_reach_every_file_or_are_refused() {
    let both = [open(URI, X), open(BASE_URI, BASE)];
    let count = |v: &Value, uri: &str| v["changes"][uri].as_array().map_or(0, Vec::len);
    for (uri, at) in [(URI, place(X, "}\n\n", "uart0")), (BASE_URI, place(BASE, "", "uart0"))] {
        let answer = ask(&both, uri, "rename", at.clone(), "console");
        assert_eq!((count(&answer, URI), count(&answer, BASE_URI)), (1, 1), "{answer}");
        let places = ask(&both, uri, "references", at, "");
        assert_eq!(places.as_array().map(Vec::len), Some(2), "{places}");
    }
    let answer = ask(&both, URI, "rename", place(X, "  ", "size"), "length");
    assert_eq!((count(&answer, URI), count(&answer, SOC_URI)), (1, 2), "{answer}");
    let answer = ask(&both, URI, "rename", place(X, "tile.", "uart1"), "console");
    assert_eq!((count(&answer, URI), count(&answer, SOC_URI)), (1, 1), "{answer}");
    let refused = |text: &str, at: Value, new: &str| {
        let answer = ask(&[open(URI, text)], URI, "rename", at, new);
        answer["message"].as_str().unwrap_or_else(|| panic!("{answer}")).to_string()
    };
    // The base's names and the machine's are one.
    assert!(refused(X, place(X, "", "tile"), "ram").contains("declared already, in /w/base.hm"));
    assert!(refused(X, place(X, "}\n\n", "uart0"), "tile").contains("declared already"));
    let text = "hm 1\n\nmachine y extends board\n\nram.size = 4 MiB\n";
    assert!(refused(text, place(text, "\n\n", "ram"), "r").contains("shipped"));
}

#[test]
fn half_a_text_among_others_panics_nowhere() {
    let methods = ["hover", "definition", "references", "rename", "prepareRename", "completion"];
    for cut in (0..X.len()).step_by(3) {
        let text = &X[..cut];
        // The base is made from the machine that is made from it.
        let base = BASE.replace("machine base", "machine base extends x");
        let mut messages = vec![open(BASE_URI, &base), open(SOC_URI, text), open(URI, text)];
        for (id, method) in methods.iter().enumerate() {
            let position = json!({ "line": text.matches('\n').count(), "character": cut % 7 });
            let params = json!({ "textDocument": { "uri": URI }, "position": position,
                                 "newName": "n" });
            let method = format!("textDocument/{method}");
            messages.push(json!({ "id": id, "method": method, "params": params }));
        }
        let answered = session(&messages).iter().filter(|m| m["id"].is_number()).count();
        assert_eq!(answered, methods.len());
    }
}
