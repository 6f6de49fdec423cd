//! What the reading of a configuration brings to light besides its values.
//!
//! Holds no value: of what counts it keeps a fingerprint, which says whether something has changed.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;

use serde_json::Value;

/// The notes of one reading.
#[derive(Debug, Clone, Default)]
pub(super) struct Reading {
    /// Every mistake, one sentence each.
    pub problems: Vec<String>,
    /// Of every value that counts, with the content of a file in place of its name. Dotted keys, with a
    /// source's or destination's id: `sources.pd.api_token`.
    pub fingerprints: BTreeMap<String, u64>,
    /// The files that hold a secret.
    pub secret_files: BTreeSet<PathBuf>,
}

impl Reading {
    /// The value counts under this key.
    pub fn note(&mut self, key: String, value: &Value) {
        let mut hasher = DefaultHasher::new();
        value.to_string().hash(&mut hasher);
        self.fingerprints.insert(key, hasher.finish());
    }
}
