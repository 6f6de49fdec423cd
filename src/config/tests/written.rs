//! What an operator may write: paths, sizes, intervals; and what a mistake costs.

use super::{MINIMAL, file, load_text, problems};
use crate::config::{Draft, Environment, TypeKeys, load, show};

const SOURCE: &str = "\n[[sources]]\nid = \"pd\"\ntype = \"pagerduty\"\n";

#[test]
fn every_path_in_a_file_is_relative_to_that_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    std::fs::create_dir(path("etc")).unwrap();
    let key = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
    for (name, content) in
        [("etc/vault.key", key), ("etc/pd.token", "t"), ("etc/pd.secrets", "a\nb"), ("proxy", "http://p:1")]
    {
        std::fs::write(path(name), content).unwrap();
    }
    let text = "server.base_url = \"https://bridge.example.com\"\nvault.key_file = \"vault.key\"\nconnect.sites = [\"a.example\"]\n\
                http.proxy_file = \"../proxy\"\nhttp.ca_file = \"ca.pem\"\nstore.url = \"sqlite://data/bridge.db?mode=rwc\"\n";
    let text =
        format!("{text}{SOURCE}api_token_file = \"pd.token\"\nwebhook_secrets_file = \"./pd.secrets\"");
    std::fs::write(path("etc/bridge.toml"), text).unwrap();
    let config = load(&[path("etc/bridge.toml").into()], &Environment::default()).unwrap().config;
    assert_eq!(config.http.ca_file, Some(path("etc/ca.pem")));
    let told = |secret: &secrecy::SecretString| secrecy::ExposeSecret::expose_secret(secret).to_owned();
    assert_eq!(told(&config.store.url), format!("sqlite://{}?mode=rwc", path("etc/data/bridge.db")));
    assert_eq!(config.http.proxy.as_ref().map(told).as_deref(), Some("http://p:1"));
    assert_eq!((config.sources[0].webhook_secrets.len(), config.sources[0].api_token.is_some()), (2, true));
}

#[test]
fn absolute_paths_other_databases_and_variables_stay_as_they_are() {
    for url in ["sqlite:///var/lib/bridge.db", "sqlite://:memory:", "postgres://db/bridge"] {
        let config = load_text(&format!("{MINIMAL}store.url = \"{url}\"")).unwrap();
        assert_eq!(secrecy::ExposeSecret::expose_secret(&config.store.url), url);
    }
    let (_folder, path) = file("bridge.toml", MINIMAL);
    let variables = [("BRIDGE__HTTP__CA_FILE", "ca.pem"), ("BRIDGE__STORE__URL", "sqlite://bridge.db")];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let config = load(&[path], &Environment(variables.into())).unwrap().config;
    assert_eq!(config.http.ca_file.as_deref(), Some("ca.pem"));
    assert_eq!(secrecy::ExposeSecret::expose_secret(&config.store.url), "sqlite://bridge.db");
}

#[test]
fn a_folder_with_odd_characters_is_no_part_of_the_address() {
    let folder = tempfile::tempdir().unwrap();
    let odd = folder.path().join("50% ?x");
    std::fs::create_dir(&odd).unwrap();
    std::fs::write(odd.join("bridge.toml"), format!("{MINIMAL}store.url = \"sqlite://b.db\"")).unwrap();
    let config = load(&[odd.join("bridge.toml")], &Environment::default()).unwrap().config;
    assert_eq!(crate::store::Store::find_missing(&config.store.url), Some(odd.join("b.db")));
}

#[test]
fn a_source_is_polled_at_an_interval_or_by_a_cron_expression() {
    use crate::config::Recurrence;
    use std::time::Duration;

    let polls = |line: &str| load_text(&format!("{MINIMAL}{SOURCE}{line}")).map(|it| it.sources[0].polls());
    assert_eq!(polls(""), Ok(Recurrence::Every(Duration::from_mins(5))));
    assert_eq!(polls("poll_interval = \"7m\""), Ok(Recurrence::Every(Duration::from_mins(7))));
    assert_eq!(polls("poll = \"0 */5 * * * *\""), Ok(Recurrence::Cron("0 */5 * * * *".to_owned())));
    let both = polls("poll = \"0 */5 * * * *\"\npoll_interval = \"5m\"").unwrap_err();
    assert!(both.problems[0].contains("source \"pd\": poll: is given beside poll_interval"), "{both}");
    for wrong in ["0s", "8d", "5"] {
        let told = polls(&format!("poll_interval = \"{wrong}\"")).unwrap_err();
        assert!(told.problems[0].starts_with("source \"pd\": poll_interval: "), "{told}");
    }
}

