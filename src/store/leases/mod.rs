//! Leases: which process currently does a piece of work.
//!
//! A lease is renewed while the work goes on and lost a few seconds after its process has died or stopped. What is
//! written under it is checked in the same transaction (`db/fence.rs`). Its end is a time of the database, so that
//! the clocks of processes need not agree. On SQLite one process serves alone: there every lease is free and costs
//! no write.

pub(in crate::store) mod points;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::Clock;
use crate::store::db::{Database, args, fence};
use crate::store::error::StoreError;
use fence::Fence;

/// How long a process may be silent before another one takes its work over. With the second in which others look for
/// work, that is less than ten seconds.
const LENGTH: Duration = Duration::from_secs(8);
/// How often a lease is renewed.
const RENEWAL: Duration = Duration::from_secs(2);
/// How soon a renewal that failed is repeated.
const REPEAT: Duration = Duration::from_millis(250);

/// The database's clock, in milliseconds since the Unix epoch.
macro_rules! now {
    () => {
        "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)"
    };
}

/// Proof that this process held a piece of work when it asked.
#[derive(Debug)]
pub struct Lease(Fence);

/// The leases of this process, under which several tasks may work.
#[derive(Debug, Clone, Default)]
pub(in crate::store) struct HeldLeases(Arc<Mutex<HashMap<String, Fence>>>);

impl HeldLeases {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Fence>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn forget(&self, fence: &Fence) {
        self.lock().retain(|_, held| held.token() != fence.token());
    }
}

/// The room of the leases.
#[derive(Debug, Clone, Copy)]
pub struct Leases<'a> {
    db: &'a Database,
    clock: &'a Clock,
    held: &'a HeldLeases,
}

impl<'a> Leases<'a> {
    pub(in crate::store) fn new(db: &'a Database, clock: &'a Clock, held: &'a HeldLeases) -> Self {
        Self { db, clock, held }
    }

    /// Whether other processes may work on the same things.
    #[must_use]
    pub fn are_needed(self) -> bool {
        !self.db.has_one_process()
    }

    /// Does `work` while this process holds `name`. Several tasks of the process may work under one lease. Returns
    /// `None` when another process holds it; also, with the work dropped half-way, when it was lost. Give it large
    /// work in a box: it is moved several times.
    pub async fn hold<T>(self, name: &str, work: impl Future<Output = T>) -> Result<Option<T>, StoreError> {
        self.hold_and_keep(name, Duration::ZERO, work).await
    }

    /// The same, and nobody else gets the lease for some time after the work.
    pub async fn hold_and_keep<T>(
        self,
        name: &str,
        keep: Duration,
        work: impl Future<Output = T>,
    ) -> Result<Option<T>, StoreError> {
        if !self.are_needed() {
            return Ok(Some(work.await));
        }
        let Some(fence) = self.join(name).await? else { return Ok(None) };
        let done = tokio::select! {
            biased;
            () = self.renew_until_lost(&fence) => None,
            done = fence.guard(work) => Some(done),
        };
        if done.is_none() {
            tracing::warn!(
                name,
                "this process was silent for too long, and another may do its work; it stops doing it"
            );
            self.held.forget(&fence);
        } else if let Err(fault) = self.leave(fence, keep).await {
            tracing::debug!(name, %fault, "a lease was not given back; it ends by itself");
        }
        Ok(done)
    }

    /// Returns at once if the lease under which this task works is certain to be held; otherwise once it was renewed.
    /// For whoever is about to do what a transaction cannot take back.
    pub async fn wait_until_certain(self) {
        fence::wait_until_certain(self.clock).await;
    }

    async fn join(self, name: &str) -> Result<Option<Fence>, StoreError> {
        let held = self.held.lock().get(name).cloned();
        // One whose work was cut off is not renewed.
        if let Some(held) = held.filter(|held| held.until() > self.clock.elapsed()) {
            return Ok(Some(held));
        }
        let Some(Lease(fence)) = self.claim(name, LENGTH).await? else { return Ok(None) };
        self.held.lock().insert(name.to_owned(), fence.clone());
        Ok(Some(fence))
    }

