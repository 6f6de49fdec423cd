//! One `jira_config` as keys of `[[jira_issues]]`.
//!
//! Must name every key that it does not carry over, with the reason, and must repeat no value that may be a secret.

use serde_json::{Map, Value};
use url::Url;

use super::credentials;
use super::table::{Entry, Table};
use super::toml::{inline, name, quote, quote_all};
use crate::config::{nearest, parse_duration};
use crate::destinations::issues::content::labels::parse_label;

/// Every key of Alertmanager's `jira_config`.
const KNOWN: [&str; 17] = [
    "send_resolved",
    "http_config",
    "api_url",
    "api_type",
    "project",
    "summary",
    "description",
    "labels",
    "priority",
    "issue_type",
    "reopen_transition",
    "resolve_transition",
    "wont_fix_resolution",
    "reopen_duration",
    "fields",
    // jiralert's own.
    "components",
    "add_group_labels",
];

/// Fields that the bridge writes itself.
const OWN_FIELDS: [&str; 8] =
    ["project", "issuetype", "summary", "description", "labels", "priority", "components", "status"];

const LEVELS: [&str; 5] = ["P1", "P2", "P3", "P4", "P5"];

/// What Alertmanager's default template chooses: critical, warning and info are P1, P3 and P5 here.
const DEFAULT_PRIORITIES: [(&str, &str); 3] = [("P1", "High"), ("P3", "Medium"), ("P5", "Low")];

const NO_TEMPLATES: &str = "it is a template, and the bridge has none";

/// What a key holds.
enum Given {
    Nothing,
    Text(String),
    Template,
}

/// `global` is the section of this name.
pub(super) fn translate(config: &Map<String, Value>, global: &Map<String, Value>) -> Table {
    let mut table = Table::default();
    let address = config.get("api_url").or_else(|| global.get("jira_api_url")).and_then(Value::as_str);
    translate_address(address, &mut table);
    translate_place(config, &mut table);
    let http = config.get("http_config").or_else(|| global.get("http_config"));
    credentials::translate(http.and_then(Value::as_object), &mut table);
    translate_texts(config, &mut table);
    translate_labels(config, &mut table);
    translate_reopening(config, &mut table);
    translate_priority(config, &mut table);
    translate_transitions(config, &mut table);
    translate_fields(config, &mut table);
    translate_others(config, &mut table);
    table
}

fn find(config: &Map<String, Value>, key: &str) -> Given {
    let text = match config.get(key) {
        Some(Value::String(text)) => text.trim().to_owned(),
        Some(value @ (Value::Number(_) | Value::Bool(_))) => value.to_string(),
        _ => return Given::Nothing,
    };
    match text {
        text if text.contains("{{") => Given::Template,
        text if text.is_empty() => Given::Nothing,
        text => Given::Text(text),
    }
}

