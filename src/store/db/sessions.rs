//! How long a session of PostgreSQL may wait or hold others up, and the locks that processes share.
//!
//! SQLite needs neither: one process writes at a time, and waits for `BUSY_TIMEOUT` at most.

use sqlx::PgConnection;

/// Limits of a session, in milliseconds, with the reason for each.
const LIMITS: [(&str, u32); 3] = [
    // Jira waits ten seconds for the answer to `installed`: a lock that is not free by then helps nobody.
    ("lock_timeout", 5_000),
    // A process that was stopped within a transaction keeps its locks until PostgreSQL ends its session.
    ("idle_in_transaction_session_timeout", 10_000),
    // The longest statement queues all entities of a source for a new site; this is many times that long.
    ("statement_timeout", 60_000),
];

/// Sets the limits for a new session.
pub(super) async fn limit(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    for (name, milliseconds) in LIMITS {
        let sql = "SELECT set_config($1, $2, false)";
        sqlx::query(sql).bind(name).bind(milliseconds.to_string()).execute(&mut *connection).await?;
    }
    Ok(())
}

/// SQL for the number of an advisory lock. Advisory locks belong to a database, so the schema is part of the
/// name: bridges in several schemas of one database do not exclude each other.
macro_rules! lock_key {
    ($name:literal) => {
        concat!("hashtextextended('incident-bridge ", $name, " ' || current_schema(), 0)")
    };
}
pub(super) use lock_key;
