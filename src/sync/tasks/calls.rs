//! Lets a parked site be tried again as soon as it calls: what kept us from it may be over.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::task::{Next, Task};
use crate::sync::SyncError;
use crate::sync::core::Core;
use crate::sync::outbound::Outbound;

pub(super) struct RetryCalling {
    pub core: Arc<Core>,
    pub outbound: Arc<Outbound>,
}

#[async_trait]
impl Task for RetryCalling {
    fn name(&self) -> &'static str {
        "calls"
    }

    fn interval(&self) -> Duration {
        Duration::MAX
    }

    fn first_after(&self) -> Duration {
        Duration::MAX
    }

    async fn signal(&self) {
        self.core.directory.callers.wait().await;
    }

    async fn run(&self) -> Result<Next, SyncError> {
        for site in self.core.directory.callers.take() {
            self.outbound.retry_parked(&site).await?;
        }
        Ok(Next::AtInterval)
    }
}
