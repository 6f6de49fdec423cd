//! Keeps the directory up to date with the store, for every role.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::supervisor::Importance;
use super::task::{Next, Task};
use crate::sync::SyncError;
use crate::sync::core::Core;

pub(super) struct RefreshDirectory {
    pub core: Arc<Core>,
}

#[async_trait]
impl Task for RefreshDirectory {
    fn name(&self) -> &'static str {
        "directory"
    }

    fn importance(&self) -> Importance {
        Importance::Vital
    }

    /// It reads a little.
    fn allowance(&self) -> Duration {
        Duration::from_secs(30)
    }

    /// A change by another process is noticed after at most this.
    fn interval(&self) -> Duration {
        Duration::from_secs(1)
    }

    async fn run(&self) -> Result<Next, SyncError> {
        self.core.directory.refresh_if_changed().await?;
        Ok(Next::AtInterval)
    }
}
