//! Reads typed values out of one configuration table, and collects every mistake before giving up.
//!
//! A reader takes keys out of its table; what is left at the end was not understood and is reported with
//! the nearest valid name, never with its value: that may be a secret under a misspelt key.

use std::fmt::Display;
use std::path::PathBuf;

use config::{Map, Value, ValueKind};

use super::kind::{Kind, Secrecy};
use super::nearest::hint;
use super::reading::Reading;

/// One table on its way into typed values.
pub(super) struct Table<'a> {
    sentence: String,
    place: String,
    values: Map<String, Value>,
    reading: &'a mut Reading,
}

impl<'a> Table<'a> {
    /// `sentence` and the key start the sentence about every mistake, for example `source "pd": `; `place` and
    /// the key are its dotted name, for example `sources.pd.`.
    pub fn new(sentence: &str, place: &str, values: Map<String, Value>, reading: &'a mut Reading) -> Self {
        Self { sentence: sentence.to_owned(), place: place.to_owned(), values, reading }
    }

    fn problem(&mut self, key: &str, what: impl Display) {
        self.reading.problems.push(format!("{}{key}: {what}", self.sentence));
    }

    /// The value of one key, given as `name` or in the file that `file_twin` names; `None` after a mistake,
    /// which is recorded. An empty secret counts as not given, and a file overrides a default.
    pub fn read<T: 'static>(&mut self, name: &str, file_twin: &str, kind: &Kind<T>) -> Option<T> {
        let mut value = self.values.remove(name);
        if kind.secrecy != Secrecy::Open {
            value = value.filter(|value| !is_empty(value));
            if let Some(path) = self.values.remove(file_twin) {
                if value.is_some_and(|value| value.origin().is_some()) {
                    self.problem(name, format!("is given twice, as {name} and as {file_twin}; keep one"));
                    return None;
                }
                let content = read_file(path).map(|(path, text)| {
                    self.reading.secret_files.insert(path);
                    kind.of_file(&text)
                });
                value = Some(self.or_problem(file_twin, content)?);
            }
        }
        if let Some(value) = &value {
            self.reading.note(format!("{}{name}", self.place), &to_json(value.clone()));
            let origin = value.origin().map(PathBuf::from).filter(|path| path.is_file());
            self.reading.secret_files.extend(origin.filter(|_| kind.secrecy == Secrecy::Secret));
        }
        let read = value.map_or_else(|| (kind.absent)(), |value| (kind.parse)(value));
        self.or_problem(name, read)
    }

    fn or_problem<T>(&mut self, key: &str, result: Result<T, String>) -> Option<T> {
        result.map_err(|fault| self.problem(key, fault)).ok()
    }

    /// Everything that was not read, as JSON.
    pub fn take_rest(&mut self) -> serde_json::Map<String, serde_json::Value> {
        let rest = std::mem::take(&mut self.values).into_iter();
        let note = |(key, value): (String, Value)| {
            let value = to_json(value);
            self.reading.note(format!("{}{key}", self.place), &value);
            (key, value)
        };
        rest.map(note).collect()
    }

    /// Reports every key that is not among the `known`.
    pub fn finish(mut self, known: &[&str]) {
        for key in std::mem::take(&mut self.values).into_keys() {
            self.problem(&key, format!("is not a key{}", hint(&key, known)));
        }
    }
}

fn read_file(path: Value) -> Result<(PathBuf, String), String> {
    let path = path.into_string().map(PathBuf::from).map_err(|_| "must be a text in quotes")?;
    let text = std::fs::read_to_string(&path);
    let text = text.map_err(|fault| format!("cannot read {}: {fault}", path.display()))?;
    match text.trim() {
        "" => Err(format!("{} is empty", path.display())),
        text => Ok((path.clone(), text.to_owned())),
    }
}

/// Whether nothing is in it: an empty text, list or table.
pub(super) fn is_empty(value: &Value) -> bool {
    match &value.kind {
        ValueKind::String(text) => text.is_empty(),
        ValueKind::Array(items) => items.is_empty(),
        ValueKind::Table(table) => table.is_empty(),
        _ => false,
    }
}

pub(super) fn to_json(value: Value) -> serde_json::Value {
    use config::ValueKind as K;
    match value.kind {
        K::Nil => serde_json::Value::Null,
        K::Boolean(flag) => flag.into(),
        K::I64(number) => number.into(),
        K::I128(number) => serde_json::Value::from(i64::try_from(number).ok()),
        K::U64(number) => number.into(),
        K::U128(number) => serde_json::Value::from(u64::try_from(number).ok()),
        K::Float(number) => number.into(),
        K::String(text) => text.into(),
        K::Table(table) => {
            serde_json::Value::Object(table.into_iter().map(|(k, v)| (k, to_json(v))).collect())
        }
        K::Array(items) => serde_json::Value::Array(items.into_iter().map(to_json).collect()),
    }
}
