//! Carries a changed configuration to the entities that are stored: after a start, and after a reload.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::task::{Next, Task};
use crate::sync::SyncError;
use crate::sync::core::Core;
use crate::sync::outbound::Outbound;

pub(super) struct SettleSources {
    pub core: Arc<Core>,
    pub outbound: Arc<Outbound>,
}

#[async_trait]
impl Task for SettleSources {
    fn name(&self) -> &'static str {
        "settle"
    }

    /// It may look at every entity.
    fn allowance(&self) -> Duration {
        Duration::from_hours(6)
    }

    fn interval(&self) -> Duration {
        Duration::MAX
    }

    fn first_after(&self) -> Duration {
        Duration::ZERO
    }

    async fn signal(&self) {
        self.core.signals.settle.notified().await;
    }

    async fn run(&self) -> Result<Next, SyncError> {
        self.outbound.settle_sources().await?;
        Ok(Next::AtInterval)
    }
}
