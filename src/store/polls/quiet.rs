//! How long a source has had nothing new, so that it can be polled less often meanwhile.

use super::Polls;
use super::state::PollState;
use crate::clock::{Timestamp, from_millis};
use crate::domain::SourceId;
use crate::store::db::{Tx, args};
use crate::store::error::StoreError;

impl Polls<'_> {
    /// Notes that a poll brought nothing, and when the schedule may poll again. Does nothing if a webhook
    /// arrived since `state` was read: the source is then no longer quiet.
    pub async fn record_quiet(
        self,
        source: &SourceId,
        state: &PollState,
        due_at: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        let sql = r#"
            UPDATE polls
            SET quiet = $1, due_at = $2
            WHERE source = $3 AND webhook_at = $4"#;
        let due_at = due_at.unwrap_or(from_millis(0));
        self.db.execute(sql, &args![state.quiet + 1, due_at, source, state.webhook_at]).await?;
        Ok(())
    }

    /// Polls the source by its schedule again.
    pub async fn end_quiet(self, source: &SourceId) -> Result<(), StoreError> {
        let sql = r#"
            UPDATE polls
            SET quiet = 0, due_at = 0
            WHERE source = $1 AND quiet > 0"#;
        self.db.execute(sql, &args![source]).await?;
        Ok(())
    }

    /// The same because a webhook came. Writes nothing while the source is not quiet, so that webhooks in a
    /// row cost nothing.
    pub(in crate::store) async fn note_webhook(
        self,
        tx: &mut Tx,
        source: &SourceId,
    ) -> Result<(), StoreError> {
        let sql = r#"
            UPDATE polls
            SET quiet = 0, due_at = 0, webhook_at = $1
            WHERE source = $2 AND (quiet > 0 OR webhook_at = 0)"#;
        tx.execute(sql, &args![self.clock.now(), source]).await?;
        Ok(())
    }
}