/// `site`, and for the gateway `host` and `cloud_id`.
fn translate_address(address: Option<&str>, table: &mut Table) {
    let url = address.and_then(|text| Url::parse(text).ok());
    let ask = "the address of your Jira Cloud site";
    let placeholder = || quote("https://example.atlassian.net");
    let Some((url, host)) = url.as_ref().and_then(|url| Some((url, url.host_str()?))) else {
        table.ask("site", placeholder(), ask);
        if address.is_some() {
            table.note("api_url", "it is not an address");
        }
        return;
    };
    if host == "api.atlassian.com" {
        table.ask("site", placeholder(), ask);
        table.set("host", quote("gateway"));
        let mut parts = url.path_segments().into_iter().flatten().skip_while(|part| *part != "jira");
        if let Some(id) = parts.nth(1).filter(|id| id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'))
        {
            table.set("cloud_id", quote(id));
        }
        return;
    }
    if url.scheme() != "https" {
        table.note("api_url", "the bridge sends the token over https only");
    }
    if !host.ends_with(".atlassian.net") {
        let why =
            "the host is not below atlassian.net: the bridge writes to Jira Cloud, not to Jira Data Center";
        table.note("api_url", why);
    }
    table.set("site", quote(&format!("https://{host}")));
}

/// `project` and `issue_type`.
fn translate_place(config: &Map<String, Value>, table: &mut Table) {
    match find(config, "project") {
        Given::Text(key) => {
            let upper = key.to_uppercase();
            if upper != key {
                table.note("project", "Jira's keys of projects are written in capitals");
            }
            table.set("project", quote(&upper));
        }
        given => {
            table.ask("project", quote("OPS"), "the key of the project");
            if matches!(given, Given::Template) {
                let why = format!("{NO_TEMPLATES}: write one table, and one source, for each project");
                table.note("project", why);
            }
        }
    }
    match find(config, "issue_type") {
        Given::Text(name) => table.set("issue_type", quote(&name)),
        Given::Template => table.note("issue_type", format!("{NO_TEMPLATES}; left out, it is \"Task\"")),
        Given::Nothing => {}
    }
}

/// Summary and description are written by the bridge; whether they are kept up to date is carried over.
fn translate_texts(config: &Map<String, Value>, table: &mut Table) {
    let from = [
        (
            "summary",
            "the bridge writes the annotation `summary` that all alerts share, else `alertname` and group labels",
        ),
        (
            "description",
            "the bridge writes the annotation `description`, the services, the level and the labels of the group",
        ),
    ];
    let mut update = vec!["summary", "description", "priority", "components"];
    for (key, why) in from {
        let field = config.get(key);
        let is_fixed = field.and_then(|it| it.get("enable_update")).and_then(Value::as_bool) == Some(false);
        if is_fixed {
            update.retain(|it| *it != key);
        }
        if field.is_some_and(|it| it.is_string() || it.get("template").is_some()) {
            table.note(key, why);
        }
    }
    if update.len() < 4 {
        table.set("update", quote_all(update));
    }
}

fn translate_labels(config: &Map<String, Value>, table: &mut Table) {
    let mut labels: Vec<String> = Vec::new();
    for label in config.get("labels").and_then(Value::as_array).into_iter().flatten() {
        let Some(text) = label.as_str() else { continue };
        if text.contains("{{") {
            table.note(
                "labels",
                "a label is a template, and the bridge has none; the description has the alerts' labels",
            );
            continue;
        }
        let fixed: String = text.split_whitespace().collect::<Vec<_>>().join("-").to_lowercase();
        let fit = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
        let fixed: String = fixed.chars().map(fit).collect();
        match parse_label(&fixed) {
            Ok(label) if !labels.contains(&label) => {
                if label != text {
                    table.note("labels", format!("{text:?} is written {label:?}"));
                }
                labels.push(label);
            }
            Ok(_) => {}
            Err(why) => table.note("labels", why),
        }
    }
    if !labels.is_empty() {
        table.set("labels", quote_all(labels.iter().map(String::as_str)));
    }
}

/// `reopen_within`.
fn translate_reopening(config: &Map<String, Value>, table: &mut Table) {
    match find(config, "reopen_duration") {
        Given::Text(text) => match parse_duration(&text) {
            Ok(window) if window.is_zero() => {}
            Ok(_) => table.set("reopen_within", quote(&text)),
            Err(_) => table.note("reopen_duration", "it is not a length of time"),
        },
        Given::Template => table.note("reopen_duration", NO_TEMPLATES),
        Given::Nothing => {}
    }
    if config.contains_key("wont_fix_resolution") {
        let why = "a work item that people resolved is reopened only if its own incident is; a new episode of an alert \
                   is a new incident with a work item of its own";
        table.note("wont_fix_resolution", why);
    }
}

fn translate_priority(config: &Map<String, Value>, table: &mut Table) {
    let entry = |(level, name): (&str, &str)| Entry::new(level, quote(name));
    let default = || DEFAULT_PRIORITIES.into_iter().map(entry).collect::<Vec<_>>();
    match find(config, "priority") {
        Given::Text(name) => {
            table.set_in("priority", LEVELS.into_iter().map(|level| entry((level, &name))).collect());
        }
        Given::Nothing if config.get("priority").is_none() => table.set_in("priority", default()),
        Given::Nothing => {}
        Given::Template => {
            let is_default = config
                .get("priority")
                .and_then(Value::as_str)
                .is_some_and(|it| it.contains("jira.default.priority"));
            if is_default {
                return table.set_in("priority", default());
            }
            let why = format!(
                "{NO_TEMPLATES}: write a table [jira_issues.priority] with P1 to P5; the label `severity` decides the \
                 level (critical P1, error P2, warning P3, minor P4, info P5), and [sources.severity] changes that"
            );
            table.note("priority", why);
        }
    }
}

fn translate_transitions(config: &Map<String, Value>, table: &mut Table) {
    let mut entries = Vec::new();
    let is_told = config.get("send_resolved").and_then(Value::as_bool) != Some(false);
    match find(config, "resolve_transition") {
        Given::Text(name) if is_told => entries.push(Entry::new("resolved", quote(&name))),
        Given::Template => table.note("resolve_transition", NO_TEMPLATES),
        _ => {
            entries.push(Entry::new("resolved", quote("off")));
            let key = if is_told { "resolve_transition" } else { "send_resolved" };
            let why =
                "work items stay open, as they do now; remove `resolved = \"off\"` to have them resolved";
            table.note(key, why);
        }
    }
    match find(config, "reopen_transition") {
        Given::Text(name) => entries.push(Entry::new("reopened", quote(&name))),
        Given::Template => table.note("reopen_transition", NO_TEMPLATES),
        Given::Nothing => {}
    }
    table.set_in("transitions", entries);
}

fn translate_fields(config: &Map<String, Value>, table: &mut Table) {
    let mut entries = Vec::new();
    for (field, value) in config.get("fields").and_then(Value::as_object).into_iter().flatten() {
        let key = format!("fields.{field}");
        if OWN_FIELDS.iter().any(|own| field.eq_ignore_ascii_case(own)) {
            table.note(&key, "the bridge writes this field itself: components follow the tool's, by name");
        } else if value.to_string().contains("{{") {
            table.note(&key, NO_TEMPLATES);
        } else {
            match inline(value) {
                Some(value) => entries.push(Entry::new(&name(field), value)),
                None => table.note(&key, "it is empty"),
            }
        }
    }
    if !entries.is_empty() {
        table.note("fields", "they are sent when a work item is made, and not again: people may change them");
    }
    table.set_in("fields", entries);
}

fn translate_others(config: &Map<String, Value>, table: &mut Table) {
    match config.get("api_type").and_then(Value::as_str) {
        None | Some("auto" | "cloud") => {}
        Some("datacenter") => {
            table.note(
                "api_type",
                "the bridge writes to Jira Cloud; this table will not work with Jira Data Center",
            );
        }
        Some(_) => table.note("api_type", "Alertmanager knows auto, cloud and datacenter"),
    }
    if config.contains_key("components") {
        table.note(
            "components",
            "components follow the alerts: the label `service`, matched by name with the project's",
        );
    }
    if config.get("add_group_labels").and_then(Value::as_bool) == Some(true) {
        table.note(
            "add_group_labels",
            "the description has the labels of the group; Jira's labels are for people",
        );
    }
    for key in config.keys().filter(|key| !KNOWN.contains(&key.as_str())) {
        let hint = nearest(key, &KNOWN).map(|near| format!("; did you mean {near:?}?")).unwrap_or_default();
        table.note(key, format!("there is no such key{hint}"));
    }
}
