//! Leases: which process does a piece of work just now.
//!
//! A lease saves work, it does not guard correctness: everything done under one may be done twice. On SQLite
//! one process serves alone, so there every lease is free and costs no write.

use std::time::Duration;

use crate::store::db::args;
use crate::store::{Store, StoreError};

/// Proof that this process held `name` when it asked.
#[derive(Debug)]
pub struct Lease {
    pub name: String,
    owner: String,
}

impl Store {
    /// Takes the lease if it is free, expired, or already `owner`'s. One that ends later than twice its length
    /// from now was taken by a clock that was ahead, and is void.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn claim_lease(
        &self,
        name: &str,
        owner: &str,
        length: Duration,
    ) -> Result<Option<Lease>, StoreError> {
        let lease = Lease { name: name.to_owned(), owner: owner.to_owned() };
        if self.db.has_one_process() {
            return Ok(Some(lease));
        }
        let now = self.clock.now_ms();
        let until = now.saturating_add(i64::try_from(length.as_millis()).unwrap_or(i64::MAX));
        let touched = self
            .db
            .execute(
                "INSERT INTO leases (name, owner, until) VALUES ($1, $2, $3) \
                 ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, until = excluded.until \
                 WHERE leases.until <= $4 OR leases.until > $5 OR leases.owner = excluded.owner",
                &args![name, owner, until, now, until.saturating_add(until.saturating_sub(now))],
            )
            .await?;
        Ok((touched > 0).then_some(lease))
    }

    /// Gives the lease back, so that another process need not wait for its end.
    ///
    /// # Errors
    /// When the database fails; the lease then ends by itself.
    pub async fn release_lease(&self, lease: Lease) -> Result<(), StoreError> {
        if self.db.has_one_process() {
            return Ok(());
        }
        self.db
            .execute("DELETE FROM leases WHERE name = $1 AND owner = $2", &args![lease.name, lease.owner])
            .await?;
        Ok(())
    }
}
