//! How far each polled source has been read, what could not be mapped, and pausing it.

use super::Operator;
use crate::clock::Timestamp;
use crate::domain::{SourceId, UnmappedValue};
use crate::sources::Memory;
use crate::store::PollState;
use crate::sync::core::SyncError;
use crate::sync::registry::SourceRuntime;

/// The progress of one source.
#[derive(Debug, Clone, serde::Serialize)]
pub struct SourceProgress {
    /// Paused by the operator. Webhooks continue.
    pub paused: bool,
    /// Why the last poll failed, if it did.
    pub failure: Option<String>,
    /// Whether the first sync has reached its end.
    pub caught_up: bool,
    /// Statements read by the first sync so far.
    pub read_count: i64,
    /// Number of statements, according to the tool.
    pub total: Option<i64>,
    /// The last page or failure; `None` before the first.
    pub polled_at: Option<Timestamp>,
}

impl Operator {
    /// The progress of `source`, if it was ever polled.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_progress(&self, source: &SourceId) -> Result<Option<SourceProgress>, SyncError> {
        let state = self.store.polls().find(source).await?;
        Ok(state.map(describe))
    }

    /// Pauses or resumes polling of a source that was polled before. Returns whether it was.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn pause_polls(&self, source: &SourceId, paused: bool) -> Result<bool, SyncError> {
        Ok(self.store.polls().pause(source, paused).await?)
    }

    /// Starts the next poll of `source` from `from`, as on the first day.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn rewind_polls(&self, source: &SourceId, from: Timestamp) -> Result<(), SyncError> {
        Ok(self.store.polls().restart(source, from).await?)
    }

    /// What `source` keeps from one webhook or poll to the next.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn load_memory(&self, source: &SourceId) -> Result<Memory, SyncError> {
        Ok(Memory::new(self.store.polls().load_memory(source, None).await?))
    }

    /// The severities and statuses of the tool that the configuration still does not map, in order.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_unmapped(&self, source: &SourceRuntime) -> Result<Vec<UnmappedValue>, SyncError> {
        let mut values = self.store.polls().list_unmapped(source.id()).await?;
        values.retain(|value| !source.config.knows(value));
        Ok(values)
    }
}

fn describe(state: PollState) -> SourceProgress {
    SourceProgress {
        paused: state.paused,
        failure: state.failure,
        caught_up: state.caught_up,
        read_count: state.read_count,
        total: state.total,
        polled_at: (state.polled_at > Timestamp::UNIX_EPOCH).then_some(state.polled_at),
    }
}
