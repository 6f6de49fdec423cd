//! The ids of a tool's entities, here and, unchanged, in Jira.
//!
//! Uses only characters that need no encoding in a path, because for others the parties disagree on what
//! the query string hash covers. Must stay stable forever: a changed id is another entity to Jira.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{SourceId, storable};

/// Limit of `id` in the Operations and the DevOps Components API.
const MAX_LENGTH: usize = 255;

/// 160 bits of the hash are enough to keep ids of one source apart.
const HASH_BYTES: usize = 20;

/// Id of an incident, review, component or workspace: `{source id}:{provider id}`, at most 255 of
/// `[A-Za-z0-9._~:@=-]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EntityId(String);

impl EntityId {
    /// `{source}:{provider id}`. A provider id that does not fit, is empty or starts with the reserved `~`
    /// becomes `~` and 40 hex digits of its SHA-256.
    #[must_use]
    pub fn new(source: &SourceId, provider_id: &str) -> Self {
        let provider_id = &*storable(provider_id);
        let fits = !provider_id.is_empty()
            && !provider_id.starts_with('~')
            && source.as_str().len().saturating_add(1).saturating_add(provider_id.len()) <= MAX_LENGTH
            && provider_id.bytes().all(is_allowed);
        if fits {
            return Self(format!("{source}:{provider_id}"));
        }
        let hash = Sha256::digest(provider_id.as_bytes());
        let digits = hex::encode(hash);
        Self(format!("{source}:~{}", digits.get(..2 * HASH_BYTES).unwrap_or(&digits)))
    }

    /// An id as somebody wrote it: a row of the store, Jira, an operator. It may name nothing.
    #[must_use]
    pub fn from_text(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The tool's own id; `None` if it is replaced by its hash, or missing.
    #[must_use]
    pub fn provider_id(&self) -> Option<&str> {
        let (_, id) = self.0.split_once(':')?;
        Some(id).filter(|id| !id.is_empty() && !id.starts_with('~'))
    }

    /// The part that names the source.
    #[must_use]
    pub fn source(&self) -> &str {
        self.0.split(':').next().unwrap_or_default()
    }
}

impl fmt::Display for EntityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<EntityId> for String {
    fn from(id: EntityId) -> Self {
        id.0
    }
}

fn is_allowed(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._~:@=-".contains(&byte)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn source() -> SourceId {
        SourceId::parse("pagerduty").unwrap()
    }

    fn id(provider_id: &str) -> String {
        EntityId::new(&source(), provider_id).0
    }

    #[test]
    fn a_plain_provider_id_stays_readable() {
        assert_eq!(id("Q1ABC.2~x@y=z-1:0"), "pagerduty:Q1ABC.2~x@y=z-1:0");
    }

    #[test]
    fn the_tools_id_can_be_read_from_all_but_the_hash_form() {
        let read = |id: &str| EntityId::new(&source(), id).provider_id().map(str::to_owned);
        assert_eq!(read("monitor:1").as_deref(), Some("monitor:1"));
        assert_eq!(read("a b"), None);
        assert_eq!(EntityId::from_text("pagerduty").provider_id(), None);
    }

    #[test]
    fn the_hash_form_is_the_same_for_ever() {
        assert_eq!(id(""), "pagerduty:~e3b0c44298fc1c149afbf4c8996fb92427ae41e4");
    }

    #[test]
    fn a_provider_id_that_looks_like_a_hash_form_is_hashed_itself() {
        let hashed = id("a b");
        let imitation = hashed.strip_prefix("pagerduty:").unwrap();
        assert_ne!(id(imitation), hashed);
    }

    #[test]
    fn the_longest_id_that_fits_is_kept_and_one_more_is_hashed() {
        let room = MAX_LENGTH - "pagerduty:".len();
        assert_eq!(id(&"x".repeat(room)).len(), MAX_LENGTH);
        assert_eq!(id(&"x".repeat(room + 1)).len(), "pagerduty:~".len() + 40);
    }

    proptest! {
        #[test]
        fn every_id_matches_jiras_container_pattern(provider_id in "\\PC{0,300}|[ -~]{0,40}|[a-z~:]{0,260}") {
            let id = id(&provider_id);
            prop_assert!(id.len() <= MAX_LENGTH);
            prop_assert!(id.starts_with("pagerduty:") && id.len() > "pagerduty:".len());
            prop_assert!(id.bytes().all(is_allowed));
            prop_assert_eq!(id, EntityId::new(&source(), &provider_id).0);
        }

        #[test]
        fn different_provider_ids_have_different_ids(a in "[a-c~ ]{0,4}", b in "[a-c~ ]{0,4}") {
            prop_assert_eq!(a == b, id(&a) == id(&b));
        }
    }
}
