//! Remembers which sites are near one of Jira's limits: there, news goes first and refreshes wait.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chrono::TimeDelta;

use crate::domain::{ClientKey, Timestamp};
use crate::store::Pace;

/// How long one warning of Jira counts.
const LASTS: TimeDelta = TimeDelta::minutes(1);
/// How long a refresh may be held back; then it goes even so.
const PATIENCE: TimeDelta = TimeDelta::minutes(5);

/// When each site was warned last. Lost with the process: Jira warns again.
#[derive(Debug, Default)]
pub(in crate::sync) struct NearLimit(Mutex<HashMap<ClientKey, Timestamp>>);

impl NearLimit {
    /// Jira said `X-RateLimit-NearLimit: true`, or that all is well.
    pub fn note(&self, site: &ClientKey, near: bool, now: Timestamp) {
        let mut warnings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if near {
            warnings.insert(site.clone(), now);
        } else {
            warnings.remove(site);
        }
    }

    /// How much may be sent to the site now.
    pub fn pace(&self, site: &ClientKey, now: Timestamp) -> Pace {
        let warnings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match warnings.get(site) {
            // A clock that stands before the warning was set back.
            Some(warned) if (*warned..*warned + LASTS).contains(&now) => {
                Pace::NewsFirst { refreshes_before: now - PATIENCE }
            }
            _ => Pace::Everything,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::from_millis;

    #[test]
    fn a_warning_counts_for_a_minute_and_not_before_it_was_given() {
        let (near, site, now) = (NearLimit::default(), ClientKey("a".to_owned()), from_millis(3_600_000));
        near.note(&site, true, now);
        let news_first = Pace::NewsFirst { refreshes_before: now - PATIENCE };
        assert_eq!(near.pace(&site, now), news_first);
        assert_eq!(near.pace(&site, now + LASTS), Pace::Everything);
        assert_eq!(near.pace(&site, now - TimeDelta::hours(1)), Pace::Everything, "the clock was set back");
        near.note(&site, false, now);
        assert_eq!(near.pace(&site, now), Pace::Everything);
    }
}
