//! Confirms new installations, and links workspaces with sites that have not linked them.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::task::{Next, Task};
use crate::sync::SyncError;
use crate::sync::core::Core;
use crate::sync::outbound::Outbound;

pub(super) struct LinkWorkspaces {
    pub core: Arc<Core>,
    pub outbound: Arc<Outbound>,
}

#[async_trait]
impl Task for LinkWorkspaces {
    fn name(&self) -> &'static str {
        "link"
    }

    /// It asks every destination, one after the other, and some do not answer.
    fn allowance(&self) -> Duration {
        Duration::from_hours(1)
    }

    /// Links change rarely, and each round reads every site.
    fn interval(&self) -> Duration {
        Duration::from_secs(10)
    }

    async fn signal(&self) {
        self.core.signals.link.notified().await;
    }

    async fn run(&self) -> Result<Next, SyncError> {
        self.outbound.confirm_installations().await?;
        self.outbound.link_workspaces().await?;
        Ok(Next::AtInterval)
    }
}
