//! How much waits, and where: for operators, metrics and readiness.

use super::Deliveries;
use crate::clock::{Timestamp, from_millis};
use crate::domain::{DeliveryState, DestinationId, Unsent};
use crate::store::db::{Flag, args, is_over};
use crate::store::error::StoreError;

/// How many deliveries of a destination are in which state.
#[derive(Debug, Clone, sqlx::FromRow, PartialEq, Eq)]
pub struct DeliveryCounts {
    pub destination: DestinationId,
    pub state: DeliveryState,
    pub count: i64,
}

/// A destination that may be served now.
#[derive(Debug, Clone, sqlx::FromRow, PartialEq, Eq)]
pub struct DestinationWithWork {
    pub id: DestinationId,
    /// Something is to be read back, and nothing to be sent.
    #[sqlx(try_from = "Flag")]
    pub only_reads: bool,
}

/// A recursive table of every destination with a delivery of some kind, each found with one look into an index that
/// has these deliveries only. Its last row is NULL.
macro_rules! each_destination {
    ($name:literal, $condition:literal) => {
        concat!(
            $name,
            " (destination) AS (
                SELECT MIN(destination)
                FROM deliveries
                WHERE ",
            $condition,
            "
                UNION ALL
                SELECT (
                    SELECT MIN(d.destination)
                    FROM deliveries d
                    WHERE ",
            $condition,
            " AND d.destination > ",
            $name,
            ".destination
                )
                FROM ",
            $name,
            "
                WHERE ",
            $name,
            ".destination IS NOT NULL
            )"
        )
    };
}

impl Deliveries<'_> {
    /// Counts all deliveries by destination and state. It reads an index as a whole: for operators, and rarely.
    pub async fn count(self) -> Result<Vec<DeliveryCounts>, StoreError> {
        let sql = r#"
            SELECT destination, state, COUNT(*) AS count
            FROM deliveries
            GROUP BY destination, state
            ORDER BY destination, state"#;
        self.db.list(sql, &args![]).await
    }

    /// Since when the delivery has waited that has waited longest.
    pub async fn find_oldest_waiting(self) -> Result<Option<Timestamp>, StoreError> {
        let sql = concat!(
            "WITH RECURSIVE ",
            each_destination!("sending", "state = 'waiting'"),
            r#"
            SELECT MIN((
                SELECT MIN(d.waiting_since)
                FROM deliveries d
                WHERE d.state = 'waiting' AND d.destination = sending.destination
            ))
            FROM sending"#
        );
        let (oldest,): (Option<i64>,) = self.db.get(sql, &args![]).await?;
        Ok(oldest.map(from_millis))
    }

    /// Destinations that may be served now and have something to send or to read back. Costs little for each
    /// destination that something waits for, and nothing for others. Of read-backs the next one decides.
    pub async fn list_destinations_with_work(self) -> Result<Vec<DestinationWithWork>, StoreError> {
        let sql = concat!(
            "WITH RECURSIVE ",
            each_destination!("sending", "state = 'waiting' AND not_before = 0"),
            ", ",
            each_destination!("later", "not_before > 0"),
            ", ",
            each_destination!("reading", "read_back_at IS NOT NULL"),
            r#"
            SELECT s.id, MIN(work.only_reads) AS only_reads
            FROM (
                SELECT destination, CAST(0 AS BIGINT) AS only_reads
                FROM sending
                UNION ALL
                SELECT destination, CAST(0 AS BIGINT)
                FROM later
                WHERE 1 = (
                    SELECT CASE WHEN "#,
            is_over!("d.not_before", "$1", "d.updated_at", "$1"),
            r#" THEN 1 ELSE 0 END
                    FROM deliveries d
                    WHERE d.destination = later.destination AND d.not_before > 0
                    ORDER BY d.not_before
                    LIMIT 1
                )
                UNION ALL
                SELECT destination, CAST(1 AS BIGINT)
                FROM reading
                WHERE 1 = (
                    SELECT CASE WHEN "#,
            is_over!("d.read_back_at", "$1", "d.updated_at", "$1"),
            r#" THEN 1 ELSE 0 END
                    FROM deliveries d
                    WHERE d.destination = reading.destination AND d.read_back_at IS NOT NULL
                    ORDER BY d.read_back_at
                    LIMIT 1
                )
            ) work
            CROSS JOIN destinations s
            WHERE s.id = work.destination
              AND s.state = 'enabled'
              AND "#,
            is_over!("s.wait_until", "$1", "s.wait_since", "$1"),
            r#"
            GROUP BY s.id
            ORDER BY s.id"#
        );
        self.db.list(sql, &args![self.clock.now()]).await
    }

    /// Incidents that wait for a destination and that it was never sent, by status and level.
    pub async fn count_unsent(self, destination: &DestinationId) -> Result<Vec<Unsent>, StoreError> {
        let sql = r#"
            SELECT e.standing, COUNT(*)
            FROM deliveries d
            CROSS JOIN entities e
            WHERE e.kind = d.kind
              AND e.id = d.entity_id
              AND d.destination = $1
              AND d.state = 'waiting'
              AND d.kind = 'incident'
              AND d.acknowledged = 0
              AND e.content IS NOT NULL
            GROUP BY e.standing"#;
        let rows: Vec<(String, i64)> = self.db.list(sql, &args![destination]).await?;
        let read = |(standing, count): (String, i64)| {
            let (status, severity) = standing.split_once('/')?;
            let status = serde_json::from_value(status.into()).ok()?;
            let severity = serde_json::from_value(severity.into()).ok()?;
            Some(Unsent { status, severity, count: usize::try_from(count).unwrap_or(usize::MAX) })
        };
        Ok(rows.into_iter().filter_map(read).collect())
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
