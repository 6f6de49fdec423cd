//! The destinations: Jira sites that have the app installed and what the configuration declares, what keeps
//! each from being served, what each is linked to, and what must be removed from it.
//!
//! All are rows of one table. An installation is a destination of the type `operations` whose id is its
//! client key.

pub(in crate::store) mod approval;
pub(in crate::store) mod backoff;
pub(in crate::store) mod declared;
pub(in crate::store) mod health;
pub(in crate::store) mod installations;
pub(in crate::store) mod known;
pub(in crate::store) mod ledger;
pub(in crate::store) mod lifecycle_calls;
mod links;
pub(in crate::store) mod removals;
pub(in crate::store) mod secrets;
mod unconfirmed;

use std::sync::Arc;

use ledger::Ledger;

use crate::clock::{Clock, Timestamp};
use crate::domain::DestinationId;
use crate::store::db::{Database, Millis, args, generations};
use crate::store::error::StoreError;
use crate::store::vault::Vault;

/// One destination as it was installed at some time: what is known about it is valid until it is
/// reinstalled.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct DestinationRef {
    pub id: DestinationId,
    /// When it was installed or declared, which tells one installation from the next.
    #[sqlx(rename = "installed_at", try_from = "Millis")]
    pub since: Timestamp,
}

/// The room of the destinations.
#[derive(Debug, Clone, Copy)]
pub struct Sites<'a> {
    db: &'a Database,
    clock: &'a Clock,
    vault: &'a Arc<Vault>,
}

impl<'a> Sites<'a> {
    pub(in crate::store) fn new(db: &'a Database, clock: &'a Clock, vault: &'a Arc<Vault>) -> Self {
        Self { db, clock, vault }
    }

    /// A number that changes whenever installations, workspaces or components do.
    pub async fn directory_generation(self) -> Result<i64, StoreError> {
        generations::get_directory(self.db).await
    }

    /// Records that the nightly comparison has checked the destination.
    pub async fn record_compared(self, destination: &DestinationId) -> Result<(), StoreError> {
        let sql = r#"
            UPDATE destinations
            SET compared_at = $1
            WHERE id = $2"#;
        self.db.execute(sql, &args![self.clock.now(), destination]).await?;
        Ok(())
    }
}
