//! Wakes what waits for something that another process has stored, and tells the others what this one stores.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::task::{Next, Task};
use crate::store::Change;
use crate::sync::SyncError;
use crate::sync::core::Core;

pub(super) struct ShareNews {
    pub core: Arc<Core>,
}

#[async_trait]
impl Task for ShareNews {
    fn name(&self) -> &'static str {
        "news"
    }

    fn interval(&self) -> Duration {
        Duration::MAX
    }

    /// It listens for as long as the database is there.
    fn allowance(&self) -> Duration {
        Duration::MAX
    }

    async fn run(&self) -> Result<Next, SyncError> {
        let Some(mut news) = self.core.store.listen().await? else { return Ok(Next::AtInterval) };
        loop {
            for change in news.next().await? {
                match change {
                    Change::Inbox => self.core.signals.inbox.notify_one(),
                    Change::Deliveries => self.core.signals.deliver.notify_one(),
                    Change::Directory => {
                        self.core.directory.refresh_if_changed().await?;
                    }
                }
            }
        }
    }

    fn may_be_dropped(&self) -> bool {
        true
    }
}
