//! Prints the effective configuration: every value with its origin, secrets hidden.

use config::{Value, ValueKind};
use serde::Serialize;

use super::Loaded;

/// Keys whose values are secrets, wherever they stand.
const SECRET_KEYS: [&str; 6] =
    ["key", "previous_keys", "webhook_secrets", "webhook_token", "webhook_basic", "api_token"];

/// One value of the effective configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShownValue {
    /// Dotted, for example `server.listen` or `sources.0.id`.
    pub key: String,
    /// As text; `(secret)` for secrets.
    pub value: String,
    /// A file's path, `the environment` or `default`.
    pub origin: String,
}

/// All values in the order of their keys.
#[must_use]
pub fn show(loaded: &Loaded) -> Vec<ShownValue> {
    let mut shown = Vec::new();
    walk("", &loaded.values, &mut shown);
    shown.sort_by(|a, b| a.key.cmp(&b.key));
    shown
}

fn walk(key: &str, value: &Value, shown: &mut Vec<ShownValue>) {
    let child = |name: &str| if key.is_empty() { name.to_owned() } else { format!("{key}.{name}") };
    match &value.kind {
        ValueKind::Table(table) => table.iter().for_each(|(name, inner)| walk(&child(name), inner, shown)),
        ValueKind::Array(items) if !is_secret(key) && items.iter().any(is_table) => {
            items.iter().enumerate().for_each(|(n, inner)| walk(&child(&n.to_string()), inner, shown));
        }
        _ => shown.push(ShownValue {
            key: key.to_owned(),
            value: redacted(key, value),
            origin: value.origin().unwrap_or("default").to_owned(),
        }),
    }
}

fn is_table(value: &Value) -> bool {
    matches!(value.kind, ValueKind::Table(_))
}

fn is_secret(key: &str) -> bool {
    let last = key.rsplit('.').next().unwrap_or(key);
    SECRET_KEYS.contains(&last)
}

fn redacted(key: &str, value: &Value) -> String {
    if is_secret(key) {
        return "(secret)".to_owned();
    }
    let text = plain(value);
    match url::Url::parse(&text) {
        Ok(mut url) if url.password().is_some() => {
            let hidden = url.set_password(Some("(secret)"));
            if hidden.is_ok() { url.to_string() } else { "(secret)".to_owned() }
        }
        // An address that is written wrongly may still hold a password.
        _ if key == "http.proxy" && text.contains('@') => "(secret)".to_owned(),
        _ => text,
    }
}

fn plain(value: &Value) -> String {
    match &value.kind {
        ValueKind::Array(items) => format!("[{}]", items.iter().map(plain).collect::<Vec<_>>().join(", ")),
        _ => value.clone().into_string().unwrap_or_default(),
    }
}
