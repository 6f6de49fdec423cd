//! How far each polled source has been read, what could not be mapped, and pausing it.

use super::Operator;
use crate::clock::Timestamp;
use crate::config::SourceConfig;
use crate::domain::{SourceId, UnmappedValue};
use crate::store::PollState;
use crate::sync::core::SyncError;
use crate::sync::registry::SourceRuntime;

/// The progress of every polled source at one moment.
#[derive(Debug, Clone)]
pub struct Progress {
    pub at: Timestamp,
    pub sources: Vec<SourceProgress>,
}

/// The progress of one source.
#[derive(Debug, Clone)]
pub struct SourceProgress {
    pub source: SourceId,
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
    pub polled_at: Timestamp,
}

impl Operator {
    /// The progress of those among `sources` that were ever polled.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_progress(&self, sources: &[SourceConfig]) -> Result<Progress, SyncError> {
        let at = self.clock.now();
        let mut polled = Vec::new();
        for source in sources {
            polled.extend(self.find_progress(&source.id).await?);
        }
        Ok(Progress { at, sources: polled })
    }

    /// The progress of `source`, if it was ever polled.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_progress(&self, source: &SourceId) -> Result<Option<SourceProgress>, SyncError> {
        let state = self.store.polls().find(source).await?;
        Ok(state.map(|state| describe(source.clone(), state)))
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

fn describe(source: SourceId, state: PollState) -> SourceProgress {
    SourceProgress {
        source,
        paused: state.paused,
        failure: state.failure,
        caught_up: state.caught_up,
        read_count: state.read_count,
        total: state.total,
        polled_at: state.polled_at,
    }
}
