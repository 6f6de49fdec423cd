//! What a key's value may be: how it is read, and how the schema describes it.
//!
//! One [`Kind`] serves the reader, the schema and `config show`, so they cannot disagree. Knows no key.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

use config::Value;
use secrecy::SecretString;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value as Json, json};
use url::Url;

use super::schedule::{CRON_PATTERN, DURATION_PATTERN, parse_cron, parse_duration};

/// Who may see a value. All but an open one can also be given by the name of a file, with the twin key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Secrecy {
    Open,
    /// An address that may carry a password.
    Password,
    Secret,
}

/// Turns what was written into what the program uses, or says what to write instead.
type Parse<T> = Box<dyn Fn(Value) -> Result<T, String>>;

/// Turns a path, or an address that holds one, into what means the same in every folder.
pub(super) type Place = fn(&Path, &str) -> String;

/// The kind of a key's value.
pub(super) struct Kind<T> {
    pub parse: Parse<T>,
    /// The default of a key that is not given, or the sentence that asks for it.
    pub absent: Box<dyn Fn() -> Result<T, String>>,
    /// Keywords of JSON Schema.
    pub schema: Json,
    pub secrecy: Secrecy,
    /// Whether the operator has to give a value: there can be no default.
    pub required: bool,
    /// Whether a file of the value has one item a line.
    by_line: bool,
    /// For a value that may be relative to the folder of the configuration file.
    pub place: Option<Place>,
}

impl<T: 'static> Kind<T> {
    fn new(schema: Json, parse: impl Fn(Value) -> Result<T, String> + 'static) -> Self {
        Self {
            parse: Box::new(parse),
            absent: Box::new(|| Err("is missing".to_owned())),
            schema,
            secrecy: Secrecy::Open,
            required: false,
            by_line: false,
            place: None,
        }
    }

    /// Optional, without a default.
    pub fn optional(self) -> Kind<Option<T>> {
        Kind { absent: Box::new(|| Ok(None)), ..self.checked(|value| Ok(Some(value))) }
    }

    /// Must be given; `what` ends the sentence that starts with the key.
    pub fn required(mut self, what: &'static str) -> Self {
        self.absent = Box::new(move || Err(what.to_owned()));
        self.required = true;
        self
    }

    /// Has to pass a check, which may also change it. The check is the last word: call it before
    /// [`Kind::optional`] and [`Kind::required`].
    pub fn checked<U: 'static>(self, check: impl Fn(T) -> Result<U, String> + 'static) -> Kind<U> {
        let parse = self.parse;
        let checked = Kind::new(self.schema, move |value| check(parse(value)?));
        Kind { secrecy: self.secrecy, by_line: self.by_line, place: self.place, ..checked }
    }

    /// May be relative to the folder of the file that names it.
    pub fn placed(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    /// Tells editors the shape of a text as a regular expression; the reader needs [`Kind::checked`].
    pub fn shaped(mut self, pattern: &str) -> Self {
        add_keyword(&mut self.schema, "pattern", pattern.into());
        self
    }

    /// The value as its own file contains it.
    pub fn of_file(&self, text: &str) -> Value {
        if self.by_line {
            let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
            return Value::new(None, lines.map(str::to_owned).collect::<Vec<_>>());
        }
        Value::new(None, text)
    }

    fn hidden(mut self, secrecy: Secrecy) -> Self {
        self.secrecy = secrecy;
        add_keyword(&mut self.schema, "writeOnly", true.into());
        self
    }
}

fn add_keyword(schema: &mut Json, name: &str, value: Json) {
    if let Json::Object(keywords) = schema {
        keywords.insert(name.to_owned(), value);
    }
}

pub(super) fn text() -> Kind<String> {
    Kind::new(json!({ "type": "string" }), read_text)
}

pub(super) fn boolean() -> Kind<bool> {
    Kind::new(json!({ "type": "boolean" }), |value| {
        value.into_bool().map_err(|_| "must be true or false".to_owned())
    })
}

pub(super) fn integer(range: RangeInclusive<u32>) -> Kind<usize> {
    let (low, high) = range.into_inner();
    let schema = json!({ "type": "integer", "minimum": low, "maximum": high });
    Kind::new(schema, move |value| {
        let number = value.into_int().ok().filter(|n| (low.into()..=high.into()).contains(n));
        let number = number.and_then(|n| usize::try_from(n).ok());
        number.ok_or_else(|| format!("must be a whole number from {low} to {high}"))
    })
}

/// A number of bytes, in the range: a plain number, or a text such as `1MiB`.
pub(super) fn bytes(range: RangeInclusive<u32>) -> Kind<usize> {
    let (low, high) = range.into_inner();
    let number = json!({ "type": "integer", "minimum": low, "maximum": high });
    let text = json!({ "type": "string", "pattern": r"^\s*[0-9]+\s*(KiB|MiB|GiB)?\s*$" });
    Kind::new(json!({ "oneOf": [number, text] }), move |value| {
        let number = read_bytes(value).filter(|n| (u64::from(low)..=high.into()).contains(n));
        let number = number.and_then(|n| usize::try_from(n).ok());
        number.ok_or_else(|| {
            format!("must be a number of bytes from {low} to {high}, or a text such as \"1MiB\"")
        })
    })
}

