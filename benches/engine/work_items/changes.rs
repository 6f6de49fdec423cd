//! What happens: incidents that are there from the beginning, and changes of these and of new ones.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::sender::incident_id;

/// One change in this many opens an incident; incidents change most while they are new.
const OPENS: usize = 5;
/// New incidents that change.
const NEWEST: usize = 20;

/// How much happens.
#[derive(Clone, Copy)]
pub struct Load {
    /// Open from the beginning.
    pub incidents: usize,
    pub per_second: usize,
    pub duration: Duration,
}

/// An incident opens, or another title or status is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub number: usize,
    pub incident: String,
    pub title: String,
    pub is_resolved: bool,
}

impl Load {
    /// All changes in order, the same in every run.
    pub fn changes(&self) -> Vec<Change> {
        let count = self.per_second * usize::try_from(self.duration.as_secs()).expect("not that long");
        (0..count).map(|number| self.change(number)).collect()
    }

    fn change(&self, number: usize) -> Change {
        let newest = self.incidents + number / OPENS;
        let is_new = number.is_multiple_of(OPENS);
        let mixed = mix(number);
        let incident = match number % OPENS {
            0 => newest,
            1 | 2 => newest - mixed % NEWEST.min(number / OPENS + 1),
            _ => mixed % self.incidents,
        };
        let title = format!("Checkout 5xx rate above 4%, change {number}");
        Change {
            number,
            incident: incident_id(incident),
            title,
            is_resolved: !is_new && mixed.is_multiple_of(3),
        }
    }

    /// What must be shown in the end, by incident, of those that changed.
    pub fn ends(&self) -> BTreeMap<String, Change> {
        self.changes().into_iter().map(|change| (change.incident.clone(), change)).collect()
    }
}

fn mix(number: usize) -> usize {
    let mut mixed = (number as u64).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    usize::try_from((mixed ^ (mixed >> 31)) >> 32).expect("32 bits")
}
