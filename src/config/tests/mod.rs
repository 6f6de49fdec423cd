//! The configuration from the operator's side: layers, mistakes, secrets.

use std::path::PathBuf;

use secrecy::ExposeSecret;

use super::*;
use crate::domain::SourceId;

mod manual;
mod reloaded;
mod shown;
mod work_items;
mod written;

const MINIMAL: &str = r#"
server.base_url = "https://bridge.example.com/"
vault.key = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
connect.sites = ["acme.atlassian.net"]
"#;

fn file(name: &str, text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

fn load_text(text: &str) -> Result<Config, ConfigError> {
    let (_folder, path) = file("bridge.toml", text);
    load(&[path], &Environment::default()).map(|loaded| loaded.config)
}

fn problems(text: &str) -> String {
    load_text(text).unwrap_err().problems.join("\n")
}

#[test]
fn the_defaults_and_three_keys_are_enough() {
    let config = load_text(MINIMAL).unwrap();
    assert_eq!(config.server.base_url.as_str(), "https://bridge.example.com/");
    assert_eq!(config.delivery.max_batch, 1000);
    assert!(config.connect.auto_link());
    assert_eq!(config.store.database(), DatabaseKind::Sqlite);
}

#[test]
fn without_a_key_nothing_starts_and_the_message_says_how_to_make_one() {
    let why = problems("server.base_url = \"https://bridge.example.com\"");
    assert!(why.contains("vault.key: is missing") && why.contains("key generate"), "{why}");
}

#[test]
fn a_typo_is_refused_with_the_nearest_name() {
    let why = problems(&format!("{MINIMAL}\nserver.lisen = \"127.0.0.1:1\"\n[delivry]\nlinger = \"1s\""));
    assert!(why.contains("server.lisen: is not a key; did you mean \"listen\"?"), "{why}");
    assert!(why.contains("delivry: is not a section; did you mean \"delivery\"?"), "{why}");
}

#[test]
fn all_mistakes_are_told_at_once() {
    let text = format!(
        "{MINIMAL}\nsync.reconcile = \"daily\"\ndelivery.max_batch = 5000\nretention.inbox = \"long\""
    );
    let why = problems(&text);
    for part in ["sync.reconcile", "six fields", "delivery.max_batch", "from 1 to 1000", "retention.inbox"] {
        assert!(why.contains(part), "{part} in {why}");
    }
}

#[test]
fn a_public_address_over_plain_http_is_refused_but_loopback_is_not() {
    let with = |url: &str| MINIMAL.replace("https://bridge.example.com/", url);
    assert!(problems(&with("http://bridge.example.com")).contains("must be https"));
    assert!(load_text(&with("http://127.0.0.1:8080")).is_ok());
    assert!(load_text(&with("http://localhost:8080/bridge/")).is_ok());
}

#[test]
fn a_secret_given_twice_is_refused() {
    let (_folder, path) = file("secret", "from-the-file\n");
    let text = format!(
        "{MINIMAL}\n[[sources]]\nid = \"pd\"\ntype = \"pagerduty\"\napi_token = \"inline\"\napi_token_file = {path:?}"
    );
    assert!(problems(&text).contains("api_token: is given twice"), "{}", problems(&text));
}

#[test]
fn a_file_takes_the_place_of_a_default() {
    let (_folder, path) = file("url", "postgres://me@db/bridge\n");
    let config = load_text(&format!("{MINIMAL}\nstore.url_file = {path:?}")).unwrap();
    assert_eq!(config.store.database(), DatabaseKind::Postgres);
}

#[test]
fn a_secret_that_looks_like_a_number_stays_as_it_is() {
    let text = format!("{MINIMAL}\n[[sources]]\nid = \"pd\"\ntype = \"pagerduty\"");
    let (_folder, path) = file("bridge.toml", &text);
    let environment =
        Environment([("BRIDGE__SOURCES__PD__API_TOKEN".to_owned(), "007".to_owned())].into_iter().collect());
    let loaded = load(&[path], &environment).unwrap();
    assert_eq!(loaded.config.sources[0].api_token.as_ref().unwrap().expose_secret(), "007");
}

#[test]
fn two_sources_with_one_id_are_refused() {
    let table = "\n[[sources]]\nid = \"pd\"\ntype = \"pagerduty\"";
    assert!(problems(&format!("{MINIMAL}{table}{table}")).contains("already the id of another source"));
}

#[test]
fn a_source_must_name_its_sites_when_the_allow_list_has_a_glob() {
    let text = MINIMAL.replace("acme.atlassian.net", "*.atlassian.net");
    let with_source = format!("{text}\n[[sources]]\nid = \"pd\"\ntype = \"pagerduty\"");
    assert!(problems(&with_source).contains("source \"pd\": sites: is required"));
    assert!(!load_text(&text).unwrap().connect.auto_link());
}

#[test]
fn later_files_win_and_the_environment_wins_over_all() {
    let (_a, first) = file("a.toml", MINIMAL);
    let (_b, second) = file("b.toml", "delivery.max_batch = 10\nserver.listen = \"127.0.0.1:1\"");
    let environment = Environment(
        [
            ("BRIDGE__SERVER__LISTEN".to_owned(), "127.0.0.1:2".to_owned()),
            ("BRIDGE__CONNECT__SITES".to_owned(), "a.atlassian.net, b.atlassian.net".to_owned()),
        ]
        .into_iter()
        .collect(),
    );
    let files = [first, second.clone()];
    let loaded = load(&files, &environment).unwrap();
    assert_eq!(loaded.config.delivery.max_batch, 10);
    assert_eq!(loaded.config.server.listen.port(), 2);
    assert_eq!(loaded.config.connect.sites, ["a.atlassian.net", "b.atlassian.net"]);
    let origin = |key: &str| {
        show(&Draft::read(&files, &environment), &[], true)
            .into_iter()
            .find(|shown| shown.key == key)
            .unwrap()
            .origin
    };
    assert!(origin("delivery.max_batch").ends_with("b.toml"));
    assert_eq!(origin("delivery.linger"), "default");
}

#[test]
fn the_environment_reaches_a_destination_as_it_reaches_a_source() {
    let text =
        format!("{MINIMAL}\n[[destinations]]\nid = \"ops\"\ntype = \"board\"\nurl = \"https://a.example\"");
    let (_folder, path) = file("bridge.toml", &text);
    let environment = |name: &str| Environment([(name.to_owned(), "queue".to_owned())].into_iter().collect());
    let loaded = load(std::slice::from_ref(&path), &environment("BRIDGE__DESTINATIONS__OPS__TYPE")).unwrap();
    let destination = &loaded.config.destinations[0];
    assert_eq!((destination.id.as_str(), destination.type_name.as_str()), ("ops", "queue"));
    assert_eq!((&destination.sources, &destination.options["url"]), (&None, &"https://a.example".into()));
    let why = load(&[path], &environment("BRIDGE__DESTINATIONS__OSP__TYPE")).unwrap_err();
    assert!(why.problems[0].contains("there is no destination with the id \"osp\""), "{why}");
}

#[test]
fn a_destination_names_sources_that_exist_and_no_other_has_its_id() {
    let sources =
        "\n[[sources]]\nid = \"pd\"\ntype = \"pagerduty\"\n[[sources]]\nid = \"am\"\ntype = \"alertmanager\"";
    let with = |names: &str| {
        let table = format!("\n[[destinations]]\nid = \"ops\"\ntype = \"board\"\nsources = {names}");
        format!("{MINIMAL}{sources}{table}")
    };
    let named = load_text(&with("[\"am\"]")).unwrap().destinations[0].sources.clone().unwrap();
    assert_eq!(named.iter().map(SourceId::as_str).collect::<Vec<_>>(), ["am"]);
    let why = problems(&with("[\"pdd\", \"grafana-two\"]"));
    assert!(
        why.contains("destination \"ops\": sources: \"pdd\" is not the id of a source; did you mean \"pd\"?"),
        "{why}"
    );
    assert!(why.contains("\"grafana-two\" is not the id of a source; the sources are: am, pd"), "{why}");
    let twice = format!("{}\n[[destinations]]\nid = \"ops\"\ntype = \"board\"", with("[\"am\"]"));
    assert!(problems(&twice).contains("destination \"ops\": id: is already the id of another destination"));
    assert!(
        problems(&with("[]").replace("\"ops\"", "\"Ops\""))
            .contains("destination \"Ops\": id: \"Ops\" is not valid")
    );
}

#[test]
fn the_value_of_an_unknown_key_is_never_repeated() {
    let why = problems(
        &format!("{MINIMAL}\n[vault]\nkye = \"hunter2\"").replace("vault.key =", "log.level = \"info\" #"),
    );
    assert!(
        why.contains("vault.kye: is not a key; did you mean \"key\"?") && !why.contains("hunter"),
        "{why}"
    );
}

#[test]
fn without_a_proxy_of_its_own_the_environment_decides() {
    let http = load_text(MINIMAL).unwrap().http;
    assert!(http.proxy.is_none() && http.ca_file.is_none());
    let text = format!(
        "{MINIMAL}\n[http]\nproxy = \"http://user:proxy-secret@proxy.example.com:3128\"\n\
         no_proxy = [\"jira.internal\"]\nca_file = \"ca.pem\""
    );
    let (_folder, path) = file("bridge.toml", &text);
    let http = load(std::slice::from_ref(&path), &Environment::default()).unwrap().config.http;
    assert_eq!(
        http.proxy.as_ref().map(ExposeSecret::expose_secret),
        Some("http://user:proxy-secret@proxy.example.com:3128")
    );
    assert_eq!(
        (http.no_proxy, http.ca_file),
        (vec!["jira.internal".to_owned()], Some(path.with_file_name("ca.pem").display().to_string()))
    );
}

#[test]
fn the_password_of_a_proxy_is_never_shown() {
    for proxy in ["http://user:proxy-secret@proxy.example.com:3128", "user:proxy-secret@proxy.example.com"] {
        let (_folder, path) = file("bridge.toml", &format!("{MINIMAL}\nhttp.proxy = {proxy:?}"));
        let loaded = load(std::slice::from_ref(&path), &Environment::default()).unwrap();
        let shown = show(&Draft::read(&[path], &Environment::default()), &[], true);
        let told = format!("{shown:?} {:?}", loaded.config);
        assert!(!told.contains("proxy-secret"), "{told}");
    }
}

#[test]
fn a_public_address_below_one_of_our_own_paths_is_refused() {
    let with = |url: &str| MINIMAL.replace("https://bridge.example.com/", url);
    for path in
        ["jira", "jira/", "connect", "connect/x", "webhooks", "static", "docs", "atlassian-connect.json"]
    {
        let why = problems(&with(&format!("https://bridge.example.com/{path}")));
        assert!(why.contains("server.base_url") && why.contains("begins with /"), "{path}: {why}");
    }
    for path in ["bridge", "jira-bridge", "x/jira"] {
        assert!(load_text(&with(&format!("https://bridge.example.com/{path}"))).is_ok(), "{path}");
    }
}

#[test]
fn proxies_are_addresses_or_networks_and_operator_hosts_are_names() {
    let config = load_text(&format!(
        "{MINIMAL}\nserver.trusted_proxies = [\"10.0.0.0/8\", \"::1\"]\noperator.hosts = [\"Bridge.Internal\"]"
    ))
    .unwrap();
    assert_eq!(config.server.trusted_proxies.len(), 2);
    assert_eq!(config.operator.hosts, ["bridge.internal"]);
    let why = problems(&format!(
        "{MINIMAL}\nserver.trusted_proxies = [\"proxy\"]\noperator.hosts = [\"10.0.0.1\"]\nserver.request_timeout = \"0s\""
    ));
    for part in
        ["server.trusted_proxies: \"proxy\"", "operator.hosts: \"10.0.0.1\"", "server.request_timeout"]
    {
        assert!(why.contains(part), "{part} in {why}");
    }
}
