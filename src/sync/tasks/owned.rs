//! Holds a task back while this process cannot be sure that it alone syncs.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::supervisor::Importance;
use super::task::{Next, Task};
use crate::store::Ownership;
use crate::sync::SyncError;

/// A task of the one process that syncs.
pub(super) struct Owned {
    pub task: Arc<dyn Task>,
    pub ownership: Arc<Ownership>,
}

#[async_trait]
impl Task for Owned {
    fn name(&self) -> &str {
        self.task.name()
    }

    fn source(&self) -> Option<&str> {
        self.task.source()
    }

    fn interval(&self) -> Duration {
        self.task.interval()
    }

    fn importance(&self) -> Importance {
        self.task.importance()
    }

    fn allowance(&self) -> Duration {
        self.task.allowance()
    }

    fn first_after(&self) -> Duration {
        self.task.first_after()
    }

    async fn signal(&self) {
        self.task.signal().await;
    }

    async fn run(&self) -> Result<Next, SyncError> {
        self.ownership.wait_until_held().await;
        self.task.run().await
    }

    fn may_be_dropped(&self) -> bool {
        self.task.may_be_dropped()
    }

    async fn finish(&self) {
        self.task.finish().await;
    }
}
