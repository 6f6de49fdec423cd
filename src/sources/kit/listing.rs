//! Where a round over a tool's listings stands: which listing, which page, and since when changes count.
//!
//! For tools whose answers can be filtered or ordered by change. Must not know any tool.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::{Cursor, Findings, Page, PollError};
use crate::config::SourceConfig;
use crate::domain::Timestamp;

/// One round reads the listings 0, 1, … to their ends. The next reads what changed since this one began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Round {
    /// When the round under way began; `None` between two rounds.
    started: Option<Timestamp>,
    pub since: Timestamp,
    pub listing: usize,
    /// The tool's name of the page to read; `None` for a listing's first.
    pub page: Option<String>,
}

impl Round {
    /// The round that the cursor stands in, or a new one.
    pub(super) fn resume(
        cursor: Option<&Cursor>,
        backfill_from: Timestamp,
        now: Timestamp,
    ) -> Result<Self, PollError> {
        let round = cursor.map(Cursor::read::<Self>).transpose()?;
        let round = round.unwrap_or(Self { started: None, since: backfill_from, listing: 0, page: None });
        // A round that a clock began which was ahead of its time cannot say what has changed since.
        Ok(Self { started: round.started.or(Some(now)), since: round.since.min(now), ..round })
    }

    /// When the round began: the same on all of its pages.
    pub(super) fn started(&self) -> Timestamp {
        self.started.unwrap_or(self.since)
    }

    pub(super) fn is_start(&self) -> bool {
        self.listing == 0 && self.page.is_none()
    }

    /// The page read just now; `next` names the one after it, `listings` is how many this round has.
    pub(super) fn turn(self, findings: Findings, next: Option<String>, listings: usize) -> Page {
        // A page that names itself as the next would be read for ever.
        let next = next.filter(|next| self.page.as_ref() != Some(next));
        let done = next.is_none() && self.listing + 1 >= listings;
        let round = if done {
            Self { started: None, since: self.started(), listing: 0, page: None }
        } else {
            let listing = self.listing + usize::from(next.is_none());
            Self { page: next, listing, ..self }
        };
        Page { findings, next: Cursor::of(&round), done, total: None }
    }

    /// The end of a round whose last listing, which every round reads as a whole, cannot be had now: it must not
    /// hold up the others.
    pub(super) fn put_off(self, what: &str, fault: &PollError, listings: usize) -> Page {
        tracing::warn!("{what} are put off to the next run: {fault}");
        self.turn(Findings::default(), None, listings)
    }
}

/// The oldest instant that the source's `backfill` reaches back to.
pub(super) fn horizon(config: &SourceConfig, now: Timestamp) -> Timestamp {
    let reach = TimeDelta::from_std(config.backfill).unwrap_or(TimeDelta::MAX);
    now.checked_sub_signed(reach).unwrap_or(Timestamp::MIN_UTC)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::from_millis;

    #[test]
    fn a_round_reads_every_page_of_every_listing_and_the_next_one_starts_where_it_began() {
        let (first, now) = (from_millis(1_000), from_millis(9_000));
        let (mut cursor, mut read) = (None, Vec::new());
        for next in [Some("b"), Some("b"), None] {
            let round = Round::resume(cursor.as_ref(), first, now).expect("readable");
            assert_eq!((round.since, round.started(), round.is_start()), (first, now, read.is_empty()));
            read.push((round.listing, round.page.clone()));
            let page = round.turn(Findings::default(), next.map(str::to_owned), 2);
            assert_eq!(page.done, read.len() == 3);
            cursor = Some(page.next);
        }
        assert_eq!(read, [(0, None), (0, Some("b".to_owned())), (1, None)]);
        let later = Round::resume(cursor.as_ref(), first, from_millis(20_000)).expect("readable");
        assert_eq!((later.since, later.started(), later.is_start()), (now, from_millis(20_000), true));
        let set_back = Round::resume(cursor.as_ref(), first, from_millis(5_000)).expect("readable");
        assert_eq!(
            set_back.since,
            from_millis(5_000),
            "changes cannot be waited for until the clock is there again"
        );
    }
}
