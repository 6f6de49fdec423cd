//! Reads back what destinations accepted, until it shows.

use std::collections::VecDeque;

use chrono::TimeDelta;

use super::Outbound;
use super::ask::Failures;
use super::serve::Served;
use super::waits::{READ_BACK_DELAYS, READ_PAUSE, RESENDS};
use crate::destinations::{Destination, Held, Refusal, Remedy, Scope};
use crate::store::{Readback, ReadbackResult};
use crate::sync::SyncError;
use crate::sync::directory::DestinationAccess;

/// Read-backs that are loaded at once.
const AT_ONCE: usize = 20;

impl Outbound {
    /// What is to be read back next: of `due`, which is filled when it is empty.
    pub(super) async fn find_readback(
        &self,
        access: &DestinationAccess,
        destination: &dyn Destination,
        due: &mut VecDeque<Readback>,
    ) -> Result<Option<Readback>, SyncError> {
        let now = self.core.clock.now();
        if self.read_pauses.is_paused(&access.id, now) {
            return Ok(None);
        }
        if let Some(until) = destination.near_limit_until() {
            self.read_pauses.pause(&access.id, now..until);
            return Ok(None);
        }
        if due.is_empty() {
            *due = self.core.store.deliveries().list_readbacks(&access.id, AT_ONCE).await?.into();
        }
        Ok(due.pop_front())
    }

    /// Reads back one entity; `None` if reading must wait.
    pub(super) async fn read_back(
        &self,
        access: &DestinationAccess,
        destination: &dyn Destination,
        readback: Readback,
        failures: Failures,
    ) -> Result<Option<Served>, SyncError> {
        let request = destination.read_back(readback.kind, &readback.entity_id);
        let result = match self.ask(failures, Remedy::GiveUp, request).await {
            Ok(held) => self.judge(access, &readback, held.as_ref()),
            // Only this one cannot be read back.
            Err(Refusal { remedy: Remedy::GiveUp | Remedy::Split, message: reason, .. }) => {
                ReadbackResult::GivenUp { reason }
            }
            Err(refusal) => return Ok(self.pause_reading(access, refusal)),
        };
        self.record_read(access, readback, result).await.map(|()| Some(Served::Done))
    }

    async fn record_read(
        &self,
        access: &DestinationAccess,
        readback: Readback,
        result: ReadbackResult,
    ) -> Result<(), SyncError> {
        let name = match result {
            ReadbackResult::Confirmed => "confirmed",
            ReadbackResult::Later(_) => "invisible",
            ReadbackResult::SendAgain { .. } if readback.was_confirmed => "drifted",
            ReadbackResult::SendAgain { .. } => "sent_again",
            ReadbackResult::GivenUp { .. } => "lost",
        };
        self.core.metrics.count_verdict(&access.name, name);
        self.core.store.deliveries().record_readbacks(&access.id, &[(readback, result)]).await?;
        Ok(())
    }

    /// A limit on reading does not concern writing, so only reading waits. Anything else concerns the whole
    /// destination.
    fn pause_reading(&self, access: &DestinationAccess, refusal: Refusal) -> Option<Served> {
        let now = self.core.clock.now();
        let until = match refusal.remedy {
            Remedy::WaitUntil { until, scope: Scope::Request } => until,
            Remedy::SlowDown => now + READ_PAUSE,
            _ => return Some(Served::Refused(refusal)),
        };
        tracing::debug!(site = %access.name, error = %refusal, %until, "reading back waits");
        self.read_pauses.pause(&access.id, now..until);
        None
    }

    fn judge(&self, access: &DestinationAccess, readback: &Readback, held: Option<&Held>) -> ReadbackResult {
        let shows = match held {
            None => readback.deleted,
            Some(held) => {
                !readback.deleted && held.version.is_some_and(|version| version >= readback.version)
            }
        };
        if shows {
            return ReadbackResult::Confirmed;
        }
        // What was shown before and is gone is not merely queued.
        if readback.was_confirmed {
            return ReadbackResult::SendAgain {
                reason: format!("{} has lost it; sent again", self.title(access)),
            };
        }
        let nth = usize::try_from(readback.attempts).unwrap_or(usize::MAX);
        let visible_within = TimeDelta::from_std(self.delivery.visible_within).unwrap_or(TimeDelta::days(1));
        if let Some(share) = READ_BACK_DELAYS.get(nth) {
            ReadbackResult::Later(self.core.clock.now() + visible_within / 1200 * *share)
        } else if readback.resends < RESENDS {
            ReadbackResult::SendAgain {
                reason: format!("{} accepted it, but does not show it; sent again", self.title(access)),
            }
        } else {
            let kind = self.types.find_kind(&access.type_name);
            let advice = kind.map_or("look there", |kind| kind.never_shown);
            ReadbackResult::GivenUp {
                reason: format!(
                    "{} accepted it several times and never showed it: {advice}, then use `incident-bridge deliveries \
                     retry`",
                    self.title(access)
                ),
            }
        }
    }
}
