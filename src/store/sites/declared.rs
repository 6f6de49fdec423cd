//! Destinations that the configuration declares: they have no secret here, and come and go with the
//! configuration.

use super::{DestinationRef, Sites};
use crate::clock::Timestamp;
use crate::domain::DestinationId;
use crate::store::db::generations::{self, Part};
use crate::store::db::{Millis, args, unless_set_back};
use crate::store::error::StoreError;

/// A destination of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredDestination {
    pub id: DestinationId,
    /// Any type but `operations`, whose destinations are installations.
    pub type_name: String,
    /// What operators call it.
    pub name: String,
}

/// Any destination as sentences need it: what it is called, and what blocks it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Place {
    pub id: DestinationId,
    #[sqlx(rename = "type")]
    pub type_name: String,
    /// Host of a site, or the name of another destination.
    #[sqlx(rename = "site")]
    pub name: String,
    #[sqlx(try_from = "Millis")]
    wait_since: Timestamp,
    #[sqlx(try_from = "Millis")]
    wait_until: Timestamp,
    /// In a row.
    pub failures: i64,
    /// Why a person must act, if so.
    pub parked: Option<String>,
}

impl Place {
    /// Nothing is sent before then.
    #[must_use]
    pub fn wait_until(&self, now: Timestamp) -> Timestamp {
        unless_set_back(self.wait_until, self.wait_since, now)
    }
}

impl Sites<'_> {
    /// All destinations, installed and declared, gone ones included.
    pub async fn list_places(self) -> Result<Vec<Place>, StoreError> {
        let sql = r#"
            SELECT id, type, site, wait_since, wait_until, failures, parked
            FROM destinations
            ORDER BY site, id"#;
        self.db.list(sql, &args![]).await
    }

    /// The declared destinations that are served.
    pub async fn list_declared(self) -> Result<Vec<DestinationRef>, StoreError> {
        let sql = r#"
            SELECT id, installed_at
            FROM destinations
            WHERE type <> 'operations' AND state = 'enabled'
            ORDER BY id"#;
        self.db.list(sql, &args![]).await
    }

    /// Makes the declared destinations the only ones that are served besides the installations. One that was
    /// declared before keeps its deliveries and its `since`; one that is no longer declared is kept as
    /// uninstalled.
    pub async fn declare(self, declared: &[DeclaredDestination]) -> Result<(), StoreError> {
        let retire = r#"
            UPDATE destinations
            SET state = 'uninstalled', updated_at = $1
            WHERE type <> 'operations' AND state <> 'uninstalled' AND id = $2"#;
        let upsert = r#"
            INSERT INTO destinations (id, type, state, base_url, site, installed_at, updated_at)
            VALUES ($1, $2, 'enabled', '', $3, $4, $4)
            ON CONFLICT (id) DO UPDATE
            SET type = excluded.type,
                state = 'enabled',
                site = excluded.site,
                installed_at = CASE
                    WHEN destinations.state = 'uninstalled' THEN excluded.installed_at
                    ELSE destinations.installed_at
                END,
                updated_at = excluded.updated_at
            WHERE destinations.type <> 'operations'"#;
        let now = self.clock.now();
        self.db
            .transact(|mut tx| async move {
                let known = r#"
                    SELECT id
                    FROM destinations
                    WHERE type <> 'operations' AND state <> 'uninstalled'"#;
                let known: Vec<DestinationId> = tx.list_values(known, &args![]).await?;
                let new = declared.iter().map(|it| &it.id).filter(|id| !known.contains(id));
                let gone: Vec<_> =
                    known.iter().filter(|id| !declared.iter().any(|it| it.id == **id)).collect();
                for gone in &gone {
                    tx.execute(retire, &args![now, *gone]).await?;
                }
                for destination in declared {
                    let args = args![&destination.id, &destination.type_name, &destination.name, now];
                    tx.execute(upsert, &args).await?;
                }
                let changed: Vec<&str> = new.chain(gone).map(DestinationId::as_str).collect();
                if !changed.is_empty() {
                    generations::bump_directory(&mut tx, Part::Destination, changed).await?;
                }
                Ok((tx, ()))
            })
            .await
    }
}
