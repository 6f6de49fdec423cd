//! Serves a destination: what is to be sent to it, then what is to be read back, one request at a time.

use super::Outbound;
use super::ask::Failures;
use super::waits::{FILL_STALLED, LONGEST_FILL, PROBE_BATCH};
use crate::destinations::{Destination, Refusal};
use crate::domain::DestinationId;
use crate::store::{BatchRules, Turn};
use crate::sync::SyncError;
use crate::sync::directory::DestinationAccess;

/// How serving a destination, or one batch of it, ended.
#[derive(Debug)]
pub(super) enum Served {
    Done,
    /// A request was refused for a reason that concerns the destination.
    Refused(Refusal),
    /// The destination itself has stopped, before the end of a batch.
    Stopped(Refusal),
}

impl Outbound {
    /// Serves one destination until nothing is due or it must wait. Returns whether anything was done.
    ///
    /// # Errors
    /// When the database fails. What a destination refuses is no error: it is stored with the destination.
    pub async fn serve(&self, id: &DestinationId) -> Result<bool, SyncError> {
        let snapshot = self.core.directory.current().await?;
        let Some(access) = snapshot.find(id).filter(|access| access.enabled).cloned() else {
            return Ok(false);
        };
        Ok(self.alone(id, Box::pin(self.serve_alone(&access))).await?.unwrap_or_default())
    }

    async fn serve_alone(&self, access: &DestinationAccess) -> Result<bool, SyncError> {
        let destination = match self.connect(access) {
            Ok(destination) => destination,
            Err(fault) => {
                self.park(access, &fault.to_string()).await?;
                return Ok(false);
            }
        };
        let (mut worked, mut failures) = (false, self.find_failures(access).await?);
        let mut turn = Turn::Others;
        self.core.store.deliveries().wake(&access.id).await?;
        loop {
            if !self.core.store.sites().is_ready(&access.id).await? {
                return Ok(worked);
            }
            let rules = BatchRules { turn, ..self.rules(access, &*destination, failures) };
            let batch = self.core.store.deliveries().find_next_batch(&access.id, &rules).await?;
            let Some(batch) = batch else { break };
            worked = true;
            turn = Turn::after(batch.kind);
            let began = self.core.clock.now();
            match self.deliver(access, &*destination, batch, failures).await? {
                Served::Done => failures = Failures::NONE,
                Served::Refused(refusal) => {
                    self.record_backoff(access, &refusal, began).await?;
                    return Ok(true);
                }
                Served::Stopped(refusal) => {
                    self.record_stop(access, &refusal, began).await?;
                    return Ok(true);
                }
            }
        }
        if self.delivery.confirm {
            worked |= self.read_back(access, &*destination, failures).await?;
        }
        Ok(worked)
    }

    /// What may be sent to the destination now.
    pub(super) fn rules(
        &self,
        access: &DestinationAccess,
        destination: &dyn Destination,
        failures: Failures,
    ) -> BatchRules {
        let most = self.delivery.max_batch;
        let most = if failures.is_failing() { most.min(PROBE_BATCH) } else { most };
        BatchRules {
            sizes: destination.batch_sizes().at_most(most),
            pace: self.near_limit.pace(&access.id, self.core.clock.now()),
            longest_fill: LONGEST_FILL,
            stalled_after: FILL_STALLED,
            turn: Turn::Others,
        }
    }
}