fn read_bytes(value: Value) -> Option<u64> {
    let text = value.into_string().ok()?;
    let text = text.trim();
    let units = [("KiB", 10), ("MiB", 20), ("GiB", 30), ("", 0)];
    let (digits, shift) = units.iter().find_map(|(unit, shift)| Some((text.strip_suffix(unit)?, *shift)))?;
    digits.trim().parse::<u64>().ok()?.checked_mul(1 << shift)
}

/// The path of a file, relative to the folder of the file that names it.
pub(super) fn path() -> Kind<String> {
    text().placed(place_path)
}

/// The path as seen from everywhere.
pub(super) fn place_path(folder: &Path, path: &str) -> String {
    folder.join(path).to_string_lossy().into_owned()
}

/// An address and port to listen on, such as `example`.
pub(super) fn address(example: &'static str) -> Kind<SocketAddr> {
    text().shaped(":[0-9]+$").checked(move |text| {
        text.parse().map_err(|_| format!("{text:?} is not an address and port such as {example}"))
    })
}

/// An address of the web.
pub(super) fn url() -> Kind<Url> {
    text().shaped("^https?://").checked(|text| match Url::parse(&text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url),
        _ => Err(format!("{text:?} is not an address such as https://bridge.example.com")),
    })
}

pub(super) fn duration() -> Kind<Duration> {
    text().shaped(DURATION_PATTERN).checked(|text| parse_duration(&text))
}

/// A cron expression, as it was written.
pub(super) fn cron() -> Kind<String> {
    text().shaped(CRON_PATTERN).checked(|text| parse_cron(&text).map(|_| text))
}

/// A list of texts; from the environment, one text with commas.
pub(super) fn list() -> Kind<Vec<String>> {
    Kind::new(json!({ "type": "array", "items": { "type": "string" } }), read_list)
}

/// One of `all`, as serde writes them.
pub(super) fn word<T: Serialize + DeserializeOwned + 'static>(all: &[T]) -> Kind<T> {
    let words = Words::of(all);
    Kind::new(words.schema(), move |value| words.read(read_text(value)?))
}

/// A table from the tool's own words, which are compared without case, to one of `all`.
pub(super) fn words_to<T: Serialize + DeserializeOwned + 'static>(all: &[T]) -> Kind<BTreeMap<String, T>> {
    let ours = Words::of(all);
    let schema = json!({ "type": "object", "additionalProperties": ours.schema() });
    Kind::new(schema, move |value| {
        let table = value.into_table().map_err(|_| "must be a table")?;
        let (mut words, mut faults) = (BTreeMap::new(), Vec::new());
        for (word, meaning) in table {
            match ours.read(meaning.into_string().unwrap_or_default()) {
                Ok(meaning) => drop(words.insert(word.trim().to_lowercase(), meaning)),
                Err(fault) => faults.push(format!("{word:?}: {fault}")),
            }
        }
        faults.sort();
        if faults.is_empty() { Ok(words) } else { Err(faults.join("; ")) }
    })
}

/// A secret; an empty text counts as not given.
pub(super) fn secret() -> Kind<SecretString> {
    text().checked(|text| Ok(SecretString::from(text))).hidden(Secrecy::Secret)
}

/// A list of secrets; the file of its twin has one a line.
pub(super) fn secrets() -> Kind<Vec<SecretString>> {
    let secrets = list().checked(|items| Ok(items.into_iter().map(SecretString::from).collect()));
    Kind { absent: Box::new(|| Ok(Vec::new())), by_line: true, ..secrets.hidden(Secrecy::Secret) }
}

/// An address that may carry a password.
pub(super) fn secret_url() -> Kind<SecretString> {
    secret().hidden(Secrecy::Password)
}

fn read_text(value: Value) -> Result<String, String> {
    value.into_string().map_err(|_| "must be a text in quotes".to_owned())
}

pub(super) fn read_list(value: Value) -> Result<Vec<String>, String> {
    if let Ok(text) = value.clone().into_string() {
        let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
        return Ok(items.map(str::to_owned).collect());
    }
    value
        .into_array()
        .and_then(|items| items.into_iter().map(Value::into_string).collect())
        .map_err(|_| "must be a list of texts such as [\"a\", \"b\"]".to_owned())
}

/// The words that a key takes. What somebody wrote instead may be a secret in the wrong place, so no message
/// repeats it.
struct Words(Vec<Json>);

impl Words {
    fn of<T: Serialize>(all: &[T]) -> Self {
        Self(all.iter().map(|word| json!(word)).collect())
    }

    fn schema(&self) -> Json {
        json!({ "enum": self.0 })
    }

    fn read<T: DeserializeOwned>(&self, word: String) -> Result<T, String> {
        serde_json::from_value(word.into()).map_err(|_| {
            let all: Vec<&str> = self.0.iter().filter_map(Json::as_str).collect();
            format!("must be one of {}", all.join(", "))
        })
    }
}
