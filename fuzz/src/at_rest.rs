//! The configuration and sealed secrets: any text is a configuration or a list of problems, and nothing opens
//! that was not sealed.

use std::path::PathBuf;
use std::sync::LazyLock;

use chrono::TimeDelta;
use incident_bridge::config::{Draft, Environment, Recurrence, parse_duration, show};
use incident_bridge::destinations::find_issue_keys;
use incident_bridge::domain::parse_timestamp;
use incident_bridge::http::parse_http_date;
use incident_bridge::store::Vault;
use incident_bridge::sync::Registry;
use secrecy::ExposeSecret as _;

use super::input;
use super::tools::{HTTP, now};

const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

static VAULT: LazyLock<Vault> = LazyLock::new(|| Vault::new(&KEY.into(), &[]).expect("a key"));
/// A genuine blob, for inputs to change.
static SEALED: LazyLock<Vec<u8>> = LazyLock::new(|| VAULT.seal("t", "1", &"hush".into()).expect("sealed"));
static FOLDER: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    let builder = tempfile::Builder::new();
    builder.tempdir_in("/dev/shm").or_else(|_| builder.tempdir()).expect("a temporary folder")
});

/// One byte for what is tried, then its input.
pub fn check(data: &[u8]) {
    let Some((nth, rest)) = input::choose(data, 3) else { return };
    match nth {
        0 => check_config(rest),
        1 => check_blob(rest),
        _ => check_words(rest),
    }
}

fn check_config(text: &[u8]) {
    let file: PathBuf = FOLDER.path().join("bridge.toml");
    std::fs::write(&file, text).expect("the folder is writable");
    let draft = Draft::read(&[file], &Environment::default());
    let names = ["vault.key", ".webhook_secrets", ".webhook_token", ".webhook_basic", ".api_token"];
    for value in show(&draft, &[], false) {
        let is_secret = names.iter().any(|name| value.key.ends_with(name));
        assert!(!is_secret || !value.value.contains(KEY), "a secret is shown: {value:?}");
    }
    match draft.finish(Vec::new()) {
        Ok(loaded) => {
            let config = &loaded.config;
            let (sources, base_url) = (&config.sources, &config.server.base_url);
            let _built = Registry::build(sources, &config.destinations, &HTTP, base_url, &VAULT);
            for age in [config.retention.inbox, config.retention.timeline, config.sync.removal_grace] {
                let age = TimeDelta::from_std(age).expect("a duration that time can be moved by");
                assert!(now().checked_sub_signed(age).is_some(), "a duration goes beyond the calendar");
            }
        }
        Err(fault) => assert!(!fault.to_string().is_empty()),
    }
}

/// A blob as it is, and a genuine one with these bytes mixed in.
fn check_blob(data: &[u8]) {
    assert!(VAULT.open("t", "1", data).is_err() || *data == **SEALED, "a blob opens that nobody sealed");
    let mixed: Vec<u8> = SEALED.iter().enumerate().map(|(i, b)| b ^ data.get(i).unwrap_or(&0)).collect();
    let opened = VAULT.open("t", "1", &mixed);
    let is_genuine = mixed == *SEALED;
    assert_eq!(opened.is_ok(), is_genuine, "a changed blob opens, or a genuine one does not");
    assert!(opened.is_err() || opened.is_ok_and(|it| it.expose_secret() == "hush"));
    assert!(VAULT.open("t", "2", &mixed).is_err(), "a blob of another row opens");
    let text = String::from_utf8_lossy(data);
    let _opened = VAULT.open_text("t", &text);
    let _current = VAULT.is_current(data);
}

fn check_words(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let _duration = parse_duration(&text);
    let _date = parse_http_date(&text);
    if let Some(next) = Recurrence::Cron(text.clone().into_owned()).nth_after(now(), 3) {
        assert!(next > now(), "a schedule goes back");
    }
    if let Some(time) = parse_timestamp(&text) {
        let _text = incident_bridge::domain::format_timestamp(time);
    }
    for key in find_issue_keys(&text) {
        assert!(text.contains(&key) && key.len() <= 20);
    }
}
