//! `config/default.toml` against the keys, and the schema against the reader.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value as Json, json};

use super::{MINIMAL, load_text};
use crate::config::effective::Config;
use crate::config::manual::{DEFAULT_TOML, entries};
use crate::config::schedule::{CRON_PATTERN, DURATION_PATTERN};
use crate::config::{Recurrence, SourceConfig, TypeKeys, WorkspaceMode, parse_cron, parse_duration, schema};
use crate::domain::{ComponentType, SourceId, Tier};

fn make_schema() -> Json {
    let of = |name, keys| TypeKeys { list: "sources", name, keys, page: format!("docs/sources/{name}.md") };
    schema(&[of("pagerduty", &["urgency_severity"]), of("alertmanager", &["receiver"])]).unwrap()
}

fn as_json(text: &str) -> Json {
    let file = config::File::from_str(text, config::FileFormat::Toml);
    config::Config::builder().add_source(file).build().unwrap().try_deserialize().unwrap()
}

fn faults(instance: &Json) -> Vec<String> {
    let validator = jsonschema::draft202012::new(&make_schema()).unwrap();
    validator.iter_errors(instance).map(|fault| fault.to_string()).collect()
}

fn source(rest: &str) -> String {
    format!("[[sources]]\nid = \"pd\"\ntype = \"pagerduty\"\n{rest}")
}

#[test]
fn every_key_is_in_the_manual_and_the_manual_has_no_other() {
    let entries = entries();
    for entry in &entries {
        assert!(!entry.about.is_empty(), "{entry:?} has no comment");
    }
    for part in Config::parts() {
        assert!(entries.iter().any(|it| it.section == part.name && it.key.is_none()), "[{}]", part.name);
        for key in &part.keys {
            let is_there =
                entries.iter().any(|it| it.section == part.name && it.key.as_deref() == Some(key.name));
            assert!(is_there, "{}.{} is not in default.toml", part.name, key.name);
        }
    }
    for entry in entries {
        let part = Config::parts().into_iter().find(|part| part.name == entry.section);
        let keys = part.unwrap_or_else(|| panic!("{entry:?} is no section")).keys;
        let names: Vec<_> = keys.iter().flat_map(|key| [Some(key.name), key.file_twin]).flatten().collect();
        assert!(entry.key.as_deref().is_none_or(|key| names.contains(&key)), "{entry:?} is no key");
    }
}

#[test]
fn a_source_starts_from_the_defaults_of_the_manual() {
    let config = SourceConfig::new(SourceId::parse("pd").unwrap(), "pagerduty").unwrap();
    assert_eq!((config.polls(), config.poll_slowdown), (Recurrence::Every(Duration::from_mins(5)), 4));
    assert_eq!((config.backfill.as_secs(), config.workspaces), (90 * 24 * 3600, WorkspaceMode::Account));
    assert_eq!((config.component_tier, config.component_type), (Tier::Four, ComponentType::Service));
    assert!(config.options.is_empty() && config.sites.is_empty() && config.api_token.is_none());
    assert!(SourceConfig::shared_names().contains(&"webhook_secrets_file"));
}

#[test]
fn the_schema_takes_the_files_of_this_repository() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    assert_eq!(faults(&as_json(DEFAULT_TOML)), [""; 0]);
    let text = std::fs::read_to_string(root.join("config/production.example.toml")).unwrap();
    assert_eq!(faults(&as_json(&text)), [""; 0]);
}

#[test]
fn the_schema_refuses_what_the_reader_refuses() {
    for wrong in [
        "server.lisen = \"x\"",
        "delivry.linger = \"1s\"",
        "delivery.max_batch = 1001",
        "delivery.linger = \"soon\"",
        "sync.reconcile = \"*/5 * * * *\"",
        "log.format = \"xml\"",
        "server.base_url = \"bridge.example.com\"",
        "connect.app_key = \"a b\"",
        "store.url = \"mysql://a\"",
        &source("workspaces = \"team\""),
        &source("[sources.severity]\nHigh = \"P6\""),
        "[[sources]]\nid = \"PD\"\ntype = \"pagerduty\"",
        "[[jira_issues]]\nid = \"OPS\"",
    ] {
        assert!(!faults(&as_json(wrong)).is_empty(), "{wrong}");
        let problems = load_text(wrong).unwrap_err().problems;
        assert!(problems.iter().any(|problem| !problem.contains("is missing")), "{wrong}: {problems:?}");
    }
}