    async fn leave(self, fence: Fence, keep: Duration) -> Result<(), StoreError> {
        {
            let mut held = self.held.lock();
            drop(held.remove(fence.name()));
            if fence.is_shared() {
                held.insert(fence.name().to_owned(), fence);
                return Ok(());
            }
        }
        if keep.is_zero() { self.release(Lease(fence)).await } else { self.extend(&fence, keep).await }
    }

    /// Renews the lease again and again. Returns when it is no longer certain to be held.
    async fn renew_until_lost(self, fence: &Fence) {
        let mut pause = RENEWAL;
        loop {
            tokio::select! {
                () = fence.awaited() => {}
                () = tokio::time::sleep(pause) => {}
            }
            let left = fence.until().saturating_sub(self.clock.elapsed());
            // One that has ended may still be this process's.
            match tokio::time::timeout(left.max(RENEWAL), self.extend(fence, LENGTH)).await {
                Ok(Ok(())) => pause = RENEWAL,
                Ok(Err(StoreError::LeaseLost(_))) => return,
                Ok(Err(_)) | Err(_) if fence.until() <= self.clock.elapsed() => return,
                Ok(Err(_)) | Err(_) => pause = REPEAT,
            }
        }
    }

    async fn extend(self, fence: &Fence, length: Duration) -> Result<(), StoreError> {
        let until = self.clock.elapsed().saturating_add(length);
        let sql = concat!(
            r#"
            UPDATE leases
            SET until = "#,
            now!(),
            r#" + $1
            WHERE name = $2 AND owner = $3"#
        );
        if self.db.execute(sql, &args![millis(length), fence.name(), fence.token()]).await? == 0 {
            return Err(StoreError::LeaseLost(fence.name().to_owned()));
        }
        fence.extend(until);
        Ok(())
    }

    /// Takes the lease if it is free or has ended. One that ends later than twice its length from now was taken while
    /// the database's clock was ahead, and is void.
    pub async fn claim(self, name: &str, length: Duration) -> Result<Option<Lease>, StoreError> {
        let (token, until) = (self.clock.new_id(), self.clock.elapsed().saturating_add(length));
        let fence = Fence::new(name, &token, until);
        if !self.are_needed() {
            return Ok(Some(Lease(fence)));
        }
        // One that is held is only read. `name` is set so that taking one over waits for transactions under it: they
        // lock the key.
        let sql = concat!(
            r#"
            INSERT INTO leases (name, owner, until)
            SELECT $1, $2, "#,
            now!(),
            r#" + $3
            WHERE NOT EXISTS (
                SELECT 1
                FROM leases
                WHERE name = $1 AND until > "#,
            now!(),
            r#" AND until <= "#,
            now!(),
            r#" + 2 * $3
            )
            ON CONFLICT (name) DO UPDATE
            SET name = excluded.name, owner = excluded.owner, until = excluded.until
            WHERE leases.until <= "#,
            now!(),
            r#" OR leases.until > "#,
            now!(),
            r#" + 2 * $3"#
        );
        let touched = self.db.execute(sql, &args![name, &token, millis(length)]).await?;
        Ok((touched > 0).then_some(Lease(fence)))
    }

    /// Gives the lease back, so that another process need not wait for its end. If that fails, it ends by
    /// itself.
    pub async fn release(self, Lease(fence): Lease) -> Result<(), StoreError> {
        if !self.are_needed() {
            return Ok(());
        }
        let sql = r#"
            DELETE FROM leases
            WHERE name = $1 AND owner = $2"#;
        self.db.execute(sql, &args![fence.name(), fence.token()]).await?;
        Ok(())
    }
}

fn millis(length: Duration) -> i64 {
    i64::try_from(length.as_millis()).unwrap_or(i64::MAX)
}
