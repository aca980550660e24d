//! The captures of `corpus/inspect`: what must come out of each does. Their README explains the keys.

mod support;

use serde_json::Value;
use support::{Ran, run};

/// Cases that do not come out right yet.
const MISSING: &[&str] = &[];

#[test]
fn every_case_comes_out_right() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../corpus/inspect");
    let cases = std::fs::read_to_string(format!("{folder}/cases.json")).expect("the cases");
    let cases: Vec<Value> = serde_json::from_str(&cases).expect("JSON");
    assert!(cases.len() >= 19);
    let (mut wrong, mut missing) = (Vec::new(), Vec::new());
    for case in &cases {
        let name = case["name"].as_str().expect("a name");
        let file = format!("{folder}/{}", case["file"].as_str().expect("a file"));
        let args = case["args"].as_array().expect("arguments").iter().filter_map(Value::as_str);
        let args: Vec<&str> = ["--json"].into_iter().chain(args).chain([file.as_str()]).collect();
        let faults = faults(case, &run(&args));
        match (faults.is_empty(), MISSING.contains(&name)) {
            (false, false) => wrong.push(format!("{name}: {}", faults.join("; "))),
            (true, true) => wrong.push(format!("{name} comes out right, and is listed as missing")),
            (false, true) => missing.push(name),
            (true, false) => {}
        }
    }
    println!("{} of {} right", cases.len() - wrong.len() - missing.len(), cases.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(missing.len(), MISSING.len(), "cases that are listed as missing, and are none");
}

/// What is wrong with what came out.
fn faults(case: &Value, ran: &Ran) -> Vec<String> {
    let is = |key: &str| case[key] == true;
    let mut left: Vec<Value> = ran
        .json()
        .into_iter()
        .filter(|object| object["status"] != "note" && (object.get("type").is_some() || is_no_hex(object)))
        .collect();
    if is("alt_not_hex") && !left.is_empty() && left.iter().all(is_no_hex) {
        return Vec::new();
    }
    let mut faults = Vec::new();
    match case["stderr_not"].as_str() {
        Some(text) if ran.err.contains(text) => faults.push(format!("says: {}", ran.err.trim())),
        _ if is("decode_optional") && left.is_empty() => return faults,
        _ => {}
    }
    for want in case["expect"].as_array().expect("packets") {
        match left.iter().position(|got| matches(want, got)) {
            Some(index) => drop(left.remove(index)),
            None => faults.push(format!("not found: {want}")),
        }
    }
    if !is("at_least") {
        faults.extend(left.iter().map(|got| format!("too much: {got}")));
    }
    if case["exit"] != ran.code {
        faults.push(format!("exit code {}, not {}", ran.code, case["exit"]));
    }
    faults
}

fn is_no_hex(object: &Value) -> bool {
    object["error"]["kind"] == "NotHex"
}

fn matches(want: &Value, got: &Value) -> bool {
    let same = |key: &str| want.get(key).is_none_or(|wanted| *wanted == got[key]);
    let fields = want["fields"].as_object();
    ["type", "status", "version"].into_iter().all(same)
        && want.get("kind").is_none_or(|kind| *kind == got["error"]["kind"])
        && fields.is_none_or(|fields| fields.iter().all(|(name, value)| *value == got["fields"][name]))
}
