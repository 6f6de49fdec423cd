//! The account and its token, from `http_config`.
//!
//! Must take no secret out of the file: a token is named by its file, or a person is told to write one.

use serde_json::{Map, Value};

use super::table::Table;
use super::toml::quote;

/// Where the token is looked for if the file does not say.
const TOKEN_FILE: &str = "jira.token";

const ONLY_BASIC: &str = "Jira Cloud takes API tokens with the account's e-mail address only: write that into `email`, and \
    the token into the file";

/// Keys of `http_config` other than credentials, with what becomes of them.
const OTHERS: [(&str, &str); 9] = [
    ("tls_config", "TLS is always verified; certificates of a private authority are named in `http.ca_file`"),
    ("proxy_url", "one proxy serves all requests: `http.proxy`"),
    ("no_proxy", "`http.no_proxy`"),
    ("proxy_from_environment", "the variables of proxies count while `http.proxy` is empty"),
    ("proxy_connect_header", "the bridge sends none"),
    ("http_headers", "the bridge sends no other headers"),
    ("follow_redirects", "the bridge never sends the token to another address"),
    ("enable_http2", "the bridge chooses the version itself"),
    ("oauth2", ONLY_BASIC),
];

/// Writes `email` and `api_token_file`.
pub(super) fn translate(http: Option<&Map<String, Value>>, table: &mut Table) {
    let empty = Map::new();
    let http = http.unwrap_or(&empty);
    let basic = http.get("basic_auth").and_then(Value::as_object).unwrap_or(&empty);
    translate_email(basic, table);
    translate_token(basic, table);
    for key in ["authorization", "bearer_token", "bearer_token_file"] {
        if http.contains_key(key) {
            table.note(&format!("http_config.{key}"), ONLY_BASIC);
        }
    }
    for key in http.keys().filter(|key| !is_credential(key)) {
        let known = OTHERS.iter().find(|(name, _)| name == key);
        let why = known.map_or("Alertmanager has no such key", |(_, why)| why);
        table.note(&format!("http_config.{key}"), why);
    }
}

fn is_credential(key: &str) -> bool {
    ["basic_auth", "authorization", "bearer_token", "bearer_token_file"].contains(&key)
}

fn translate_email(basic: &Map<String, Value>, table: &mut Table) {
    let ask = "the address of the account that owns the token";
    match basic.get("username").and_then(Value::as_str) {
        Some(name) if is_email(name) => table.set("email", quote(name)),
        name => {
            table.ask("email", quote("bot@example.com"), ask);
            if name.is_some() {
                table.note(
                    "http_config.basic_auth.username",
                    "it is not an e-mail address, which Jira Cloud wants",
                );
            }
        }
    }
    for key in ["username_file", "username_ref"] {
        if basic.contains_key(key) {
            table.note(
                &format!("http_config.basic_auth.{key}"),
                "the address is no secret: write it into `email`",
            );
        }
    }
}

fn translate_token(basic: &Map<String, Value>, table: &mut Table) {
    match basic.get("password_file").and_then(Value::as_str) {
        Some(path) if !path.contains("{{") => {
            table.set("api_token_file", quote(path));
            if !path.starts_with('/') {
                let why = "the path was relative to the other program's file; now it is relative to this one";
                table.note("http_config.basic_auth.password_file", why);
            }
        }
        _ => table.ask("api_token_file", quote(TOKEN_FILE), "a file with the API token and nothing else"),
    }
    if basic.contains_key("password") {
        let why = format!(
            "a secret is not printed: write it to the file {TOKEN_FILE}, or set \
             BRIDGE__JIRA_ISSUES__<ID>__API_TOKEN"
        );
        table.note("http_config.basic_auth.password", why);
    }
    if basic.contains_key("password_ref") {
        table.note("http_config.basic_auth.password_ref", "the bridge reads tokens from files and variables");
    }
}

/// As strict as the bridge's own check.
fn is_email(text: &str) -> bool {
    let is_address = text.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.'));
    is_address && !text.contains(|c: char| c.is_whitespace() || c.is_control() || c == ':')
}
