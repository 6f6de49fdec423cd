//! Remembers for which destinations reading must wait.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use crate::domain::{DestinationId, Timestamp};

/// Destinations for which reading must wait, since when and until when. Lost with the process: they will say
/// so again.
#[derive(Debug, Default)]
pub(super) struct ReadPauses(Mutex<HashMap<DestinationId, Range<Timestamp>>>);

impl ReadPauses {
    pub fn pause(&self, id: &DestinationId, pause: Range<Timestamp>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), pause);
    }

    pub fn is_paused(&self, id: &DestinationId, now: Timestamp) -> bool {
        let mut pauses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // If the pause began in the future, the clock was set back and the pause is void.
        let is_paused = pauses.get(id).is_some_and(|pause| pause.contains(&now));
        if !is_paused {
            pauses.remove(id);
        }
        is_paused
    }
}