#[test]
fn sizes_are_numbers_of_bytes_or_texts_with_a_unit() {
    let body =
        |value: &str| load_text(&format!("{MINIMAL}server.max_body = {value}")).map(|it| it.server.max_body);
    assert_eq!(body("2048"), Ok(2048));
    for (text, bytes) in [("\"1MiB\"", 1 << 20), ("\"64 KiB\"", 1 << 16), ("\"4096\"", 4096)] {
        assert_eq!(body(text), Ok(bytes), "{text}");
    }
    for wrong in ["\"1MB\"", "\"MiB\"", "\"1GiB\"", "\"-1\"", "1.5", "\"99999999999999999999GiB\"", "true"] {
        assert!(body(wrong).is_err_and(|told| told.problems[0].contains("\"1MiB\"")), "{wrong}");
    }
}

#[test]
fn a_mistake_in_one_source_hides_none_in_another_and_each_is_named_by_its_id() {
    let told = problems(&format!(
        "{MINIMAL}{SOURCE}backfill = \"soon\"\n[[sources]]\nid = \"am\"\npoll = \"daily\"\n[[sources]]\ntype = \"generic\""
    ));
    for part in [
        "source \"pd\": backfill: \"soon\"",
        "source \"am\": type: is missing",
        "source \"am\": poll: \"daily\"",
        "sources[2].id: is missing",
    ] {
        assert!(told.contains(part), "{part} in {told}");
    }
}

#[test]
fn a_file_that_is_no_toml_is_named_with_the_place_and_without_the_line() {
    let told = problems("[vault]\nkey = \"hunter2\nother = 1");
    assert!(told.contains("line 2") && told.contains("bridge.toml") && !told.contains("hunter2"), "{told}");
}

#[test]
fn without_any_file_the_first_sentence_says_how_to_name_one() {
    let told = load(&[], &Environment::default()).unwrap_err().problems;
    for way in ["--config FILE", "BRIDGE_CONFIG", "/etc/incident-bridge/bridge.toml"] {
        assert!(told[0].contains(way), "{told:?}");
    }
    assert!(told.len() > 1, "{told:?}");
}

#[test]
fn the_value_of_what_is_no_key_is_never_shown() {
    let text = format!(
        "{MINIMAL}\n[valt]\nkey = \"hunter1\"\n[server]\ntoken = \"hunter2\"\nlisten = {{ key = \"hunter3\" }}\n{SOURCE}\
         webhook_secret = \"hunter4\"\nurgency_severity = true\n[sources.status]\nopen = \"resolved\"\napi_token = \"hunter9\"\n\
         vault = {{ key = \"hunter0\" }}\n[sources.vault]\nkey = \"hunter5\"\n[sources.filter]\nkey = \"hunter6\"\n\
         [[sources]]\ntype = \"pagerdutty\"\nurgency_severity = \"hunter7\"\n[[destinations]]\nid = \"o\"\ntype = \"t\"\npassword = \"hunter8\""
    );
    let (_folder, path) = file("bridge.toml", &text.replace("server.base_url", "# server.base_url"));
    let draft = Draft::read(&[path], &Environment::default());
    let keys = ["urgency_severity", "filter"];
    let types = [TypeKeys { list: "sources", name: "pagerduty", keys: &keys, page: String::new() }];
    let shown = show(&draft, &types, false);
    let told = format!("{shown:?} {:?}", draft.clone().finish(Vec::new()).unwrap_err());
    assert!(!told.contains("hunter"), "{told}");
    let find = |key: &str| shown.iter().find(|row| row.key == key).map(|row| row.value.as_str());
    for key in [
        "valt.key",
        "server.token",
        "sources.0.webhook_secret",
        "sources.0.vault.key",
        "sources.0.status.api_token",
        "sources.0.status.vault.key",
        "destinations.0.password",
    ] {
        assert_eq!(find(key), Some("(hidden: not a key)"), "{key}");
    }
    assert_eq!(find("sources.0.urgency_severity"), Some("true"));
    assert_eq!(find("sources.0.status.open"), Some("resolved"));
    let accepted = show(&draft, &types, true);
    assert!(accepted.iter().any(|row| row.key == "sources.0.filter.key" && row.value == "hunter6"));
}
