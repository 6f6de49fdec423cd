//! Processes new webhooks.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::supervisor::Importance;
use super::task::{Next, Task};
use crate::sync::SyncError;
use crate::sync::core::Core;
use crate::sync::inbound::Inbound;

/// How long it rests after a round: webhooks that arrive without end share transactions, and each transaction costs a
/// sync of the disk that those who wait for their answers would rather have.
const REST: Duration = Duration::from_millis(25);

pub(super) struct ProcessInbox {
    pub core: Arc<Core>,
    pub inbound: Arc<Inbound>,
}

#[async_trait]
impl Task for ProcessInbox {
    fn name(&self) -> &'static str {
        "inbox"
    }

    fn importance(&self) -> Importance {
        Importance::Vital
    }

    /// A lost signal, or a webhook that another process stored, causes at most this delay.
    fn interval(&self) -> Duration {
        Duration::from_secs(1)
    }

    /// A webhook after a pause is processed at once.
    async fn signal(&self) {
        tokio::time::sleep(REST).await;
        self.core.signals.inbox.notified().await;
    }

    async fn run(&self) -> Result<Next, SyncError> {
        if self.inbound.process_round().await? {
            self.core.signals.inbox.notify_one();
        }
        Ok(Next::AtInterval)
    }
}
