//! Each source: how far its tool has been read, what its webhooks did, and what destinations refused of it.

use std::collections::{BTreeSet, HashMap};

use serde::Serialize;

use super::Operator;
use super::polls::SourceProgress;
use crate::clock::Timestamp;
use crate::config::SourceConfig;
use crate::domain::SourceId;
use crate::sync::core::SyncError;

/// Every source at one moment.
#[derive(Debug, Clone)]
pub struct SourcesAt {
    pub at: Timestamp,
    pub sources: Vec<SourceStatus>,
}

/// One source.
#[derive(Debug, Clone, Serialize)]
pub struct SourceStatus {
    pub source: SourceId,
    #[serde(rename = "type")]
    pub type_name: String,
    /// `None` when it only gets webhooks, or was never polled.
    pub polling: Option<SourceProgress>,
    /// Whether its tool can be polled.
    pub polls: bool,
    /// As far as retention has kept webhooks.
    pub last_webhook_at: Option<Timestamp>,
    /// Webhooks that have had no effect yet.
    pub unread: i64,
    /// Webhooks and entries of polls that could not be mapped.
    pub quarantined: i64,
    /// Deliveries that a destination refused.
    pub refused: i64,
}

impl Operator {
    /// The sources of the configuration, in its order; `polled` are those whose tool can be polled.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_sources(
        &self,
        sources: &[SourceConfig],
        polled: &BTreeSet<SourceId>,
    ) -> Result<SourcesAt, SyncError> {
        let at = self.clock.now();
        let refused: HashMap<String, i64> =
            self.store.deliveries().count_refused_by_source().await?.into_iter().collect();
        let mut listed = Vec::with_capacity(sources.len());
        for (source, activity) in sources.iter().zip(self.list_webhook_activity(sources).await?) {
            let polls = polled.contains(&source.id);
            listed.push(SourceStatus {
                source: source.id.clone(),
                type_name: source.kind.clone(),
                polling: if polls { self.find_progress(&source.id).await? } else { None },
                polls,
                last_webhook_at: activity.last_at,
                unread: activity.unread,
                quarantined: activity.quarantined,
                refused: refused.get(source.id.as_str()).copied().unwrap_or_default(),
            });
        }
        Ok(SourcesAt { at, sources: listed })
    }
}
