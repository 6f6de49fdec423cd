//! Walks the pages of a listing, and keeps of each entry only what its source makes of it.
//!
//! Bounded in pages, bytes and entries: a tool that always names a next page must neither be read forever nor fill the
//! memory. Must not know any tool.

use serde_json::Value;

use super::api::{Api, Query};
use super::json::Fields;
use crate::domain::{Component, Timestamp, Workspace};
use crate::sources::PollError;

/// Most pages that one listing is walked.
const MAX_PAGES: usize = 1000;
/// Most bytes that are read of one listing, unpacked.
const MAX_BYTES: usize = 64 * 1024 * 1024;
/// Most entries of one listing.
const MAX_ENTRIES: usize = 50_000;
/// Most bytes of what is kept of one listing, all of which is in memory at once.
const MAX_KEPT: usize = 16 * 1024 * 1024;

/// Where a listing continues.
#[derive(Debug, Clone, Copy)]
pub(in crate::sources) enum Paging {
    /// `offset` and `limit`; a flag or an address at `more` says whether there is a next page.
    Offset { limit: usize, more: &'static str },
    /// The answer names the next page at `next`, to be sent as `parameter`.
    Cursor { parameter: &'static str, next: &'static str },
    /// `page` from 1 and the number of entries as `size`; a page that is not full is the last.
    Pages { size: &'static str, limit: usize },
    /// The same with a name of its own for the page's number, which counts from 0.
    Numbered { size: &'static str, limit: usize, number: &'static str },
}

/// What a source keeps of an entry.
pub(in crate::sources) trait Kept {
    /// Bytes that it takes in memory, about.
    fn size(&self) -> usize;
}

impl Kept for Component {
    fn size(&self) -> usize {
        let texts = [&self.provider_id, &self.name, &self.description, &self.url];
        let ids =
            self.workspaces.iter().map(|id| size_of::<String>().saturating_add(id.len())).sum::<usize>();
        let texts = texts.map(String::len).iter().sum::<usize>();
        size_of::<Self>().saturating_add(texts).saturating_add(ids)
    }
}

impl Kept for Workspace {
    fn size(&self) -> usize {
        let texts = [&self.provider_id, &self.name, &self.url].map(String::len).iter().sum::<usize>();
        size_of::<Self>().saturating_add(texts)
    }
}

impl Kept for String {
    fn size(&self) -> usize {
        size_of::<Self>().saturating_add(self.len())
    }
}

/// How much of a listing has been read.
#[derive(Debug, Default)]
pub(in crate::sources) struct Walk {
    pages: usize,
    bytes: usize,
    kept: usize,
    entries: usize,
}

impl Walk {
    /// What `map` makes of the entries of one more page, which was read from `path` with this many bytes.
    ///
    /// # Errors
    /// When the listing is longer than any listing may be.
    pub(in crate::sources) fn take<T: Kept>(
        &mut self,
        (api, path): (&Api, &str),
        bytes: usize,
        entries: &[Value],
        map: impl FnMut(&Value) -> Option<T>,
    ) -> Result<Vec<T>, PollError> {
        self.pages = self.pages.saturating_add(1);
        self.bytes = self.bytes.saturating_add(bytes);
        self.entries = self.entries.saturating_add(entries.len());
        let kept: Vec<T> = entries.iter().filter_map(map).collect();
        self.kept = kept.iter().fold(self.kept, |sum, it| sum.saturating_add(it.size()));
        let is_bounded = self.pages <= MAX_PAGES && self.bytes <= MAX_BYTES;
        if is_bounded && self.entries <= MAX_ENTRIES && self.kept <= MAX_KEPT {
            return Ok(kept);
        }
        let bound =
            "a listing of more than 1,000 pages, 50,000 entries or 64 MiB, of which 16 MiB can be kept";
        Err(api.unreadable(path, &format!("{bound} (give the bridge a credential that sees fewer of them)")))
    }
}

impl Api {
    /// What `map` makes of the entries at `items` in the pages of a listing.
    pub(in crate::sources) async fn list<T: Kept>(
        &self,
        path: &str,
        items: &str,
        paging: Paging,
        now: Timestamp,
        map: impl FnMut(&Value) -> Option<T> + Send,
    ) -> Result<Vec<T>, PollError> {
        self.list_with(path, items, &Query::new(), paging, now, map).await
    }

    /// Like [`Api::list`], with `query` in every request.
    pub(in crate::sources) async fn list_with<T: Kept>(
        &self,
        path: &str,
        items: &str,
        query: &Query,
        paging: Paging,
        now: Timestamp,
        mut map: impl FnMut(&Value) -> Option<T> + Send,
    ) -> Result<Vec<T>, PollError> {
        let (mut kept, mut walk) = (Vec::new(), Walk::default());
        let mut place = paging.first();
        loop {
            let asked = query.iter().cloned().chain(place).collect();
            let answer = self.get_answer(path, &asked, now).await?;
            let entries = answer.value.items(items);
            kept.extend(walk.take((self, path), answer.size, entries, &mut map)?);
            match paging.next(&answer.value, walk.entries) {
                Some(next) if !entries.is_empty() => place = next,
                _ => return Ok(kept),
            }
        }
    }
}

impl Paging {
    pub(in crate::sources) fn first(self) -> Query {
        match self {
            Self::Offset { limit, .. } => vec![("limit", limit.to_string()), ("offset", "0".to_owned())],
            Self::Cursor { .. } => Vec::new(),
            Self::Pages { size, limit } => vec![(size, limit.to_string()), ("page", "1".to_owned())],
            Self::Numbered { size, limit, number } => {
                vec![(size, limit.to_string()), (number, "0".to_owned())]
            }
        }
    }

    /// The query of the page after `answer`, when `read` entries have been read so far.
    fn next(self, answer: &Value, read: usize) -> Option<Query> {
        match self {
            Self::Offset { limit, more } => (answer.find_id(more).is_some_and(|more| more != "false"))
                .then(|| vec![("limit", limit.to_string()), ("offset", read.to_string())]),
            Self::Cursor { parameter, next } => Some(vec![(parameter, answer.find_id(next)?)]),
            Self::Pages { size, limit } => {
                let page = full_pages(read, limit)?.saturating_add(1);
                Some(vec![(size, limit.to_string()), ("page", page.to_string())])
            }
            Self::Numbered { size, limit, number } => {
                Some(vec![(size, limit.to_string()), (number, full_pages(read, limit)?.to_string())])
            }
        }
    }
}

/// How many pages were read, unless the last of them was not full.
fn full_pages(read: usize, limit: usize) -> Option<usize> {
    read.is_multiple_of(limit).then(|| read.checked_div(limit)).flatten()
}

#[cfg(test)]
#[path = "pages_tests.rs"]
mod tests;
