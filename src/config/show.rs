//! Prints the effective configuration: every value with its origin, secrets hidden.
//!
//! What is a secret says the table of keys, not the name of a key. What is not in the table may be a secret
//! under a misspelt name, so its value is hidden too.

use config::{Value, ValueKind};
use serde::Serialize;
use url::Url;

use super::effective::Config;
use super::kind::Secrecy;
use super::load::Draft;
use super::schema::TypeKeys;
use super::section::Part;
use super::table::is_empty;

const HIDDEN: &str = "(secret)";
const UNKNOWN: &str = "(hidden: not a key)";

/// One value of the effective configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShownValue {
    /// Dotted, for example `server.listen` or `sources.0.id`.
    pub key: String,
    /// As text; `(secret)` for secrets, `(hidden: not a key)` for what might be one.
    pub value: String,
    /// A file's path, `the environment` or `default`; `connect.sites` for sites that come from there.
    pub origin: String,
}

/// All values in the order of their keys. `types` have the keys that only one type of source has; what is in the
/// tables below such a key is shown when the type `accepts` all of them.
#[must_use]
pub fn show(draft: &Draft, types: &[TypeKeys<'_>], accepts: bool) -> Vec<ShownValue> {
    let (keys, mut shown) = (Keys { parts: Config::parts(), types, accepts }, Vec::new());
    for (name, value) in &draft.values {
        if let (Some(list), ValueKind::Array(tables)) = (keys.find_list(name), &value.kind) {
            for (n, table) in tables.iter().enumerate() {
                let own = keys.find_own(list.name, table);
                walk(&[name, &n.to_string()], table, &|path, value| keys.judge(path, value, own), &mut shown);
            }
        } else {
            walk(&[name], value, &|path, value| keys.judge(path, value, &[]), &mut shown);
        }
    }
    shown.sort_by(|a, b| a.key.cmp(&b.key));
    shown
}

/// What is known of keys.
struct Keys<'a> {
    parts: Vec<Part>,
    types: &'a [TypeKeys<'a>],
    accepts: bool,
}

impl Keys<'_> {
    fn find_list(&self, name: &str) -> Option<&Part> {
        self.parts.iter().find(|part| part.is_list && part.name == name)
    }

    /// The keys that only this table's type has.
    fn find_own(&self, list: &str, table: &Value) -> &[&str] {
        let name =
            table.clone().into_table().ok().and_then(|table| table.get("type")?.clone().into_string().ok());
        let mut types = self.types.iter();
        types.find(|it| it.list == list && Some(it.name) == name.as_deref()).map_or(&[], |it| it.keys)
    }

    /// Who may see the value at `server.listen` or `sources.0.api_token`; `None` if there is no such key.
    fn judge(&self, path: &[&str], value: &Value, own: &[&str]) -> Option<Secrecy> {
        let part = path.first().and_then(|name| self.parts.iter().find(|part| part.name == *name))?;
        let at = if part.is_list { 2 } else { 1 };
        let name = *path.get(at)?;
        if path.len() == at + 1 && part.keys.iter().any(|key| key.file_twin == Some(name)) {
            return Some(Secrecy::Open);
        }
        let is_below = path.len() > at + 1;
        match part.keys.iter().find(|key| key.name == name) {
            Some(key) => {
                // Below a key of ours are words from a list, or whatever its type takes; anything else is in the wrong
                // place.
                let is_word = path.len() == at + 2 && is_word_of(&key.schema, value);
                let is_free = self.accepts && key.schema.get("additionalProperties") == Some(&true.into());
                (!is_below || is_word || is_free).then_some(key.secrecy)
            }
            None => (own.contains(&name) && (!is_below || self.accepts)).then_some(Secrecy::Open),
        }
    }
}

fn walk(
    path: &[&str],
    value: &Value,
    judge: &dyn Fn(&[&str], &Value) -> Option<Secrecy>,
    shown: &mut Vec<ShownValue>,
) {
    let secrecy = judge(path, value);
    match &value.kind {
        ValueKind::Table(table) => {
            for (name, inner) in table {
                walk(&[path, &[name]].concat(), inner, judge, shown);
            }
        }
        ValueKind::Array(items) if secrecy != Some(Secrecy::Secret) && items.iter().any(is_table) => {
            for (n, inner) in items.iter().enumerate() {
                walk(&[path, &[&n.to_string()]].concat(), inner, judge, shown);
            }
        }
        _ => shown.push(ShownValue {
            key: path.join("."),
            value: secrecy.map_or_else(|| UNKNOWN.to_owned(), |secrecy| redact(secrecy, value)),
            origin: value.origin().unwrap_or("default").to_owned(),
        }),
    }
}

/// Whether a key with such a schema maps names to words, and this is one of its words.
fn is_word_of(schema: &serde_json::Value, value: &Value) -> bool {
    let words = schema.pointer("/additionalProperties/enum").and_then(serde_json::Value::as_array);
    let word = value.clone().into_string().unwrap_or_default();
    words.is_some_and(|words| words.iter().any(|it| *it == *word))
}

fn is_table(value: &Value) -> bool {
    matches!(value.kind, ValueKind::Table(_))
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
