//! Reads typed values out of one configuration table, and collects every mistake before giving up.
//!
//! A reader takes keys out of its table; what is left at the end was not understood and is reported with
//! the nearest valid name.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use config::{Map, Value};
use secrecy::SecretString;
use url::Url;

use super::schedule::{parse_cron, parse_duration};

/// One table on its way into typed values.
pub(super) struct Table<'a> {
    path: String,
    values: Map<String, Value>,
    asked: BTreeSet<&'static str>,
    problems: &'a mut Vec<String>,
}

impl<'a> Table<'a> {
    pub fn new(path: impl Into<String>, values: Map<String, Value>, problems: &'a mut Vec<String>) -> Self {
        Self { path: path.into(), values, asked: BTreeSet::new(), problems }
    }

    pub fn problem(&mut self, key: &str, what: impl Display) {
        self.problems.push(format!("{}.{key}: {what}", self.path));
    }

    pub fn has(&self, key: &str) -> bool {
        self.values.contains_key(key)
    }

    fn take(&mut self, key: &'static str) -> Option<Value> {
        self.asked.insert(key);
        self.values.remove(key)
    }

    fn or_problem<T, E: Display>(&mut self, key: &str, result: Result<T, E>) -> Option<T> {
        result.map_err(|fault| self.problem(key, fault)).ok()
    }

    pub fn text(&mut self, key: &'static str) -> Option<String> {
        let value = self.take(key)?;
        let text = value.into_string().map_err(|_| "must be a text in quotes");
        self.or_problem(key, text)
    }

    pub fn boolean(&mut self, key: &'static str) -> Option<bool> {
        let value = self.take(key)?;
        let flag = value.into_bool().map_err(|_| "must be true or false");
        self.or_problem(key, flag)
    }

    pub fn integer(&mut self, key: &'static str, range: std::ops::RangeInclusive<i64>) -> Option<usize> {
        let value = self.take(key)?;
        let (low, high) = (*range.start(), *range.end());
        let number =
            value.into_int().ok().filter(|n| range.contains(n)).and_then(|n| usize::try_from(n).ok());
        self.or_problem(key, number.ok_or(format!("must be a whole number from {low} to {high}")))
    }

    pub fn parsed<T>(&mut self, key: &'static str, expected: &str) -> Option<T>
    where
        T: FromStr,
    {
        let text = self.text(key)?;
        let parsed = text.parse().map_err(|_| format!("{text:?} is not {expected}"));
        self.or_problem(key, parsed)
    }

    pub fn url(&mut self, key: &'static str) -> Option<Url> {
        let text = self.text(key)?;
        let url = match Url::parse(&text) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url),
            _ => Err(format!("{text:?} is not an address such as https://bridge.example.com")),
        };
        self.or_problem(key, url)
    }

    pub fn duration(&mut self, key: &'static str) -> Option<Duration> {
        let text = self.text(key)?;
        self.or_problem(key, parse_duration(&text))
    }

    pub fn cron(&mut self, key: &'static str) -> Option<String> {
        let text = self.text(key)?;
        self.or_problem(key, parse_cron(&text)).map(|_| text)
    }

    /// A list of texts; from the environment, one text with commas.
    pub fn list(&mut self, key: &'static str) -> Option<Vec<String>> {
        let value = self.take(key)?;
        if let Ok(text) = value.clone().into_string() {
            return Some(
                text.split(',').map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect(),
            );
        }
        let items = value
            .into_array()
            .and_then(|items| items.into_iter().map(Value::into_string).collect::<Result<Vec<_>, _>>())
            .map_err(|_| "must be a list of texts such as [\"a\", \"b\"]");
        self.or_problem(key, items)
    }

    /// The table `key`, or an empty one.
    pub fn table(&mut self, key: &'static str) -> Map<String, Value> {
        let Some(value) = self.take(key) else { return Map::new() };
        let table = value.into_table().map_err(|_| "must be a table");
        self.or_problem(key, table).unwrap_or_default()
    }

    /// A secret given as `key` or in the file named by `file_key`, never both. An empty text counts as
    /// not given.
    pub fn secret(&mut self, key: &'static str, file_key: &'static str) -> Option<SecretString> {
        let is_default = self.values.get(key).is_some_and(|value| value.origin().is_none());
        let inline = self.text(key).filter(|text| !text.is_empty());
        let in_file = self.secret_file(key, file_key, inline.is_some() && !is_default);
        in_file.or(inline).map(SecretString::from)
    }

    /// Like [`Table::secret`] for a list; the file has one secret a line.
    pub fn secrets(&mut self, key: &'static str, file_key: &'static str) -> Vec<SecretString> {
        let inline = self.list(key).unwrap_or_default();
        let in_file = self.secret_file(key, file_key, !inline.is_empty()).unwrap_or_default();
        let lines = in_file.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty());
        inline.into_iter().chain(lines).map(SecretString::from).collect()
    }

    fn secret_file(&mut self, key: &str, file_key: &'static str, inline: bool) -> Option<String> {
        let path = PathBuf::from(self.text(file_key)?);
        if inline {
            self.problem(key, format!("is given twice, as {key} and as {file_key}; keep one"));
            return None;
        }
        let content = std::fs::read_to_string(&path)
            .map_err(|fault| format!("cannot read {}: {fault}", path.display()))
            .map(|text| text.trim().to_owned())
            .and_then(
                |text| if text.is_empty() { Err(format!("{} is empty", path.display())) } else { Ok(text) },
            );
        self.or_problem(file_key, content)
    }

    /// Everything that was not asked for, as JSON.
    pub fn rest(mut self) -> serde_json::Map<String, serde_json::Value> {
        std::mem::take(&mut self.values).into_iter().map(|(key, value)| (key, to_json(value))).collect()
    }

    /// Reports every key that nobody asked for.
    pub fn finish(mut self) {
        let unknown: Vec<String> = self.values.keys().cloned().collect();
        for key in unknown {
            let hint = nearest(&key, self.asked.iter().copied());
            self.problem(&key, format!("is not a key{hint}"));
        }
    }
}

/// `; did you mean "listen"?` for the candidate nearest to `key`, or the list of all when none is near.
pub(super) fn nearest<'c>(key: &str, candidates: impl Iterator<Item = &'c str> + Clone) -> String {
    let best = candidates
        .clone()
        .map(|name| (strsim::damerau_levenshtein(key, name), name))
        .min()
        .filter(|(distance, name)| *distance <= (name.len() / 2).max(2));
    match best {
        Some((_, name)) => format!("; did you mean {name:?}?"),
        None => format!("; the keys here are: {}", candidates.collect::<Vec<_>>().join(", ")),
    }
}

fn to_json(value: Value) -> serde_json::Value {
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
