//! Leases: which process currently does a piece of work.
//!
//! A lease saves work; correctness does not depend on it: everything done under one may be done twice. On
//! SQLite one process serves alone, so there every lease is free and costs no write.

use std::time::Duration;

use crate::clock::Clock;
use crate::store::db::{Database, args};
use crate::store::error::StoreError;

/// Proof that this process held `name` when it asked.
#[derive(Debug)]
pub struct Lease {
    /// What it is for.
    pub name: String,
    owner: String,
}

/// The room of the leases.
#[derive(Debug, Clone, Copy)]
pub struct Leases<'a> {
    db: &'a Database,
    clock: &'a Clock,
}

impl<'a> Leases<'a> {
    pub(in crate::store) fn new(db: &'a Database, clock: &'a Clock) -> Self {
        Self { db, clock }
    }

    /// Takes the lease if it is free, expired, or already `owner`'s. One that ends later than twice its
    /// length from now was taken while the clock was ahead, and is void.
    pub async fn claim(self, name: &str, owner: &str, length: Duration) -> Result<Option<Lease>, StoreError> {
        let lease = Lease { name: name.to_owned(), owner: owner.to_owned() };
        if self.db.has_one_process() {
            return Ok(Some(lease));
        }
        let now = self.clock.now_ms();
        let until = now.saturating_add(i64::try_from(length.as_millis()).unwrap_or(i64::MAX));
        let latest = until.saturating_add(until.saturating_sub(now));
        let sql = r#"
            INSERT INTO leases (name, owner, until)
            VALUES ($1, $2, $3)
            ON CONFLICT (name) DO UPDATE
            SET owner = excluded.owner, until = excluded.until
            WHERE leases.until <= $4 OR leases.until > $5 OR leases.owner = excluded.owner"#;
        let touched = self.db.execute(sql, &args![name, owner, until, now, latest]).await?;
        Ok((touched > 0).then_some(lease))
    }

    /// Gives the lease back, so that another process need not wait for its end. If that fails, it ends by
    /// itself.
    pub async fn release(self, lease: Lease) -> Result<(), StoreError> {
        if self.db.has_one_process() {
            return Ok(());
        }
        let sql = r#"
            DELETE FROM leases
            WHERE name = $1 AND owner = $2"#;
        self.db.execute(sql, &args![lease.name, lease.owner]).await?;
        Ok(())
    }
}
