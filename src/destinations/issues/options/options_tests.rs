//! Which tables are understood, and what is said of those that are not.

use serde_json::json;

use super::*;
use crate::destinations::issues::content::priority::LEVELS;
use crate::destinations::issues::content::workflow::Choice;

fn minimal() -> Value {
    json!({ "site": "acme", "project": "OPS", "email": "bot@acme.example", "api_token": "secret-token" })
}

fn with(more: &Value) -> Value {
    let mut table = minimal();
    for (key, value) in more.as_object().unwrap() {
        table[key] = value.clone();
    }
    table
}

fn parse(table: &Value) -> Result<Options, Vec<String>> {
    Options::parse(table.as_object().unwrap(), None)
}

fn faults(more: &Value) -> Vec<String> {
    parse(&with(more)).map(|_| ()).unwrap_err()
}

#[test]
fn four_keys_are_enough() {
    let options = parse(&minimal()).unwrap();
    assert_eq!(options.site.as_str(), "https://acme.atlassian.net/");
    assert_eq!(
        (options.project.as_str(), options.issue_type.as_str(), options.host),
        ("OPS", "Task", Host::Auto)
    );
    assert_eq!(options.api_token.expose_secret(), "secret-token");
    assert_eq!(options.transitions, Transitions::default());
    assert_eq!(options.update, default_update());
    assert!(options.identity_label && !options.create_resolved && !options.recreate);
    assert_eq!(
        (options.components, options.reviews, options.comments),
        (Components::Match, Reviews::Link, Comments::Off)
    );
    assert_eq!((options.reopen_within, options.on_delete), (None, OnDelete::Resolve));
    assert_eq!(options.writes_per_second.get(), 5);
    assert!(options.min_severity.is_none() && options.token_expires.is_none() && options.cloud_id.is_none());
}

#[test]
fn every_key_is_read() {
    let options = parse(&with(&json!({
        "issue_type": "10005", "token_expires": "2027-01-31", "host": "gateway", "cloud_id": "11223344-a1b2",
        "min_severity": "p3", "priority": { "P1": "Blocker", "p2": 3 },
        "transitions": { "acknowledged": "OFF", "resolved": "Close issue", "reopened": "auto" },
        "resolution": "Fixed", "reopen_within": "7d", "labels": ["SRE"], "identity_label": false,
        "components": "off", "reviews": "off", "comments": "status", "update": ["summary", "labels"],
        "fields": { "customfield_10010": { "value": "Blue" } }, "create_resolved": true, "recreate": true,
        "on_delete": "leave", "writes_per_second": 20,
    })))
    .unwrap();
    assert_eq!((options.issue_type.as_str(), options.host), ("10005", Host::Gateway));
    assert_eq!(options.token_expires, NaiveDate::from_ymd_opt(2027, 1, 31));
    assert_eq!(options.cloud_id.as_deref(), Some("11223344-a1b2"));
    assert_eq!(options.priority[&Severity::P1], "Blocker");
    assert_eq!(options.priority[&Severity::P2], "3");
    let named = Choice::Named("Close issue".to_owned());
    let expected = Transitions { acknowledged: Choice::Off, resolved: named, reopened: Choice::Auto };
    assert_eq!(options.transitions, expected);
    assert_eq!(options.resolution.as_deref(), Some("Fixed"));
    assert_eq!(options.reopen_within, Some(Duration::from_hours(7 * 24)));
    assert_eq!(options.labels, ["sre"]);
    assert_eq!(options.update, BTreeSet::from([Field::Summary, Field::Labels]));
    assert_eq!(options.fields["customfield_10010"]["value"], "Blue");
    assert_eq!((options.on_delete, options.writes_per_second.get()), (OnDelete::Leave, 20));
    assert!(!options.identity_label && options.create_resolved && options.recreate);
    assert_eq!(
        (options.components, options.reviews, options.comments),
        (Components::Off, Reviews::Off, Comments::Status)
    );
}

