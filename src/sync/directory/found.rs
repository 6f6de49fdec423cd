//! What a search looks for, what it finds, and where it goes on.

use std::sync::Arc;

use memchr::memmem::Finder;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// A container that a search found: what Jira shows of it, as JSON.
#[derive(Debug, Clone)]
pub struct ContainerHit {
    pub(super) id: Box<str>,
    json: Box<RawValue>,
}

/// What is shown of a container.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Rendered<'a> {
    pub id: &'a str,
    pub name: &'a str,
    pub url: String,
    pub avatar_url: String,
    pub last_updated_date: String,
}

impl ContainerHit {
    pub(super) fn render(rendered: &Rendered<'_>) -> Option<Self> {
        // Texts are always JSON.
        let json = serde_json::value::to_raw_value(rendered).ok()?;
        Some(Self { id: rendered.id.into(), json })
    }

    /// JSON with the keys `id`, `name`, `url`, `avatarUrl` and `lastUpdatedDate`.
    #[must_use]
    pub fn json(&self) -> &str {
        self.json.get()
    }
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
#[derive(Debug)]
pub(in crate::sync) struct Found<'a> {
    pub rank: u8,
    pub name: &'a str,
    pub id: &'a str,
    pub hit: &'a Arc<ContainerHit>,
}

impl Found<'_> {
    /// What it is sorted by.
    pub fn order(&self) -> (u8, &str, &str) {
        (self.rank, self.name, self.id)
    }
}

impl From<&Found<'_>> for SearchPosition {
    fn from(found: &Found<'_>) -> Self {
        Self { rank: found.rank, name: found.name.to_owned(), id: found.id.to_owned() }
    }
}
