//! A transaction of PostgreSQL that says when it has been undone.
//!
//! Dropping a transaction only notes that it must be rolled back, which happens when its connection is next used. Until
//! then it keeps its locks, and whoever tries again at once meets them on another connection. SQLite needs none of
//! this: its one connection is handed on only when what was begun on it is undone.

use sqlx::{PgConnection, Postgres, Transaction};
use tokio::sync::oneshot;

use crate::store::error::StoreError;

/// Dropped without `commit`, it leaves no trace.
pub(in crate::store) struct PgTx {
    transaction: Option<Transaction<'static, Postgres>>,
    /// Dropped once the transaction has ended.
    alive: Option<oneshot::Sender<()>>,
}

/// The end of a transaction.
pub(super) struct Undone(Option<oneshot::Receiver<()>>);

impl PgTx {
    pub fn new(transaction: Transaction<'static, Postgres>) -> Self {
        Self { transaction: Some(transaction), alive: None }
    }

    pub fn connection(&mut self) -> Result<&mut PgConnection, StoreError> {
        self.transaction.as_deref_mut().ok_or_else(|| sqlx::Error::WorkerCrashed.into())
    }

    pub async fn commit(mut self) -> Result<(), StoreError> {
        if let Some(transaction) = self.transaction.take() {
            transaction.commit().await?;
        }
        Ok(())
    }

    /// What ends when this does.
    pub(super) fn undone(&mut self) -> Undone {
        let (alive, ended) = oneshot::channel();
        self.alive = Some(alive);
        Undone(Some(ended))
    }
}

impl Drop for PgTx {
    /// Outside of a runtime it is left to the pool.
    fn drop(&mut self) {
        if let (Some(transaction), alive) = (self.transaction.take(), self.alive.take())
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(async move {
                // A connection that failed has no transaction any more.
                drop(transaction.rollback().await);
                drop(alive);
            });
        }
    }
}

impl Undone {
    /// Of a transaction that the next one waits for in any case.
    pub(super) fn already() -> Self {
        Self(None)
    }

    pub async fn wait(self) {
        if let Some(ended) = self.0 {
            let _always_dropped = ended.await;
        }
    }
}
