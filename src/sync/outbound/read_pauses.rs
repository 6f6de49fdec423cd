//! Remembers at which destinations reading has to wait.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use crate::domain::{DestinationId, Timestamp};

/// Destinations where reading has to wait, since when and until when. Lost with the process: they say it
/// again.
#[derive(Debug, Default)]
pub(super) struct ReadPauses(Mutex<HashMap<DestinationId, Range<Timestamp>>>);

impl ReadPauses {
    pub fn pause(&self, id: &DestinationId, pause: Range<Timestamp>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), pause);
    }

    pub fn is_paused(&self, id: &DestinationId, now: Timestamp) -> bool {
        let pauses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Before its start the clock was set back, and the pause is void.
        pauses.get(id).is_some_and(|pause| pause.contains(&now))
    }
}
