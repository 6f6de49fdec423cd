//! Which sites have called lately: one that calls may accept our requests again.
//!
//! Must not keep a call waiting, so it only takes notes, and few of them: a site may call often.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::domain::DestinationId;

/// How often a site is noted at most.
const PAUSE: Duration = Duration::from_secs(30);

/// The notes. Times count from the start of the clock.
#[derive(Debug, Default)]
pub(in crate::sync) struct Callers {
    noted: Mutex<HashMap<DestinationId, Note>>,
    news: Notify,
}

#[derive(Debug)]
struct Note {
    at: Duration,
    is_new: bool,
}

impl Callers {
    /// The site has made a request that it signed.
    pub fn note(&self, id: &DestinationId, now: Duration) {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.get(id).is_none_or(|note| note.at.saturating_add(PAUSE) <= now) {
            noted.insert(id.clone(), Note { at: now, is_new: true });
            self.news.notify_one();
        }
    }

    /// Returns when a site was noted.
    pub async fn wait(&self) {
        self.news.notified().await;
    }

    /// The sites noted since the last time.
    pub fn take(&self) -> Vec<DestinationId> {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        let take =
            |(id, note): (&DestinationId, &mut Note)| std::mem::take(&mut note.is_new).then(|| id.clone());
        noted.iter_mut().filter_map(take).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_that_calls_often_is_noted_twice_a_minute() {
        let (callers, site) = (Callers::default(), DestinationId("a".to_owned()));
        let noted = |seconds| {
            callers.note(&site, Duration::from_secs(seconds));
            callers.take().len()
        };
        assert_eq!([0, 1, 29, 30, 59, 60].map(noted), [1, 0, 0, 1, 0, 1]);
    }
}
