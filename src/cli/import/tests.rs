//! What is printed for whole files, and what is said of those that cannot be moved.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use super::document::Document;
use super::jiralert;
use super::print::Imported;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/import-alertmanager")
}

fn read(file: &str) -> String {
    std::fs::read_to_string(folder().join(file)).unwrap()
}

fn import(name: &str, text: &str) -> Result<Imported, String> {
    let document = if name == "jiralert" { jiralert::read(text) } else { Document::read(text) };
    document.map(|document| Imported::of(&document))
}

fn refusal(text: &str) -> String {
    import("", text).unwrap_err()
}

/// The page beside each file is what is printed for it, to the letter.
#[test]
fn every_file_becomes_the_page_beside_it() {
    for name in ["one-receiver", "everything", "jiralert"] {
        let imported = import(name, &read(&format!("{name}.yml"))).unwrap();
        assert_eq!(imported.configuration, read(&format!("{name}.toml")), "{name}");
    }
}

#[test]
fn no_secret_of_a_file_is_printed() {
    for name in ["one-receiver", "everything", "jiralert"] {
        let text = read(&format!("{name}.yml"));
        assert!(text.contains("hunter2"));
        let printed = serde_json::to_string(&import(name, &text).unwrap()).unwrap();
        assert!(!printed.contains("hunter2"), "{printed}");
    }
}

/// Whatever is in a key, it is carried over or named with a reason.
#[test]
fn no_key_is_passed_over_in_silence() {
    let config = "receivers: [{name: a, jira_configs: [{project: OPS, issue_type: Bug";
    let said = |more: &str| {
        let printed = import("", &format!("{config}, {more}}}]}}]")).unwrap();
        printed.configuration
    };
    for (more, part) in [
        ("wont_fix_resolution: x", "#   wont_fix_resolution: "),
        ("labels: ['{{ .x }}']", "#   labels: "),
        ("fields: {a: '{{ .x }}'}", "#   fields.a: "),
        ("fields: {a: {b: ['{{ .x }}']}}", "#   fields.a: "),
        ("api_type: datacenter", "#   api_type: "),
        ("http_config: {basic_auth: {username_file: x}}", "#   http_config.basic_auth.username_file: "),
        ("http_config: {authorization: {credentials_file: x}}", "#   http_config.authorization: "),
        ("http_config: {bearer_token_file: x}", "#   http_config.bearer_token_file: "),
        ("http_config: {oauth2: {client_id: x}}", "#   http_config.oauth2: "),
        ("http_config: {surprise: x}", "#   http_config.surprise: "),
        ("summary: '{{ .x }}'", "#   summary: "),
        ("description: x", "#   description: "),
        ("priority: '{{ .x }}'", "#   priority: "),
        ("send_resolved: false", "#   send_resolved: "),
        ("reopen_duration: soon", "#   reopen_duration: "),
        ("issue_typ: x", "#   issue_typ: there is no such key; did you mean \"issue_type\"?"),
    ] {
        let printed = said(more);
        assert!(printed.contains(part), "{more}: {part} in {printed}");
    }
}

#[test]
fn what_a_file_says_cannot_break_out_of_its_place() {
    let text = "receivers: [{name: \"a\\n[server]\\nb\", jira_configs: [{project: \"A\\\"\\n]\", issue_type: \"x\\u2028\\n# y\", \
                \"k\\n[vault]\": 1, labels: [\"b\\n[x]\"], fields: {\"a\\n]\": \"\\u0000\"}}]}]";
    let printed = import("", text).unwrap().configuration;
    let file = config::File::from_str(&printed, config::FileFormat::Toml);
    let read = config::Config::builder().add_source(file).build().unwrap();
    let tables = read.try_deserialize::<serde_json::Value>().unwrap();
    assert_eq!(tables.as_object().unwrap().len(), 2, "{printed}");
    assert_eq!(tables["jira_issues"][0]["issue_type"], "x\u{2028}\n# y");
}

#[test]
fn a_file_that_cannot_be_moved_says_why() {
    for (text, says) in [
        ("", "the file is empty"),
        ("a: [b", "this is not YAML"),
        ("- a", "not a mapping of keys"),
        ("just words", "not a mapping of keys"),
        ("route: {}", "there is no list `receivers`"),
        ("receivers: {}", "there is no list `receivers`"),
        ("receivers: [a]", "receiver 1 is not a mapping"),
        ("receivers: [{name: a, jira_configs: {}}]", "`jira_configs` of the receiver \"a\" is not a list"),
        ("receivers: [{name: a, jira_configs: [b]}]", "is not a mapping"),
        ("receivers: [{name: a, slack_configs: [{}]}]", "no receiver has `jira_configs`"),
        ("receivers: [{name: a, slack_configs: [{}]}]", "the receivers have slack_configs"),
        ("receivers: []", "the receivers have nothing"),
        ("defaults: {}\nreceivers: []", "add --jiralert"),
        ("global: 1\nreceivers: []", "`global` is not a mapping"),
    ] {
        let said = refusal(text);
        assert!(said.contains(says), "{text:?}: {said}");
    }
    let said = jiralert::read("receivers: [{name: a, jira_configs: [{}]}]").unwrap_err();
    assert!(said.contains("leave out --jiralert"), "{said}");
}

#[test]
fn a_mistake_in_the_file_is_placed_and_not_quoted() {
    let said = refusal("receivers:\n  - name: a\n   password: hunter2: x\n");
    assert!(said.contains("in line ") && !said.contains("hunter2"), "{said}");
}

/// Aliases that multiply must not fill the memory.
#[test]
fn a_file_that_grows_when_it_is_read_is_refused() {
    let mut text = "a: &a [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (name, before) in ('b'..='j').zip('a'..) {
        let aliases = vec![format!("*{before}"); 10].join(", ");
        writeln!(text, "{name}: &{name} [{aliases}]").unwrap();
    }
    assert!(refusal(&text).contains("this is not YAML"));
}

#[test]
fn anchors_and_merged_mappings_are_read() {
    let text = "x: &auth {basic_auth: {username: a@b.example, password_file: /t}}\n\
                y: &base {project: OPS, issue_type: Bug}\n\
                receivers: [{name: a, jira_configs: [{<<: *base, http_config: *auth}]}]";
    let printed = import("", text).unwrap().configuration;
    assert!(
        printed.contains("email = \"a@b.example\"") && printed.contains("project = \"OPS\""),
        "{printed}"
    );
}
