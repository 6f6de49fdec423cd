//! Once an hour, destinations look after what they have made.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::task::{Next, Task};
use crate::sync::SyncError;
use crate::sync::outbound::Outbound;

const INTERVAL: Duration = Duration::from_hours(1);

pub(super) struct Tidy {
    pub outbound: Arc<Outbound>,
}

#[async_trait]
impl Task for Tidy {
    fn name(&self) -> &'static str {
        "tidy"
    }

    /// It asks destinations one after the other, each many times.
    fn allowance(&self) -> Duration {
        Duration::from_hours(6)
    }

    fn interval(&self) -> Duration {
        INTERVAL
    }

    fn first_after(&self) -> Duration {
        INTERVAL
    }

    async fn run(&self) -> Result<Next, SyncError> {
        self.outbound.tidy().await?;
        Ok(Next::AtInterval)
    }
}
