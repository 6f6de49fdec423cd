//! The new webhooks of a source have one owner: whoever claims them reads them and the facts that they need, and writes
//! their effect, all in one transaction.
//!
//! While one process has the claim, the others turn to other sources. Must not know what webhooks say.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;

use futures::FutureExt as _;

use super::report::{Applied, Report, SourceScope};
use crate::domain::SourceId;
use crate::store::Store;
use crate::store::db::{Tx, generations};
use crate::store::error::StoreError;
use crate::store::inbox::InboxRow;

/// The new webhooks of one source, which nobody else takes until the transaction ends.
pub struct Claim<'a> {
    store: &'a Store,
    source: &'a SourceId,
    tx: Tx,
}

impl Store {
    /// Does `work` on the new webhooks of a source, in a transaction that it gives back to be committed. Returns `None`
    /// while another process works on them. When `work` panics, nothing is written, and the failure blames the webhooks.
    pub async fn claim_webhooks<'a, T, F>(
        &'a self,
        source: &'a SourceId,
        work: impl Fn(Claim<'a>) -> F,
    ) -> Result<Option<T>, StoreError>
    where
        F: Future<Output = Result<(Claim<'a>, T), StoreError>>,
    {
        let work = &work;
        self.db
            .transact(|mut tx| async move {
                generations::keep_sites(&mut tx).await?;
                if !generations::try_lock_source(&mut tx, source).await? {
                    return Ok((tx, None));
                }
                // The panic hook has printed the message; the transaction is dropped with what `work` was changing.
                let worked = AssertUnwindSafe(async { work(Claim { store: self, source, tx }).await });
                let (claim, value) = worked.catch_unwind().await.map_err(|_| StoreError::Panicked)??;
                Ok((claim.tx, Some(value)))
            })
            .await
    }
}

impl Claim<'_> {
    /// The oldest webhooks that have had no effect yet: at most `limit`, and fewer if they are large.
    pub async fn list_new(&mut self, limit: usize) -> Result<Vec<InboxRow>, StoreError> {
        self.store.inbox().list_new_in(&mut self.tx, self.source, limit).await
    }

    /// What the source keeps under `keys`.
    pub async fn load_memory(&mut self, keys: &[String]) -> Result<BTreeMap<String, String>, StoreError> {
        self.store.polls().load_memory_in(&mut self.tx, self.source, Some(keys)).await
    }

    /// Keeps webhooks that cannot be mapped, each by its id and with the reason.
    pub async fn quarantine(&mut self, unmappable: &[(&str, &str)]) -> Result<(), StoreError> {
        self.store.inbox().quarantine_in(&mut self.tx, unmappable).await
    }

    /// Applies what webhooks said, and ends them.
    pub async fn apply(
        &mut self,
        scope: &SourceScope<'_>,
        reports: &[Report<'_>],
    ) -> Result<Applied, StoreError> {
        self.store.apply_in(&mut self.tx, scope, reports).await
    }
}
