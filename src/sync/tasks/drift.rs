//! The nightly comparison of Jira with the store, and then retention. The schedule signals it; a removal that a limit
//! has held back goes on by itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;

use super::retention::apply_retention;
use super::task::{Next, Task};
use crate::config::Retention;
use crate::sync::SyncError;
use crate::sync::core::Core;
use crate::sync::outbound::Outbound;

/// How far the clocks of processes may differ without any of them repeating what another has done.
const ONCE: Duration = Duration::from_mins(1);

pub(super) struct CheckDrift {
    pub core: Arc<Core>,
    pub outbound: Arc<Outbound>,
    pub retention: Retention,
    /// It was signalled.
    pub is_due: AtomicBool,
}

#[async_trait]
impl Task for CheckDrift {
    fn name(&self) -> &'static str {
        "drift"
    }

    /// It asks every destination, one after the other, each several times.
    fn allowance(&self) -> Duration {
        Duration::from_hours(6)
    }

    fn interval(&self) -> Duration {
        Duration::MAX
    }

    fn first_after(&self) -> Duration {
        Duration::MAX
    }

    async fn signal(&self) {
        self.core.signals.drift.notified().await;
        self.is_due.store(true, Ordering::SeqCst);
    }

    async fn run(&self) -> Result<Next, SyncError> {
        if self.is_due.load(Ordering::SeqCst) {
            let work = Box::pin(async {
                self.outbound.check_drift().await?;
                apply_retention(&self.core, &self.retention).await
            });
            // The schedule of every process says the same, at almost the same moment.
            let done = self.core.store.leases().hold_and_keep("nightly", ONCE, work).await?;
            done.unwrap_or(Ok(()))?;
            // Not before: a round that fails is repeated as a whole.
            self.is_due.store(false, Ordering::SeqCst);
        } else {
            self.outbound.remove_due(false).await?;
        }
        let goes_on = self.outbound.has_unfinished_removal();
        Ok(if goes_on { Next::After(Outbound::REMOVAL_GOES_ON) } else { Next::AtInterval })
    }
}
