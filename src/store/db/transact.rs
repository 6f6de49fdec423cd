//! Transactions: each is repeated when the database ended it only because of another.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};

use super::{Database, Tx, fence};
use crate::store::error::StoreError;

/// The first wait after a collision; it doubles, and jitter keeps those that collided apart.
const FIRST_WAIT: Duration = Duration::from_millis(5);
/// Repetitions: together they take less than a second.
const TIMES: usize = 6;

impl Database {
    /// Runs `work` in a transaction, which it gives back to be committed. After a deadlock or a serialization
    /// failure everything is repeated at once, a few times: nothing of it has been written. Under a lease that was lost
    /// nothing is written either.
    pub async fn transact<T, F>(&self, work: impl Fn(Tx) -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<(Tx, T), StoreError>>,
    {
        repeat(|| async {
            let mut tx = self.begin().await?;
            fence::check(&mut tx).await?;
            let undone = tx.undone();
            match work(tx).await {
                Ok((tx, value)) => tx.commit().await.map(|()| value),
                Err(fault) => {
                    // Whoever meets one of these tries again at once.
                    if fault.blames_data() || fault.is_collision() {
                        undone.wait().await;
                    }
                    Err(fault)
                }
            }
        })
        .await
    }
}

/// Repeats what has written nothing because of another transaction.
pub(super) async fn repeat<T, F>(once: impl FnMut() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let waits = ExponentialBuilder::default().with_min_delay(FIRST_WAIT).with_max_times(TIMES);
    once.retry(waits.with_jitter()).sleep(tokio::time::sleep).when(StoreError::is_collision).await
}
