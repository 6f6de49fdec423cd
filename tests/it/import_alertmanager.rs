//! `import-alertmanager` as an operator runs it: what it prints is accepted as a configuration once it is filled in.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::harness::place::{Said, command, command_in};

const KEY: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/import-alertmanager").join(name)
}

async fn import(name: &str, more: &[&str]) -> Said {
    let file = fixture(name).display().to_string();
    let jiralert: &[&str] = if name.contains("jiralert") { &["--jiralert"] } else { &[] };
    command(&[&["import-alertmanager", &file], jiralert, more].concat(), None).await
}

/// Writes the files that a configuration names, and the rest of it.
fn fill_in(printed: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("writable");
        std::fs::write(path, text).expect("the folder is writable");
    };
    let mut text = format!(
        "[server]\nbase_url = \"https://bridge.example.com\"\n[vault]\nkey = \"{KEY}\"\n[store]\nurl = \"sqlite://bridge.db\"\n"
    );
    for line in printed.lines() {
        let line = line.replace("= \"/", "= \"");
        if let Some((key, value)) = line.split_once(" = \"").filter(|(key, _)| key.ends_with("_file")) {
            assert!(!key.is_empty());
            write(value.split('"').next().expect("a path"), "a-secret-that-nobody-can-guess");
        }
        text.push_str(&line);
        text.push('\n');
    }
    write("bridge.toml", &text);
    folder
}

#[tokio::test]
async fn what_is_printed_is_a_configuration_once_it_is_filled_in() {
    for (name, destinations) in [("one-receiver.yml", 1), ("everything.yml", 3), ("jiralert.yml", 2)] {
        let said = import(name, &[]).await;
        assert_eq!(said.code, Some(0), "{said:?}");
        let folder = fill_in(&said.out);
        let checked = command(&["config", "check", "--json"], Some(&folder.path().join("bridge.toml"))).await;
        assert_eq!(checked.code, Some(0), "{name}: {checked:?}");
        let checked: Value = serde_json::from_str(&checked.out).expect("it prints JSON");
        assert_eq!(checked["destinations"].as_array().map(Vec::len), Some(destinations), "{checked}");
    }
}

#[tokio::test]
async fn programs_get_the_same_with_what_is_missing() {
    let said = import("everything.yml", &["--json"]).await;
    let told: Value = serde_json::from_str(&said.out).expect("it prints JSON");
    assert_eq!(
        told["configuration"].as_str().map(str::trim_end),
        Some(import("everything.yml", &[]).await.out.trim_end())
    );
    let first = &told["receivers"][0];
    assert_eq!((&first["name"], &first["source"]), (&"Team A (on call)".into(), &"am-team-a-on-call".into()));
    let keys: Vec<&str> = first["not_carried_over"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|it| it["key"].as_str())
        .collect();
    assert!(keys.contains(&"wont_fix_resolution") && keys.contains(&"http_config.authorization"), "{keys:?}");
    assert!(first["fill_in"].as_array().expect("a list").contains(&"email".into()));
}

#[tokio::test]
async fn standard_input_is_read_and_what_cannot_be_moved_is_refused() {
    let script = format!(
        "{} import-alertmanager - < {}",
        crate::harness::place::PROGRAM,
        fixture("one-receiver.yml").display()
    );
    let mut shell = tokio::process::Command::new("/bin/sh");
    let ended = shell.args(["-c", &script]).output().await.expect("the shell starts");
    assert!(String::from_utf8_lossy(&ended.stdout).contains("[[jira_issues]]"), "{ended:?}");
    let none = command(&["import-alertmanager", "-"], None).await;
    assert_eq!((none.code, none.err.trim()), (Some(2), "error: standard input: the file is empty"));
    let missing = command(&["import-alertmanager", "/no/such/file"], None).await;
    assert_eq!(missing.code, Some(1));
    assert!(missing.err.contains("/no/such/file cannot be read"), "{missing:?}");
    let wrong = fixture("jiralert.yml");
    let arguments = ["import-alertmanager".as_ref(), wrong.as_os_str()];
    let wrong = command_in(Path::new("."), &arguments, &[]).await;
    assert_eq!(wrong.code, Some(2));
    assert!(wrong.err.contains("add --jiralert"), "{wrong:?}");
}
