//! What is written under a lease is written only while the lease is held.
//!
//! Whoever works under a lease is found through the task: every transaction that such work begins makes sure first, in
//! itself, that the lease is still the same, and keeps others from taking it before it ends. So a process that was
//! stopped and wakes up later writes nothing. Must not know what a lease is for.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};

use super::{Tx, args};
use crate::clock::Clock;
use crate::store::error::StoreError;

tokio::task_local! {
    static FENCES: Vec<Fence>;
}

/// A lease that work is done under.
#[derive(Debug, Clone)]
pub(in crate::store) struct Fence(Arc<Held>);

#[derive(Debug)]
struct Held {
    name: String,
    /// Differs each time that the lease is taken.
    token: String,
    /// Until when it is certain to be held, counted from the start of this process's clock.
    until: watch::Sender<Duration>,
    /// Notified when somebody waits for it to be renewed.
    awaited: Notify,
}

/// The leases under which this task works.
fn current() -> Vec<Fence> {
    FENCES.try_with(Clone::clone).unwrap_or_default()
}

impl Fence {
    pub fn new(name: &str, token: &str, until: Duration) -> Self {
        let (name, token) = (name.to_owned(), token.to_owned());
        Self(Arc::new(Held { name, token, until: watch::Sender::new(until), awaited: Notify::new() }))
    }

    pub fn name(&self) -> &str {
        &self.0.name
    }

    pub fn token(&self) -> &str {
        &self.0.token
    }

    pub fn until(&self) -> Duration {
        *self.0.until.borrow()
    }

    /// Returns when somebody waits for the lease to be renewed.
    pub async fn awaited(&self) {
        self.0.awaited.notified().await;
    }

    /// The lease was renewed.
    pub fn extend(&self, until: Duration) {
        self.0.until.send_replace(until);
    }

    /// Does work that writes only while the lease is held, and those under which it is done already.
    pub async fn guard<T>(&self, work: impl Future<Output = T>) -> T {
        let mut all = current();
        all.push(self.clone());
        FENCES.scope(all, work).await
    }

    /// Whether others work under the same lease.
    pub fn is_shared(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }
}

/// Returns at once if the leases under which this task works are certain to be held, otherwise as soon as they were
/// renewed.
pub(in crate::store) async fn wait_until_certain(clock: &Clock) {
    for Fence(held) in current() {
        if *held.until.borrow() <= clock.elapsed() {
            held.awaited.notify_one();
        }
        let mut until = held.until.subscribe();
        // An error would mean that the sender is gone, which is part of `held`.
        let _certain = until.wait_for(|until| *until > clock.elapsed()).await;
    }
}

/// Makes sure that the leases under which this task works are held until the transaction ends.
pub(super) async fn check(tx: &mut Tx) -> Result<(), StoreError> {
    // Taking a lease waits for this lock, renewing it does not.
    let sql = r#"
        SELECT 1::BIGINT
        FROM leases
        WHERE name = $1 AND owner = $2
        FOR KEY SHARE"#;
    for fence in current() {
        let found: Option<i64> = tx.find_value(sql, &args![fence.name(), fence.token()]).await?;
        if found.is_none() {
            return Err(StoreError::LeaseLost(fence.name().to_owned()));
        }
    }
    Ok(())
}
