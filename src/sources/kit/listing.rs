//! How far a run over a tool's listings has come: which listing, which page, and since when changes count.
//!
//! For tools whose answers can be filtered or ordered by change. Must not know any tool.

use serde::{Deserialize, Serialize};

use crate::clock::before;
use crate::config::SourceConfig;
use crate::domain::Timestamp;
use crate::sources::{Cursor, Findings, Page, PollError};

/// Each run reads the listings 0, 1, … to their ends. The next run reads what changed since this one began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::sources) struct ListingCursor {
    /// When the current run began; `None` between two runs.
    started: Option<Timestamp>,
    pub since: Timestamp,
    pub listing: usize,
    /// The tool's name of the page to read; `None` for a listing's first.
    pub page: Option<String>,
}

impl ListingCursor {
    /// The position of the current run, or the start of a new run.
    pub(in crate::sources) fn resume(
        stored: Option<&Cursor>,
        backfill_from: Timestamp,
        now: Timestamp,
    ) -> Result<Self, PollError> {
        let stored = stored.map(Cursor::read::<Self>).transpose()?;
        let cursor = stored.unwrap_or(Self { started: None, since: backfill_from, listing: 0, page: None });
        // After the clock was set back, `since` may be in the future, where there are no changes.
        Ok(Self { started: cursor.started.or(Some(now)), since: cursor.since.min(now), ..cursor })
    }

    /// When the run began: the same on all of its pages.
    pub(in crate::sources) fn started(&self) -> Timestamp {
        self.started.unwrap_or(self.since)
    }

    /// Whether this is the first page of a run.
    pub(in crate::sources) fn is_start(&self) -> bool {
        self.listing == 0 && self.page.is_none()
    }

    /// The page that was just read; `next` names the one after it, `listings` is how many this run has.
    pub(in crate::sources) fn into_page(
        self,
        findings: Findings,
        next: Option<String>,
        listings: usize,
    ) -> Page {
        // A page that names itself as the next would be read forever.
        let next = next.filter(|next| self.page.as_ref() != Some(next));
        let done = next.is_none() && self.listing.saturating_add(1) >= listings;
        let cursor = if done {
            Self { started: None, since: self.started(), listing: 0, page: None }
        } else {
            let listing = self.listing.saturating_add(usize::from(next.is_none()));
            Self { page: next, listing, ..self }
        };
        Page { findings, next: Cursor::of(&cursor), done, total: None }
    }

    /// The end of a run whose last listing, which every run reads in full, cannot be read now: the next run
    /// reads it, and the other listings do not wait for it.
    pub(in crate::sources) fn defer(self, what: &str, fault: &PollError, listings: usize) -> Page {
        tracing::warn!(what, %fault, "a listing is put off to the next run");
        self.into_page(Findings::default(), None, listings)
    }
}

/// How far back the source's `backfill` reaches.
pub(in crate::sources) fn horizon(config: &SourceConfig, now: Timestamp) -> Timestamp {
    before(now, config.backfill)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::from_millis;

    #[test]
    fn a_run_reads_every_page_of_every_listing_and_the_next_one_starts_where_it_began() {
        let (first, now) = (from_millis(1_000), from_millis(9_000));
        let (mut cursor, mut read) = (None, Vec::new());
        for next in [Some("b"), Some("b"), None] {
            let run = ListingCursor::resume(cursor.as_ref(), first, now).expect("readable");
            assert_eq!((run.since, run.started(), run.is_start()), (first, now, read.is_empty()));
            read.push((run.listing, run.page.clone()));
            let page = run.into_page(Findings::default(), next.map(str::to_owned), 2);
            assert_eq!(page.done, read.len() == 3);
            cursor = Some(page.next);
        }
        assert_eq!(read, [(0, None), (0, Some("b".to_owned())), (1, None)]);
        let later = ListingCursor::resume(cursor.as_ref(), first, from_millis(20_000)).expect("readable");
        assert_eq!((later.since, later.started(), later.is_start()), (now, from_millis(20_000), true));
        let set_back = ListingCursor::resume(cursor.as_ref(), first, from_millis(5_000)).expect("readable");
        assert_eq!(
            set_back.since,
            from_millis(5_000),
            "changes cannot be waited for until the clock is there again"
        );
    }
}
