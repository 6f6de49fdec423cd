//! What a search looks for, what it finds, and where it goes on.

use std::sync::Arc;

use memchr::memmem::Finder;
use serde::{Deserialize, Serialize};

/// A container that a search found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ContainerHit {
    pub id: String,
    pub name: String,
    pub url: String,
    pub avatar_url: String,
    pub last_updated_date: String,
}

/// Where in the ranked list a page ended.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SearchPosition {
    /// 0 for names that start with the text, 1 for names that contain it.
    pub rank: u8,
    pub name: String,
    pub id: String,
}

/// A search text, ready to be looked for.
pub(in crate::sync) struct Query<'t> {
    pub(super) text: &'t str,
    pub(super) finder: Finder<'t>,
}

impl<'t> Query<'t> {
    /// `text` is lower-case.
    pub fn new(text: &'t str) -> Self {
        Self { text, finder: Finder::new(text) }
    }
}

/// A container in the order of a search: by rank, lower-case name, id.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::sync) struct Found<'a> {
    pub rank: u8,
    pub name: &'a str,
    pub id: &'a str,
    pub hit: &'a Arc<ContainerHit>,
}

impl From<&Found<'_>> for SearchPosition {
    fn from(found: &Found<'_>) -> Self {
        Self { rank: found.rank, name: found.name.to_owned(), id: found.id.to_owned() }
    }
}
