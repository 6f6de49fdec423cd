//! One `[[jira_issues]]` table on its way to the page, with what it lacks.

use serde::Serialize;

/// A key that was not carried over as it is, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Note {
    /// As the tool's file names it.
    pub key: String,
    pub why: String,
}

/// A key of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub key: String,
    /// As TOML.
    pub value: String,
    /// What a person has to write instead of a value that is only a placeholder.
    pub fill_in: Option<String>,
}

#[derive(Debug, Default)]
pub(super) struct Table {
    pub keys: Vec<Entry>,
    /// Tables within it: name and keys.
    pub tables: Vec<(&'static str, Vec<Entry>)>,
    pub notes: Vec<Note>,
}

impl Entry {
    pub fn new(key: &str, value: String) -> Self {
        Self { key: key.to_owned(), value, fill_in: None }
    }
}

impl Table {
    pub fn set(&mut self, key: &str, value: String) {
        self.keys.push(Entry::new(key, value));
    }

    /// Writes a placeholder.
    pub fn ask(&mut self, key: &str, value: String, what: &str) {
        self.keys.push(Entry { fill_in: Some(what.to_owned()), ..Entry::new(key, value) });
    }

    pub fn set_in(&mut self, table: &'static str, entries: Vec<Entry>) {
        if !entries.is_empty() {
            self.tables.push((table, entries));
        }
    }

    pub fn note(&mut self, key: &str, why: impl Into<String>) {
        self.notes.push(Note { key: key.to_owned(), why: why.into() });
    }

    /// The value of a key that was written.
    pub fn find(&self, key: &str) -> Option<&str> {
        self.keys.iter().find(|entry| entry.key == key).map(|entry| entry.value.as_str())
    }
}
