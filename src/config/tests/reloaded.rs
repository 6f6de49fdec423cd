//! What differs between two configurations, and what of it needs a restart.

use std::collections::BTreeSet;

use secrecy::ExposeSecret;

use super::{MINIMAL, file};
use crate::config::{Changes, Config, Environment, Loaded, load};

const SOURCE: &str = "\n[[sources]]\nid = \"pd\"\ntype = \"pagerduty\"\nwebhook_secrets = [\"a\"]\n";

fn read(text: &str) -> Loaded {
    let (_folder, path) = file("bridge.toml", text);
    load(&[path], &Environment::default()).unwrap()
}

fn changes(before: &str, after: &str) -> Changes {
    read(before).adopt(&read(after)).1
}

fn names(set: &BTreeSet<String>) -> Vec<&str> {
    set.iter().map(String::as_str).collect()
}

#[test]
fn a_change_is_named_by_its_key_and_a_source_that_comes_or_goes_by_its_id() {
    let before = format!("{MINIMAL}{SOURCE}");
    let after = format!("{MINIMAL}delivery.linger = \"1s\"\n{SOURCE}backfill = \"1d\"\ncolour = 1\n")
        .replace("[\"a\"]", "[\"b\", \"a\"]");
    let told = changes(&before, &after);
    assert_eq!(
        names(&told.changed),
        ["sources.pd.backfill", "sources.pd.colour", "sources.pd.webhook_secrets"]
    );
    assert_eq!(names(&told.needs_restart), ["delivery.linger"]);
    assert_eq!(changes(&before, &before), Changes::default());
    for (before, after) in [(MINIMAL, before.as_str()), (before.as_str(), MINIMAL)] {
        assert_eq!(names(&changes(before, after).changed), ["sources.pd"]);
    }
}

#[test]
fn new_content_of_a_secret_file_is_a_change() {
    let (_folder, secret) = file("token", "old");
    let text = format!("{MINIMAL}{SOURCE}api_token_file = {secret:?}");
    let before = read(&text);
    std::fs::write(&secret, "new").unwrap();
    let (adopted, told) = before.adopt(&read(&text));
    assert_eq!(names(&told.changed), ["sources.pd.api_token"]);
    assert_eq!(adopted.config.sources[0].api_token.as_ref().unwrap().expose_secret(), "new");
}

#[test]
fn what_needs_a_restart_is_told_again_until_there_was_one() {
    let (before, after) = (read(MINIMAL), read(&format!("{MINIMAL}server.listen = \"127.0.0.1:1\"")));
    let (adopted, _) = before.adopt(&after);
    assert_eq!(adopted.config.server.listen, before.config.server.listen);
    let again = adopted.adopt(&after).1;
    assert_eq!(names(&again.needs_restart), ["server.listen"]);
}

/// Whatever is called changed is in force, and nothing else is.
#[test]
fn everything_that_needs_no_restart_is_adopted() {
    let after = "server.base_url = \"https://other.example.com\"\nvault.key = \"MTEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=\"\n\
                 vault.previous_keys = [\"MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=\"]\nconnect.app_name = \"Other\"\n\
                 connect.sites = [\"b.example\"]\nconnect.insecure_sites = [\"127.0.0.1:1\"]\nlog.level = \"debug\"\n\
                 [[destinations]]\nid = \"ops\"\ntype = \"t\"\n";
    let (before, after) = (read(MINIMAL), read(&format!("{after}{SOURCE}")));
    let (adopted, told) = before.adopt(&after);
    let live = |config: &Config| {
        let vault = [std::slice::from_ref(&config.vault.key), config.vault.previous_keys.as_slice()].concat();
        let vault: Vec<_> = vault.iter().map(|key| key.expose_secret().to_owned()).collect();
        let lists = format!("{:?} {:?}", config.sources, config.destinations);
        (vault, config.connect.sites.clone(), config.connect.insecure_sites.clone(), lists)
    };
    assert_eq!(live(&adopted.config), live(&after.config));
    assert_eq!(
        names(&told.changed),
        [
            "connect.insecure_sites",
            "connect.sites",
            "destinations.ops",
            "sources.pd",
            "vault.key",
            "vault.previous_keys"
        ]
    );
    assert_eq!(names(&told.needs_restart), ["connect.app_name", "log.level", "server.base_url"]);
    assert_eq!(adopted.config.connect.app_name, before.config.connect.app_name);
    assert_eq!(adopted.config.server.base_url, before.config.server.base_url);
}
