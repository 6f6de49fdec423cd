//! Reads typed values out of one configuration table, and collects every mistake before giving up.
//!
//! A reader takes keys out of its table; what is left at the end was not understood and is reported with
//! the nearest valid name, never with its value: that may be a secret under a misspelt key.

use std::fmt::Display;
use std::path::PathBuf;

use config::{Map, Value, ValueKind};

use super::kind::{Kind, Secrecy};
use super::nearest::hint;

/// One table on its way into typed values.
pub(super) struct Table<'a> {
    path: String,
    values: Map<String, Value>,
    problems: &'a mut Vec<String>,
}

impl<'a> Table<'a> {
    /// `path` starts the sentence about every mistake, for example `sources[0]`.
    pub fn new(path: &str, values: Map<String, Value>, problems: &'a mut Vec<String>) -> Self {
        Self { path: path.to_owned(), values, problems }
    }

    fn problem(&mut self, key: &str, what: impl Display) {
        self.problems.push(format!("{}.{key}: {what}", self.path));
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
                let content = read_file(path).map(|text| kind.of_file(&text));
                value = Some(self.or_problem(file_twin, content)?);
            }
        }
        let read = value.map_or_else(|| (kind.absent)(), |value| (kind.parse)(value));
        self.or_problem(name, read)
    }

    fn or_problem<T>(&mut self, key: &str, result: Result<T, String>) -> Option<T> {
        result.map_err(|fault| self.problem(key, fault)).ok()
    }

    /// Everything that was not read, as JSON.
    pub fn take_rest(&mut self) -> serde_json::Map<String, serde_json::Value> {
        std::mem::take(&mut self.values).into_iter().map(|(key, value)| (key, to_json(value))).collect()
    }

    /// Reports every key that is not among the `known`.
    pub fn finish(mut self, known: &[&str]) {
        for key in std::mem::take(&mut self.values).into_keys() {
            self.problem(&key, format!("is not a key{}", hint(&key, known)));
        }
    }
}

fn read_file(path: Value) -> Result<String, String> {
    let path = path.into_string().map(PathBuf::from).map_err(|_| "must be a text in quotes")?;
    let text = std::fs::read_to_string(&path);
    let text = text.map_err(|fault| format!("cannot read {}: {fault}", path.display()))?;
    match text.trim() {
        "" => Err(format!("{} is empty", path.display())),
        text => Ok(text.to_owned()),
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
