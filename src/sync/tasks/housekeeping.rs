//! What must not wait for the night: secrets that have expired, calls that no longer need to be remembered, a
//! quarantine that is full, and what erased content has left in the write-ahead log.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::task::{Next, Task};
use crate::sync::SyncError;
use crate::sync::core::Core;

pub(super) struct KeepHouse {
    pub core: Arc<Core>,
}

#[async_trait]
impl Task for KeepHouse {
    fn name(&self) -> &'static str {
        "housekeeping"
    }

    fn interval(&self) -> Duration {
        Duration::from_mins(1)
    }

    async fn run(&self) -> Result<Next, SyncError> {
        let store = &self.core.store;
        store.sites().erase_expired_secrets().await?;
        store.sites().forget_calls().await?;
        store.sites().forget_directory_changes().await?;
        loop {
            let removed = store.inbox().trim_quarantine().await?;
            if removed == 0 {
                break;
            }
            tracing::warn!(
                webhooks = removed,
                "the quarantine of a source is full; its oldest webhooks are given up"
            );
        }
        self.core.scrub().await;
        Ok(Next::AtInterval)
    }
}
