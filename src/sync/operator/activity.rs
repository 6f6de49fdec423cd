//! What came from each source and what is left of it, and how long deliveries have waited.

use std::collections::HashMap;

use super::Operator;
use crate::clock::Timestamp;
use crate::config::SourceConfig;
use crate::domain::SourceId;
use crate::store::InboxState;
use crate::sync::core::{POLLED, SyncError};

/// The webhooks of one source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookActivity {
    pub source: SourceId,
    /// When the newest one arrived, if any is still kept: see `retention.inbox`.
    pub last_at: Option<Timestamp>,
    /// Those that have had no effect yet.
    pub unread: i64,
    pub quarantined: i64,
}

impl Operator {
    /// The webhooks of `sources`, in that order.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_webhook_activity(
        &self,
        sources: &[SourceConfig],
    ) -> Result<Vec<WebhookActivity>, SyncError> {
        let inbox = self.store.inbox();
        let counted =
            inbox.count().await?.into_iter().map(|row| ((row.source, row.state.as_str()), row.count));
        let counted: HashMap<(String, &str), i64> = counted.collect();
        let mut activity = Vec::new();
        for source in sources {
            let count = |state: InboxState| {
                counted.get(&(source.id.to_string(), state.as_str())).copied().unwrap_or_default()
            };
            activity.push(WebhookActivity {
                source: source.id.clone(),
                last_at: inbox.find_last(&source.id, POLLED).await?,
                unread: count(InboxState::New),
                quarantined: count(InboxState::Quarantined),
            });
        }
        Ok(activity)
    }

    /// Since when the delivery has waited that has waited longest.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_oldest_waiting(&self) -> Result<Option<Timestamp>, SyncError> {
        Ok(self.store.deliveries().find_oldest_waiting().await?)
    }
}
