//! What a source keeps between webhooks and polls.
//!
//! Must not know any tool, nor where the facts are stored.

use std::collections::BTreeMap;

/// Small facts by key, such as the open episode of an alert group. Loaded before `parse`, stored with the
/// findings in one transaction.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Memory {
    /// As it was loaded.
    loaded: BTreeMap<String, String>,
    known: BTreeMap<String, String>,
    changed: BTreeMap<String, Option<String>>,
}

impl Memory {
    /// A memory that holds these facts, none of them changed yet.
    #[must_use]
    pub fn new(known: BTreeMap<String, String>) -> Self {
        Self { loaded: known.clone(), known, changed: BTreeMap::new() }
    }

    /// What it held before any change.
    #[must_use]
    pub fn loaded(&self) -> &BTreeMap<String, String> {
        &self.loaded
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.known.get(key).map(String::as_str)
    }

    /// All keys that start with `prefix`, with their values, in order.
    pub fn with_prefix<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.known
            .range(prefix.to_owned()..)
            .take_while(move |(key, _)| key.starts_with(prefix))
            .map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Keeps a value under a key.
    pub fn set(&mut self, key: impl Into<String>, value: impl Into<String>) {
        let (key, value) = (key.into(), value.into());
        self.known.insert(key.clone(), value.clone());
        self.changed.insert(key, Some(value));
    }

    /// Removes a key, if it is there.
    pub fn forget(&mut self, key: &str) {
        if self.known.remove(key).is_some() {
            self.changed.insert(key.to_owned(), None);
        }
    }

    /// What `set` and `forget` changed since loading: the new value, or `None` for a forgotten key.
    #[must_use]
    pub fn changes(&self) -> &BTreeMap<String, Option<String>> {
        &self.changed
    }
}
