//! `config show`: everything that counts, and no secret.

use std::path::Path;

use super::{MINIMAL, file};
use crate::config::{Draft, Environment, ShownValue, TypeKeys, show};

fn show_text(text: &str) -> Vec<ShownValue> {
    let (_folder, path) = file("bridge.toml", text);
    show_file(&path)
}

fn show_file(path: &Path) -> Vec<ShownValue> {
    let keys =
        TypeKeys { list: "sources", name: "pagerduty", keys: &["urgency_severity"], page: String::new() };
    show(&Draft::read(&[path.to_owned()], &Environment::default()), &[keys], true)
}

fn find<'s>(shown: &'s [ShownValue], key: &str) -> (&'s str, &'s str) {
    let row = shown.iter().find(|row| row.key == key).unwrap_or_else(|| panic!("{key} is not shown"));
    (&row.value, &row.origin)
}

#[test]
fn shown_values_hide_every_secret() {
    let text = format!(
        "{MINIMAL}\nstore.url = \"postgres://me:hunter2@db/bridge\"\n[[sources]]\nid = \"pd\"\ntype = \"pagerduty\"\nwebhook_secrets = [\"hunter3\"]\napi_token = \"hunter4\""
    );
    let shown = format!("{:?}", show_text(&text));
    assert!(!shown.contains("hunter") && !shown.contains("MDEy"), "{shown}");
    assert!(shown.contains("sources.0.id"));
}

#[test]
fn the_defaults_of_a_source_are_shown_as_such() {
    let shown =
        show_text(&format!("{MINIMAL}\n[[sources]]\nid = \"pd\"\ntype = \"pagerduty\"\nbackfill = \"1d\""));
    assert_eq!(find(&shown, "sources.0.poll_interval"), ("5m", "default"));
    assert_eq!(find(&shown, "sources.0.component_tier"), ("Tier 4", "default"));
    assert_eq!(find(&shown, "sources.0.webhook_secrets"), ("[]", "default"));
    assert_eq!(find(&shown, "sources.0.sites"), ("[acme.atlassian.net]", "connect.sites"));
    let (value, origin) = find(&shown, "sources.0.backfill");
    assert!(value == "1d" && origin.ends_with("bridge.toml"), "{origin}");
}

#[test]
fn an_address_keeps_everything_but_its_password() {
    let shown = |url: &str| {
        let shown = show_text(&format!("{MINIMAL}\nstore.url = \"{url}\""));
        find(&shown, "store.url").0.to_owned()
    };
    assert_eq!(shown("sqlite:///var/lib/bridge.db"), "sqlite:///var/lib/bridge.db");
    assert_eq!(shown("sqlite://:memory:"), "sqlite://:memory:");
    assert_eq!(shown("postgres://me:hunter2@db/bridge"), "postgres://me:(secret)@db/bridge");
    assert_eq!(shown("postgres://db/bridge?password=hunter2"), "(secret)");
    assert_eq!(shown("postgres://me:hunter2@db:port/bridge"), "(secret)");
}
