//! The simulation's own look at the database: whether every acknowledged webhook is there, and writes that
//! the database refuses on demand, by triggers.

use std::collections::BTreeMap;
use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection as _};

use super::world::World;

/// Writes that can be made to fail.
const WRITES: [(&str, &str); 16] = [
    ("inbox", "INSERT"),
    ("inbox", "UPDATE"),
    ("entities", "INSERT"),
    ("entities", "UPDATE"),
    ("deliveries", "INSERT"),
    ("deliveries", "UPDATE"),
    ("deliveries", "DELETE"),
    ("timeline", "INSERT"),
    ("polls", "INSERT"),
    ("polls", "UPDATE"),
    ("refetches", "INSERT"),
    ("refetches", "DELETE"),
    ("links", "INSERT"),
    ("destinations", "INSERT"),
    ("destinations", "UPDATE"),
    ("generations", "UPDATE"),
];

/// A connection beside those of the bridge.
pub struct Database {
    connection: SqliteConnection,
    pub refuses: bool,
    /// How often it has begun to refuse writes.
    pub refusals: u64,
}

impl Database {
    /// # Errors
    /// When the file cannot be opened.
    pub async fn open(file: &Path) -> anyhow::Result<Self> {
        let options = SqliteConnectOptions::new().filename(file);
        Ok(Self { connection: SqliteConnection::connect_with(&options).await?, refuses: false, refusals: 0 })
    }

    /// One kind of write fails from now on, and with it its whole transaction.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn refuse_writes(&mut self, world: &World) -> anyhow::Result<()> {
        self.accept_writes().await?;
        let (table, write) = WRITES[world.below(WRITES.len())];
        // Not always the first row, so that the transaction has done something before.
        let (share, rest) = match world.below(3) {
            0 => (1, 0),
            share => (share + 1, world.below(share + 1)),
        };
        world.note(format_args!("the database refuses {write} on {table} ({rest} of {share})"));
        let sql = format!(
            "CREATE TRIGGER refused BEFORE {write} ON {table} WHEN (SELECT COUNT(*) FROM {table}) % {share} = {rest} \
             BEGIN SELECT RAISE(ABORT, 'the disk is broken'); END"
        );
        sqlx::query(AssertSqlSafe(sql)).execute(&mut self.connection).await?;
        self.refuses = true;
        self.refusals += 1;
        Ok(())
    }

    /// How many refusals are over: work that begins now can only meet later ones.
    pub fn count_past_refusals(&self) -> u64 {
        self.refusals - u64::from(self.refuses)
    }

    /// Every write works again.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn accept_writes(&mut self) -> anyhow::Result<()> {
        sqlx::query("DROP TRIGGER IF EXISTS refused").execute(&mut self.connection).await?;
        self.refuses = false;
        Ok(())
    }

    /// The state of every stored webhook, by the tool's id of the delivery.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_webhooks(&mut self) -> anyhow::Result<BTreeMap<String, String>> {
        let sql = "SELECT delivery_id, state FROM inbox WHERE delivery_id IS NOT NULL";
        let rows: Vec<(String, String)> = sqlx::query_as(sql).fetch_all(&mut self.connection).await?;
        Ok(rows.into_iter().collect())
    }

    /// Breaks the promise of an acknowledgement on purpose.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn lose_webhook(&mut self) -> anyhow::Result<()> {
        let sql = "DELETE FROM inbox WHERE id IN (SELECT MIN(id) FROM inbox WHERE state = 'new')";
        sqlx::query(sql).execute(&mut self.connection).await?;
        Ok(())
    }
}

/// Moves what is only in the write-ahead log into the file itself: a connection that was given up while it opened may
/// have kept the last one from doing so.
///
/// # Errors
/// When the database fails.
pub async fn merge_log(file: &Path) -> anyhow::Result<()> {
    let options = SqliteConnectOptions::new().filename(file);
    let mut connection = SqliteConnection::connect_with(&options).await?;
    sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut connection).await?;
    Ok(connection.close().await?)
}
