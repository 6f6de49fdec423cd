//! Failures of what is read besides pages: the list of services and teams, and named incidents. Each has its own count,
//! because pages may succeed while these fail.

use super::Polls;
use crate::domain::SourceId;
use crate::store::db::args;
use crate::store::error::StoreError;
use crate::store::polls::state::PollFailure;

impl Polls<'_> {
    /// Stores that the services and teams could not be read, and when they may be read next.
    pub async fn record_catalogue_failure(
        self,
        source: &SourceId,
        failure: &PollFailure,
    ) -> Result<(), StoreError> {
        let sql = r#"
            UPDATE polls
            SET catalogue_failures = catalogue_failures + 1,
                catalogue_failure = $1,
                catalogue_wait_since = $2,
                catalogue_wait_until = $3
            WHERE source = $4"#;
        let args = args![&failure.message, self.clock.now(), failure.wait_until, source];
        self.db.execute(sql, &args).await?;
        Ok(())
    }

    /// Stores that a named incident could not be fetched, and when the next may be.
    pub async fn record_fetch_failure(
        self,
        source: &SourceId,
        failure: &PollFailure,
    ) -> Result<(), StoreError> {
        let sql = r#"
            UPDATE polls
            SET fetch_failures = fetch_failures + 1,
                fetch_failure = $1,
                fetch_wait_since = $2,
                fetch_wait_until = $3
            WHERE source = $4"#;
        let args = args![&failure.message, self.clock.now(), failure.wait_until, source];
        self.db.execute(sql, &args).await?;
        Ok(())
    }

    /// Forgets failures to fetch named incidents: everything that was named has been fetched.
    pub async fn end_fetch_failures(self, source: &SourceId) -> Result<(), StoreError> {
        let sql = r#"
            UPDATE polls
            SET fetch_failures = 0, fetch_failure = NULL, fetch_wait_until = 0
            WHERE source = $1 AND fetch_failures > 0"#;
        self.db.execute(sql, &args![source]).await?;
        Ok(())
    }
}