#[test]
fn the_schema_gives_each_type_its_own_keys_and_refuses_a_secret_twice() {
    assert_eq!(faults(&as_json(&source("urgency_severity = true\napi_token_file = \"t\""))), [""; 0]);
    for wrong in [
        source("receiver = \"a\""),
        source("colour = 1"),
        source("api_token = \"a\"\napi_token_file = \"b\""),
    ] {
        assert!(!faults(&as_json(&wrong)).is_empty(), "{wrong}");
    }
    assert!(!faults(&as_json("[[sources]]\nid = \"pd\"\ntype = \"pagerdutty\"")).is_empty());
    assert_eq!(faults(&as_json("[[jira_issues]]\nproject = \"OPS\"\nhost = \"auto\"")), [""; 0]);
    for wrong in ["colour = 1", "host = \"cloud\"", "project = \"ops\"", "recreate = \"yes\""] {
        assert!(!faults(&as_json(&format!("[[jira_issues]]\n{wrong}"))).is_empty(), "{wrong}");
    }
    assert_eq!(faults(&as_json("[[destinations]]\nid = \"ops\"\ntype = \"any\"\nown = 1")), [""; 0]);
}

#[test]
fn the_schema_says_what_the_manual_says() {
    let schema = make_schema();
    let key = |path: &str| schema.pointer(path).cloned().unwrap_or_default();
    let grace = key("/properties/server/properties/shutdown_grace");
    assert_eq!(grace["default"], "20s");
    assert_eq!(grace["description"], "Time for the batch in flight to finish after a stop signal.");
    assert_eq!(key("/properties/vault/properties/key/writeOnly"), true);
    assert_eq!(key("/properties/vault/properties/key_file/type"), "string");
    let source = key("/properties/sources/items");
    assert_eq!(source["required"], json!(["id", "type"]));
    assert_eq!(source["properties"]["type"]["enum"], json!(["pagerduty", "alertmanager"]));
    assert_eq!(source["properties"]["poll_interval"]["default"], "5m");
    assert_eq!(source["properties"]["id"]["default"], Json::Null);
    assert_eq!(source["properties"]["receiver"]["description"], "See docs/sources/alertmanager.md.");
}

#[test]
fn a_word_of_the_schema_is_a_word_of_the_reader() {
    for part in Config::parts() {
        for key in part.keys {
            let words = key.schema.get("enum").or_else(|| key.schema["additionalProperties"].get("enum"));
            let is_map = key.schema.get("additionalProperties").is_some();
            for word in words.and_then(Json::as_array).into_iter().flatten() {
                let word = if is_map { format!("{{ own = {word} }}") } else { word.to_string() };
                let text = match part.name {
                    "jira_issues" => format!("{MINIMAL}[[jira_issues]]\nid = \"ops\"\n{} = {word}", key.name),
                    "sources" => format!("{MINIMAL}{}", source(&format!("{} = {word}", key.name))),
                    section => format!("{MINIMAL}{section}.{} = {word}", key.name),
                };
                load_text(&text).unwrap();
            }
        }
    }
}

#[test]
fn the_patterns_of_the_schema_take_what_the_reader_takes() {
    let takes =
        |pattern: &str, text: &str| jsonschema::is_valid(&json!({ "pattern": pattern }), &json!(text));
    for text in
        ["20s", "50ms", "90d", "1h 30m", "2weeks", "1M", "0", "1.5h", "10 min", "soon", "30", "", "5x"]
    {
        assert_eq!(takes(DURATION_PATTERN, text), parse_duration(text).is_ok(), "{text:?}");
    }
    for text in
        ["0 */5 * * * *", "0 30 3 * * MON-FRI", "@daily", "*/5 * * * *", "soon", "", "0 0 0 1 1 1 1 1"]
    {
        assert_eq!(takes(CRON_PATTERN, text), parse_cron(text).is_ok(), "{text:?}");
    }
}
