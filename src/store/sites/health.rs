//! What metrics say of sites: a few by name, and the others together.

use super::Sites;
use crate::clock::Timestamp;
use crate::domain::DestinationId;
use crate::store::db::{Flag, OptionalMillis, args};
use crate::store::error::StoreError;

/// A site that is installed and confirmed.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct SiteHealth {
    pub id: DestinationId,
    /// Host of a site, or the name of another destination.
    pub site: String,
    /// Whether a person must act.
    #[sqlx(rename = "is_parked", try_from = "Flag")]
    pub parked: bool,
    #[sqlx(try_from = "OptionalMillis")]
    pub last_contact_at: Option<Timestamp>,
}

impl Sites<'_> {
    /// Names of the first `limit` destinations that are in use, in the order of their names.
    pub async fn list_names(self, limit: usize) -> Result<Vec<String>, StoreError> {
        let sql = r#"
            SELECT site
            FROM destinations
            WHERE state IN ('enabled', 'disabled')
            ORDER BY site
            LIMIT $1"#;
        self.db.list_values(sql, &args![limit]).await
    }

    /// The destinations with these names that are in use.
    pub async fn list_health(self, names: &[String]) -> Result<Vec<SiteHealth>, StoreError> {
        let sql = r#"
            SELECT
                id, site, last_contact_at,
                CASE WHEN parked IS NULL THEN CAST(0 AS BIGINT) ELSE 1 END AS is_parked
            FROM destinations
            WHERE site IN (VALUES {rows}) AND state IN ('enabled', 'disabled')"#;
        let names: Vec<_> = names.iter().map(|name| args![name]).collect();
        self.db.list_all(sql, &names).await
    }

    /// How many destinations that are in use wait for a person.
    pub async fn count_parked(self) -> Result<i64, StoreError> {
        let sql = r#"
            SELECT COUNT(*)
            FROM destinations
            WHERE parked IS NOT NULL AND state IN ('enabled', 'disabled')"#;
        let (count,): (i64,) = self.db.get(sql, &args![]).await?;
        Ok(count)
    }
}
