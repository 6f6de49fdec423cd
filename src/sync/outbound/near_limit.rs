//! Remembers which destinations are near one of their limits: for them news goes first and refreshes wait.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::waits::{NEAR_LIMIT_LASTS, REFRESH_HELD_BACK};
use crate::domain::{DestinationId, Timestamp};
use crate::store::Pace;

/// When each destination last warned. Lost with the process: it will warn again.
#[derive(Debug, Default)]
pub(super) struct NearLimit(Mutex<HashMap<DestinationId, Timestamp>>);

impl NearLimit {
    /// Records that the destination warned, or that it did not.
    pub fn note(&self, site: &DestinationId, near: bool, now: Timestamp) {
        let mut warnings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if near {
            warnings.insert(site.clone(), now);
        } else {
            warnings.remove(site);
        }
    }

    /// How much may be sent to the destination now.
    pub fn pace(&self, site: &DestinationId, now: Timestamp) -> Pace {
        let warnings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match warnings.get(site) {
            // If the clock shows an earlier time than the warning, it was set back.
            Some(warned) if (*warned..*warned + NEAR_LIMIT_LASTS).contains(&now) => {
                Pace::NewsFirst { refreshes_before: now - REFRESH_HELD_BACK }
            }
            _ => Pace::Everything,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    use crate::clock::from_millis;

    #[test]
    fn a_warning_counts_for_a_minute_and_not_before_it_was_given() {
        let (near, site, now) = (NearLimit::default(), DestinationId("a".to_owned()), from_millis(3_600_000));
        near.note(&site, true, now);
        let news_first = Pace::NewsFirst { refreshes_before: now - REFRESH_HELD_BACK };
        assert_eq!(near.pace(&site, now), news_first);
        assert_eq!(near.pace(&site, now + NEAR_LIMIT_LASTS), Pace::Everything);
        assert_eq!(near.pace(&site, now - TimeDelta::hours(1)), Pace::Everything, "the clock was set back");
        near.note(&site, false, now);
        assert_eq!(near.pace(&site, now), Pace::Everything);
    }
}
