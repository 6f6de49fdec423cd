//! Reads back what Jira accepted, until it shows.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use chrono::TimeDelta;

use crate::destinations::operations::client::{Disposition, JiraClient, JiraError, Scope, Stored};
use crate::domain::{ClientKey, Timestamp};
use crate::store::{Readback, ReadbackResult};
use crate::sync::directory::SiteAccess;
use crate::sync::engine::{Engine, SyncError};
use crate::telemetry::Metrics;

/// Read-backs between two looks at what waits for a full request.
const AT_ONCE: usize = 20;
/// How long reading waits when Jira limits it without a time: nobody is waiting for it.
const UNKNOWN_WAIT: TimeDelta = TimeDelta::seconds(30);
/// How long to wait after each look in vain, in 1200ths of `delivery.visible_within`: seconds, unless that is
/// changed.
const DELAYS: [i32; 5] = [4, 15, 60, 300, 900];
/// How often an entity that never shows is sent again before a person is asked.
const RESENDS: i64 = 2;

/// Sites where reading has to wait, since when and until when. Lost with the process: Jira says it again.
#[derive(Debug, Default)]
pub(in crate::sync) struct ReadPauses(Mutex<HashMap<ClientKey, Range<Timestamp>>>);

impl ReadPauses {
    fn pause(&self, site: &ClientKey, pause: Range<Timestamp>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(site.clone(), pause);
    }

    fn is_paused(&self, site: &ClientKey, now: Timestamp) -> bool {
        let pauses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Before its start the clock was set back, and the pause is void.
        pauses.get(site).is_some_and(|pause| pause.contains(&now))
    }
}

impl Engine {
    /// Reads back what is due for a site. Returns whether anything was.
    pub(in crate::sync) async fn read_back(
        &self,
        site: &SiteAccess,
        jira: &JiraClient,
    ) -> Result<bool, SyncError> {
        let key = &site.client_key;
        if jira.is_near_quota() || self.read_pauses.is_paused(key, self.clock.now()) {
            return Ok(false);
        }
        let due = self.store.deliveries().list_readbacks(&site.destination.id, AT_ONCE).await?;
        for readback in &due {
            match jira.find_entity(readback.kind, &readback.entity_id).await {
                Ok(answer) => {
                    let result = self.judge(readback, answer.value.as_ref());
                    let name = match result {
                        ReadbackResult::Confirmed => "confirmed",
                        ReadbackResult::Later(_) => "invisible",
                        ReadbackResult::SendAgain { .. } if readback.was_confirmed => "drifted",
                        ReadbackResult::SendAgain { .. } => "sent_again",
                        ReadbackResult::GivenUp { .. } => "lost",
                    };
                    Metrics::count_site(&self.metrics.verdicts, &site.site, name, 1);
                    let result = [(readback.clone(), result)];
                    self.store.deliveries().record_readbacks(&site.destination.id, &result).await?;
                }
                Err(error) => return self.record_unread(site, &error).await,
            }
            // What is to be sent must not wait for what was sent.
            if self
                .store
                .deliveries()
                .is_due(&site.destination.id, self.near_limit.pace(key, self.clock.now()))
                .await?
            {
                return Ok(true);
            }
        }
        Ok(!due.is_empty())
    }

    /// A limit on reading says nothing of writing, so only reading waits. Anything else is the site's
    /// trouble. Returns whether there is more to do now.
    async fn record_unread(&self, site: &SiteAccess, error: &JiraError) -> Result<bool, SyncError> {
        let until = match error.disposition {
            Disposition::WaitUntil { until, scope: Scope::Endpoint } => until,
            Disposition::SlowDown => self.clock.now() + UNKNOWN_WAIT,
            _ => {
                self.record_trouble(site, error).await?;
                return Ok(true);
            }
        };
        tracing::debug!(site = %site.site, %error, %until, "reading back waits");
        self.read_pauses.pause(&site.client_key, self.clock.now()..until);
        Ok(false)
    }

    fn judge(&self, readback: &Readback, stored: Option<&Stored>) -> ReadbackResult {
        let shows = match stored {
            None => readback.deleted,
            Some(stored) => {
                !readback.deleted
                    && stored.update_sequence_number.is_some_and(|number| number >= readback.version)
            }
        };
        if shows {
            return ReadbackResult::Confirmed;
        }
        // What was there and is not any more has no queue to wait for.
        if readback.was_confirmed {
            return ReadbackResult::SendAgain { reason: "Jira has lost it; sent again".to_owned() };
        }
        let nth = usize::try_from(readback.attempts).unwrap_or(usize::MAX);
        let visible_within = TimeDelta::from_std(self.delivery.visible_within).unwrap_or(TimeDelta::days(1));
        if let Some(share) = DELAYS.get(nth) {
            ReadbackResult::Later(self.clock.now() + visible_within / 1200 * *share)
        } else if readback.resends < RESENDS {
            ReadbackResult::SendAgain {
                reason: "Jira accepted it, but does not show it; sent again".to_owned(),
            }
        } else {
            ReadbackResult::GivenUp {
                reason: "Jira accepted it several times and never showed it: check that the projects of its issue keys \
                         exist, then use `incident-bridge deliveries retry`"
                    .to_owned(),
            }
        }
    }
}
