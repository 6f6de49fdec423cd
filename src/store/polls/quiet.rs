//! How long a source has had nothing new, so that it can be polled less often meanwhile.
//!
//! Must not decide how often that is: it keeps what `sync` decided.

use crate::clock::Timestamp;
use crate::domain::SourceId;
use crate::store::db::{Tx, args};
use crate::store::{PollState, Store, StoreError};

impl Store {
    /// Notes that a poll brought nothing, and when the schedule may poll again. Does nothing if a webhook came
    /// since `state` was read: then it is quiet no more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn record_quiet_poll(
        &self,
        source: &SourceId,
        state: &PollState,
        due_at: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        self.db
            .execute(
                "UPDATE cursors SET quiet = $2, due_at = $3 WHERE source = $1 AND webhook_at = $4",
                &args![
                    source.as_str(),
                    state.quiet + 1,
                    due_at.map_or(0, |at| at.timestamp_millis()),
                    state.webhook_at.timestamp_millis(),
                ],
            )
            .await?;
        Ok(())
    }

    /// Polls the source by its schedule again.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_quiet(&self, source: &SourceId) -> Result<(), StoreError> {
        self.db
            .execute(
                "UPDATE cursors SET quiet = 0, due_at = 0 WHERE source = $1 AND quiet > 0",
                &args![source.as_str()],
            )
            .await?;
        Ok(())
    }

    /// The same because a webhook came. Writes nothing while the source is not quiet, so that webhooks in a
    /// row cost nothing.
    pub(in crate::store) async fn hear_webhook(
        &self,
        tx: &mut Tx,
        source: &SourceId,
    ) -> Result<(), StoreError> {
        tx.execute(
            "UPDATE cursors SET quiet = 0, due_at = 0, webhook_at = $2 WHERE source = $1 AND (quiet > 0 OR webhook_at = 0)",
            &args![source.as_str(), self.clock.now_ms()],
        )
        .await?;
        Ok(())
    }
}
