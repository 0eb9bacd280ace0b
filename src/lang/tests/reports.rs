//! Forms of diagnostics for other programs: SARIF against its schema, JUnit, GitHub.

mod common;
#[path = "common/schema.rs"]
mod schema;

use hetemu_lang::{
    Diagnostic, Overrides, SourceMap, check, to_github, to_json, to_junit, to_sarif,
};
use serde_json::{Value, json};

/// Every case of `tests/lang` with its diagnostics.
fn cases() -> Vec<(String, Vec<Diagnostic>, SourceMap)> {
    let catalog = common::test_types();
    let entries = std::fs::read_dir(common::data()).expect("tests/lang").flatten();
    let mut paths: Vec<_> = entries.map(|e| e.path()).collect();
    paths.retain(|p| p.extension().is_some_and(|e| e == "hm"));
    paths.sort();
    let case = |p: &std::path::PathBuf| {
        let text = std::fs::read_to_string(p).expect("a case");
        let name = p.file_name().expect("a name").to_string_lossy().into_owned();
        let (sources, file) = SourceMap::single(format!("some folder/{name}"), text);
        let checked = check(&sources, file, &catalog, &Overrides::default());
        (name, checked.diagnostics, sources)
    };
    paths.iter().map(case).collect()
}

fn sarif_schema() -> Value {
    let path = common::root().join("tests/schemas/sarif-2.1.0.json");
    let text = std::fs::read_to_string(path).expect("the schema");
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn sarif_is_valid_and_names_every_code() {
    let schema = sarif_schema();
    let cases = cases();
    let files: Vec<_> = cases.iter().map(|(_, d, s)| (d.as_slice(), s)).collect();
    let log: Value = serde_json::from_str(&to_sarif(&files)).expect("JSON");
    let wrong = schema::validate(&schema, &log);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let run = &log["runs"][0];
    let results = run["results"].as_array().expect("results");
    let said: usize = cases.iter().map(|c| c.1.len()).sum();
    assert_eq!(results.len(), said);
    for r in results {
        let index = r["ruleIndex"].as_u64().expect("an index") as usize;
        assert_eq!(run["tool"]["driver"]["rules"][index]["id"], r["ruleId"]);
        let uri = &r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
        assert!(uri.as_str().is_some_and(|u| u.starts_with("some%20folder/")), "{uri}");
    }
    // The validator does find what is wrong.
    let mut broken = log.clone();
    broken["runs"][0]["results"][0]["level"] = json!("fatal");
    broken["version"] = json!(2);
    broken["runs"][0]["results"][1]["locations"][0]["physicalLocation"]["region"]["startLine"] =
        json!(0);
    assert_eq!(schema::validate(&schema, &broken).len(), 3);
    // No file at all is a run without a finding.
    let empty: Value = serde_json::from_str(&to_sarif(&[])).expect("JSON");
    assert_eq!(schema::validate(&schema, &empty), Vec::<String>::new());
}

#[test]
fn fingerprints_do_not_follow_lines() {
    let catalog = common::test_types();
    let text = std::fs::read_to_string(common::data().join("E0405.hm")).expect("a case");
    let prints = |text: &str| {
        let (sources, file) = SourceMap::single("x.hm", text);
        let d = check(&sources, file, &catalog, &Overrides::default()).diagnostics;
        let log: Value = serde_json::from_str(&to_sarif(&[(&d, &sources)])).expect("JSON");
        log["runs"][0]["results"][0]["partialFingerprints"].clone()
    };
    let moved = text.replace("machine", "// moved\n\nmachine");
    assert_ne!(text, moved);
    assert_eq!(prints(&text), prints(&moved));
    assert!(prints(&text).is_object());
}

#[test]
fn junit_is_well_formed_and_counts() {
    let cases = cases();
    let files: Vec<_> = cases.iter().map(|(n, d, s)| (n.as_str(), d.as_slice(), s)).collect();
    let xml = to_junit(&files);
    let mut open: Vec<&str> = Vec::new();
    for tag in xml.split('<').skip(2).filter_map(|t| t.split_once('>')).map(|(tag, _)| tag) {
        match tag.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name)),
            None if tag.ends_with('/') => {}
            None => open.push(tag.split(' ').next().unwrap_or("")),
        }
        assert!(tag.matches('"').count().is_multiple_of(2), "{tag}");
    }
    assert!(open.is_empty());
    let failures = xml.matches("<failure ").count();
    assert!(xml.contains(&format!("failures=\"{failures}\">")), "{failures}");
    assert!(failures > 60 && xml.contains("-&gt;") && !xml.contains("->"));
}

#[test]
fn annotations_are_one_line_each() {
    for (name, diags, sources) in cases() {
        let text = to_github(&diags, &sources);
        assert_eq!(text.lines().count(), diags.len(), "{name}");
        assert_eq!(to_json(&diags, &sources).lines().count(), diags.len(), "{name}");
        for line in text.lines() {
            let place = "file=some folder/";
            assert!(line.starts_with("::") && line.contains(place), "{line}");
        }
    }
}
