//! Prints the effective configuration: every value with its origin, secrets hidden.
//!
//! What is a secret says the table of keys, not the name of a key.

use config::{Value, ValueKind};
use serde::Serialize;
use url::Url;

use super::effective::Config;
use super::kind::Secrecy;
use super::load::Loaded;
use super::section::Part;
use super::table::is_empty;

const HIDDEN: &str = "(secret)";

/// One value of the effective configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShownValue {
    /// Dotted, for example `server.listen` or `sources.0.id`.
    pub key: String,
    /// As text; `(secret)` for secrets.
    pub value: String,
    /// A file's path, `the environment` or `default`; `connect.sites` for sites that come from there.
    pub origin: String,
}

/// All values in the order of their keys.
#[must_use]
pub fn show(loaded: &Loaded) -> Vec<ShownValue> {
    let (parts, mut shown) = (Config::parts(), Vec::new());
    for (name, value) in &loaded.values {
        walk(&[name], value, &parts, &mut shown);
    }
    shown.sort_by(|a, b| a.key.cmp(&b.key));
    shown
}

fn walk(path: &[&str], value: &Value, parts: &[Part], shown: &mut Vec<ShownValue>) {
    let secrecy = find_secrecy(path, parts);
    match &value.kind {
        ValueKind::Table(table) => {
            for (name, inner) in table {
                walk(&[path, &[name]].concat(), inner, parts, shown);
            }
        }
        ValueKind::Array(items) if secrecy != Secrecy::Secret && items.iter().any(is_table) => {
            for (n, inner) in items.iter().enumerate() {
                walk(&[path, &[&n.to_string()]].concat(), inner, parts, shown);
            }
        }
        _ => shown.push(ShownValue {
            key: path.join("."),
            value: redact(secrecy, value),
            origin: value.origin().unwrap_or("default").to_owned(),
        }),
    }
}

fn is_table(value: &Value) -> bool {
    matches!(value.kind, ValueKind::Table(_))
}

/// `server.listen` or `sources.0.api_token` in the table of keys; what is not in it is a tool's own key.
fn find_secrecy(path: &[&str], parts: &[Part]) -> Secrecy {
    let part = path.first().and_then(|name| parts.iter().find(|part| part.name == *name));
    let key = part.and_then(|part| {
        let name = path.get(if part.is_list { 2 } else { 1 })?;
        part.keys.iter().find(|key| key.name == *name)
    });
    key.map_or(Secrecy::Open, |key| key.secrecy)
}

fn redact(secrecy: Secrecy, value: &Value) -> String {
    let text = plain(value);
    match secrecy {
        Secrecy::Secret if !is_empty(value) => HIDDEN.to_owned(),
        Secrecy::Password if hides_password(&text) => HIDDEN.to_owned(),
        _ => redact_password(text),
    }
}

/// Whether there may be a password elsewhere than in its usual place, where [`redact_password`] finds it.
fn hides_password(text: &str) -> bool {
    Url::parse(text).map_or_else(
        |_| text.contains('@'),
        |url| url.query_pairs().any(|(name, _)| name.to_lowercase().contains("password")),
    )
}

fn redact_password(text: String) -> String {
    match Url::parse(&text) {
        Ok(mut url) if url.password().is_some() => {
            let hidden = url.set_password(Some(HIDDEN));
            if hidden.is_ok() { url.to_string() } else { HIDDEN.to_owned() }
        }
        // An address that is written wrongly may still hold a password.
        _ if text.contains('@') => HIDDEN.to_owned(),
        _ => text,
    }
}

fn plain(value: &Value) -> String {
    match &value.kind {
        ValueKind::Array(items) => format!("[{}]", items.iter().map(plain).collect::<Vec<_>>().join(", ")),
        _ => value.clone().into_string().unwrap_or_default(),
    }
}