#[test]
fn all_mistakes_are_told_at_once() {
    let table = json!({
        "sit": "acme", "project": "ops", "email": "bot", "host": "cloud", "labels": ["data base", 7],
        "min_severity": "P9", "writes_per_second": 0, "recreate": "yes", "transitions": { "closed": "x" },
        "priority": { "P6": "x", "P1": [] }, "update": ["assignee"], "fields": { "Summary": "x" },
        "reopen_within": "soon", "token_expires": "31.1.2027", "cloud_id": "a/b", "resolution": " ",
        "identity_label": 1, "issue_type": {},
    });
    let faults = parse(&table).map(|_| ()).unwrap_err();
    for says in [
        "unknown key `sit`; did you mean `site`?",
        "`site` is missing; write the address",
        "`project` \"ops\" is not the key of a project",
        "; write \"OPS\"",
        "`email` \"bot\" is not an e-mail address",
        "`api_token` is missing; write the account's API token, or name its file in `api_token_file`",
        "`host` must be one of \"auto\", \"site\", \"gateway\"",
        "write \"data-base\"",
        "`labels` must be a list of texts",
        "`min_severity` \"P9\" is not a level",
        "`writes_per_second` must be a number from 1 to 100",
        "`recreate` must be true or false",
        "`transitions.closed` the keys here are acknowledged, resolved and reopened",
        "`priority.P6` \"P6\" is not a level",
        "`priority.P1` must be a text",
        "`update` \"assignee\" is not a field that can be updated",
        "`fields` \"Summary\" cannot be set here",
        "`reopen_within` \"soon\" is no time",
        "`token_expires` \"31.1.2027\" is not a date",
        "`cloud_id` \"a/b\" is not a cloud id",
        "`resolution` is blank",
        "`identity_label` must be true or false",
        "`issue_type` must be a text in quotation marks",
    ] {
        assert!(faults.iter().any(|fault| fault.contains(says)), "{says}: {faults:#?}");
    }
    assert_eq!(faults.len(), 22, "{faults:#?}");
}

#[test]
fn a_token_of_a_service_account_needs_the_gateway() {
    let account = "bot@serviceaccount.atlassian.com";
    assert!(faults(&json!({ "email": account, "host": "site" }))[0].contains("\"gateway\""));
    assert!(parse(&with(&json!({ "email": account }))).is_ok());
}

#[test]
fn a_token_may_be_handed_in_apart_and_a_blank_one_is_none() {
    let mut table = minimal();
    table.as_object_mut().unwrap().remove("api_token");
    let given = |token: &str| Options::parse(table.as_object().unwrap(), Some(SecretString::from(token)));
    assert_eq!(given(" t\n").unwrap().api_token.expose_secret(), "t");
    assert!(given(" ").is_err());
}

#[test]
fn no_token_is_ever_printed() {
    let options = parse(&minimal()).unwrap();
    assert!(!format!("{options:?}").contains("secret-token"));
    let faults = faults(&json!({ "api_token": { "x": "secret-token" } }));
    assert!(!faults.join("\n").contains("secret-token"));
}

#[test]
fn the_floor_keeps_less_severe_incidents_out_and_unknown_ones_in() {
    let enough = |floor: Value| {
        let options = parse(&with(&floor)).unwrap();
        LEVELS.into_iter().chain([Severity::Unknown]).filter(|level| options.is_severe_enough(*level)).count()
    };
    assert_eq!(enough(json!({})), 6);
    assert_eq!(enough(json!({ "min_severity": "P2" })), 3);
    assert_eq!(enough(json!({ "min_severity": "P5" })), 6);
}

/// A key that is not in both is refused, or not described.
#[test]
fn the_configuration_describes_the_same_keys() {
    let described: BTreeSet<&str> = crate::config::JiraIssuesConfig::key_names().into_iter().collect();
    let mut read: BTreeSet<&str> = NAMES.into_iter().collect();
    read.extend(["id", "sources"]);
    assert_eq!(described, read);
}

/// The page for operators has a row for each key, and no other.
#[test]
fn the_page_has_a_row_for_every_key() {
    let page = include_str!("../../../../docs/destinations/issues.md");
    let keys = page.split("\n## Keys\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows: BTreeSet<&str> =
        keys.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    let described = crate::config::JiraIssuesConfig::key_names();
    let described: BTreeSet<&str> = described.into_iter().filter(|key| *key != "api_token_file").collect();
    assert_eq!(rows, described);
}
