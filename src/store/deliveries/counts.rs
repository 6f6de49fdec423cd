//! How much waits, and where: for operators, metrics and readiness.

use serde::Serialize;

use super::Deliveries;
use crate::clock::Timestamp;
use crate::domain::{DeliveryState, DestinationId};
use crate::store::db::{Millis, args, is_over};
use crate::store::error::StoreError;

/// How many deliveries of a destination are in which state.
#[derive(Debug, Clone, Serialize, sqlx::FromRow, PartialEq, Eq)]
pub struct DeliveryCounts {
    #[serde(rename = "client_key")]
    pub destination: DestinationId,
    pub state: DeliveryState,
    pub count: i64,
    /// When the oldest of them began to wait.
    #[sqlx(try_from = "Millis")]
    pub oldest: Timestamp,
}

impl Deliveries<'_> {
    /// Counts all deliveries by destination and state.
    pub async fn count(self) -> Result<Vec<DeliveryCounts>, StoreError> {
        let sql = r#"
            SELECT destination, state, COUNT(*) AS count, MIN(waiting_since) AS oldest
            FROM deliveries
            GROUP BY destination, state
            ORDER BY destination, state"#;
        self.db.list(sql, &args![]).await
    }

    /// Destinations that may be served now and have something to send or to read back.
    pub async fn list_destinations_with_work(self) -> Result<Vec<DestinationId>, StoreError> {
        let sql = concat!(
            r#"
            SELECT id
            FROM destinations
            WHERE state = 'enabled'
              AND "#,
            is_over!("wait_until", "$1", "wait_since", "$1"),
            r#"
              AND (
                EXISTS (
                    SELECT 1
                    FROM deliveries d
                    WHERE d.destination = destinations.id AND d.state = 'waiting'
                )
                OR EXISTS (
                    SELECT 1
                    FROM deliveries d
                    WHERE d.destination = destinations.id
                      AND d.read_back_at IS NOT NULL
                      AND "#,
            is_over!("d.read_back_at", "$1", "d.updated_at", "$1"),
            r#"
                )
              )
            ORDER BY id"#
        );
        self.db.list_values(sql, &args![self.clock.now()]).await
    }

    /// How many deliveries of each source were refused; sources without any are missing.
    pub async fn count_refused_by_source(self) -> Result<Vec<(String, i64)>, StoreError> {
        let sql = r#"
            SELECT e.source, COUNT(*)
            FROM destinations s
            JOIN deliveries d ON d.destination = s.id AND d.state = 'refused'
            JOIN entities e ON e.kind = d.kind AND e.id = d.entity_id
            GROUP BY e.source
            ORDER BY e.source"#;
        self.db.list(sql, &args![]).await
    }

    /// Sources of which a destination has deliveries.
    pub async fn list_sources_at(self, destination: &DestinationId) -> Result<Vec<String>, StoreError> {
        let sql = r#"
            SELECT DISTINCT source
            FROM entity_deliveries
            WHERE destination = $1
            ORDER BY source"#;
        self.db.list_values(sql, &args![destination]).await
    }
}
