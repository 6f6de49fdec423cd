//! Counts for operators, metrics and readiness.

use serde::Serialize;

use crate::store::db::args;
use crate::store::{Store, StoreError};

/// How many deliveries of a site are in which state.
#[derive(Debug, Clone, Serialize, sqlx::FromRow, PartialEq, Eq)]
pub struct DeliveryCounts {
    pub client_key: String,
    pub state: String,
    pub count: i64,
    /// Milliseconds since the epoch at which the oldest of them began to wait.
    pub oldest: i64,
}

/// How many webhooks are in which state.
#[derive(Debug, Clone, Serialize, sqlx::FromRow, PartialEq, Eq)]
pub struct QueueCounts {
    pub source: String,
    pub state: String,
    pub count: i64,
}

impl Store {
    /// # Errors
    /// When the database fails.
    pub async fn count_deliveries(&self) -> Result<Vec<DeliveryCounts>, StoreError> {
        self.db
            .list(
                "SELECT client_key, state, COUNT(*) AS count, MIN(waiting_since) AS oldest FROM deliveries \
                 GROUP BY client_key, state ORDER BY client_key, state",
                &args![],
            )
            .await
    }

    /// # Errors
    /// When the database fails.
    pub async fn count_inbox(&self) -> Result<Vec<QueueCounts>, StoreError> {
        self.db
            .list(
                "SELECT source, state, COUNT(*) AS count FROM inbox WHERE state <> 'done' GROUP BY source, state \
                 ORDER BY source, state",
                &args![],
            )
            .await
    }
}
