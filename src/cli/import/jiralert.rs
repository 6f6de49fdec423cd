//! A configuration of jiralert, turned into what Alertmanager itself would have for it.
//!
//! Knows jiralert's keys only; what becomes of Alertmanager's is decided elsewhere.

use serde_json::{Map, Value, json};

use super::document::{Document, Receiver, read_root, take_receivers};

/// Keys with the same meaning and another name, or the same.
const RENAMED: [(&str, &str); 11] = [
    ("api_url", "api_url"),
    ("project", "project"),
    ("issue_type", "issue_type"),
    ("summary", "summary"),
    ("description", "description"),
    ("priority", "priority"),
    ("reopen_state", "reopen_transition"),
    ("reopen_duration", "reopen_duration"),
    ("wont_fix_resolution", "wont_fix_resolution"),
    ("static_labels", "labels"),
    ("fields", "fields"),
];

/// # Errors
/// As for [`Document::read`].
pub(super) fn read(text: &str) -> Result<Document, String> {
    let mut root = read_root(text)?;
    let defaults = match root.remove("defaults") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(defaults)) => defaults,
        Some(_) => return Err("`defaults` is not a mapping".to_owned()),
    };
    let receivers = take_receivers(&mut root)?;
    if receivers.is_empty() {
        return Err("the list `receivers` is empty".to_owned());
    }
    if receivers.iter().any(|receiver| receiver.contains_key("jira_configs")) {
        return Err("this is a configuration of Alertmanager; leave out --jiralert".to_owned());
    }
    let receivers = receivers.into_iter().enumerate().map(|(at, receiver)| {
        let name = receiver.get("name").and_then(Value::as_str);
        let name = name.map_or_else(|| format!("number {}", at + 1), str::to_owned);
        Receiver { name, configs: vec![translate(merge(&defaults, receiver))], others: Vec::new() }
    });
    Ok(Document { tool: "jiralert", global: Map::new(), receivers: receivers.collect(), route: None })
}

/// What a receiver does not say follows from the defaults; fields and labels are joined.
fn merge(defaults: &Map<String, Value>, receiver: Map<String, Value>) -> Map<String, Value> {
    let mut merged = defaults.clone();
    for (key, value) in receiver {
        match (merged.get_mut(&key), value) {
            (Some(Value::Object(old)), Value::Object(new)) if key == "fields" => old.extend(new),
            (Some(Value::Array(old)), Value::Array(new)) if key == "static_labels" => old.extend(new),
            (_, value) => drop(merged.insert(key, value)),
        }
    }
    merged
}

fn translate(mut receiver: Map<String, Value>) -> Map<String, Value> {
    receiver.remove("name");
    let mut config: Map<String, Value> = RENAMED
        .iter()
        .filter_map(|(theirs, ours)| Some(((*ours).to_owned(), receiver.remove(*theirs)?)))
        .collect();
    if let Some(Value::Object(mut auto)) = receiver.remove("auto_resolve")
        && let Some(state) = auto.remove("state")
    {
        config.insert("resolve_transition".to_owned(), state);
    }
    let mut basic = Map::new();
    for (theirs, ours) in [("user", "username"), ("password", "password")] {
        basic.extend(receiver.remove(theirs).map(|value| (ours.to_owned(), value)));
    }
    let mut http = Map::new();
    if !basic.is_empty() {
        http.insert("basic_auth".to_owned(), basic.into());
    }
    if let Some(token) = receiver.remove("personal_access_token") {
        http.insert("authorization".to_owned(), json!({ "credentials": token }));
    }
    if !http.is_empty() {
        config.insert("http_config".to_owned(), http.into());
    }
    // `components` and `add_group_labels`, and keys that jiralert does not have either.
    config.extend(receiver);
    config
}
