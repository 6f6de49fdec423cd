//! Takes values out of a table, and notes every mistake.
//!
//! Must know no key of its own.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use serde_json::{Map, Value};

use crate::config::suggestion;

/// A table on its way to typed values.
pub(super) struct Keys<'a> {
    values: &'a Map<String, Value>,
    problems: Vec<String>,
}

impl<'a> Keys<'a> {
    /// Notes at once what is none of the `known`.
    pub fn new(values: &'a Map<String, Value>, known: &[&str]) -> Self {
        let unknown = values.keys().filter(|key| !known.contains(&key.as_str()));
        let problems =
            unknown.map(|key| format!("unknown key `{key}`; {}", suggestion(key, known))).collect();
        Self { values, problems }
    }

    pub fn fault(&mut self, key: &str, what: &str) {
        self.problems.push(format!("`{key}` {what}"));
    }

    /// # Errors
    /// Every mistake.
    pub fn finish(self) -> Result<(), Vec<String>> {
        if self.problems.is_empty() { Ok(()) } else { Err(self.problems) }
    }

    /// A text that may be missing.
    pub fn read_text<T>(&mut self, key: &str, parse: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        let text = match self.values.get(key)? {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => {
                self.fault(key, "must be a text in quotation marks");
                return None;
            }
        };
        self.parsed(key, parse(&text))
    }

    /// A text that must be there; `what` says what to write.
    pub fn read_needed<T>(
        &mut self,
        key: &str,
        what: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        if !self.values.contains_key(key) {
            self.fault(key, &format!("is missing; {what}"));
        }
        self.read_text(key, parse)
    }

    /// One of several words, or the default.
    pub fn read_word<T: Copy, const N: usize>(&mut self, key: &str, words: [(&str, T); N], default: T) -> T {
        let found = self.read_text(key, |text| {
            let found = words.iter().find(|(word, _)| *word == text.trim());
            let names = words.map(|(word, _)| format!("{word:?}")).join(", ");
            found.map(|(_, value)| *value).ok_or_else(|| format!("must be one of {names}"))
        });
        found.unwrap_or(default)
    }

    pub fn read_flag(&mut self, key: &str, default: bool) -> bool {
        match self.values.get(key) {
            None => default,
            Some(Value::Bool(flag)) => *flag,
            Some(_) => {
                self.fault(key, "must be true or false");
                default
            }
        }
    }

    pub fn read_count(&mut self, key: &str, default: NonZeroU32, most: NonZeroU32) -> NonZeroU32 {
        let Some(value) = self.values.get(key) else { return default };
        let count = value.as_u64().and_then(|n| u32::try_from(n).ok()).and_then(NonZeroU32::new);
        count.filter(|count| *count <= most).unwrap_or_else(|| {
            self.fault(key, &format!("must be a number from 1 to {most}"));
            default
        })
    }

    /// Texts; a list with mistakes is told entry by entry.
    pub fn read_list<T>(&mut self, key: &str, parse: impl Fn(&str) -> Result<T, String>) -> Option<Vec<T>> {
        let Some(list) = self.values.get(key)?.as_array() else {
            self.fault(key, "must be a list of texts, such as [\"a\", \"b\"]");
            return None;
        };
        let parsed = list.iter().filter_map(|entry| match entry.as_str() {
            Some(text) => self.parsed(key, parse(text)),
            None => self.parsed(key, Err("must be a list of texts, such as [\"a\", \"b\"]".to_owned())),
        });
        Some(parsed.collect())
    }

    /// Names with texts.
    pub fn read_table<K: Ord, T>(
        &mut self,
        key: &str,
        parse: impl Fn(&str, &str) -> Result<(K, T), String>,
    ) -> BTreeMap<K, T> {
        let table = self.read_object(key);
        let entries = table.iter().filter_map(|(name, value)| {
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Number(number) => number.to_string(),
                _ => return self.parsed(&format!("{key}.{name}"), Err("must be a text".to_owned())),
            };
            self.parsed(&format!("{key}.{name}"), parse(name, &text))
        });
        entries.collect()
    }

    /// A table with any values.
    pub fn read_object(&mut self, key: &str) -> Map<String, Value> {
        match self.values.get(key) {
            None => Map::new(),
            Some(Value::Object(table)) => table.clone(),
            Some(_) => {
                self.fault(key, "must be a table");
                Map::new()
            }
        }
    }

    fn parsed<T>(&mut self, key: &str, parsed: Result<T, String>) -> Option<T> {
        parsed.map_err(|what| self.fault(key, &what)).ok()
    }
}
