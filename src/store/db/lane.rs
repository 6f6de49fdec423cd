//! One connection to a SQLite file, whose users take turns.
//!
//! A connection has a thread of its own, and each question to it costs two changes of threads. A pool asks three more
//! for every use; a lane asks none. Must not know what is read or written.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::store::error::StoreError;

/// How long a statement waits for another process that holds the database.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a user waits for its turn.
const PATIENCE: Duration = Duration::from_secs(30);
/// A wait that is short beside the one for another process.
const SHORT: Duration = Duration::from_millis(500);
/// However long a user has waited for its turn, it waits at least this long for another process: those come and go.
const LEAST: Duration = Duration::from_millis(100);

/// One connection, opened when it is first used. Cheap to clone.
#[derive(Debug, Clone)]
pub(in crate::store) struct Lane {
    options: Arc<SqliteConnectOptions>,
    slot: Arc<Mutex<Slot>>,
    waiting: Arc<AtomicUsize>,
}

#[derive(Debug, Default)]
struct Slot {
    connection: Option<SqliteConnection>,
    /// How long its statements wait for another process.
    busy_timeout: Duration,
    /// A transaction may be open that nobody will commit.
    is_dirty: bool,
    is_closed: bool,
}

impl Lane {
    pub fn new(options: SqliteConnectOptions) -> Self {
        Self { options: Arc::new(options), slot: Arc::default(), waiting: Arc::default() }
    }

    /// The file of the database.
    pub fn file(&self) -> &Path {
        self.options.get_filename()
    }

    /// Whether somebody waits for a turn.
    pub fn is_waited_for(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    /// Waits for the connection, in the order of asking. It has no open transaction. While another process holds the
    /// database, nobody waits for those before and then as long again: the time in the queue counts.
    pub async fn take(&self) -> Result<Turn, StoreError> {
        self.take_since(Instant::now()).await
    }

    async fn take_since(&self, asked: Instant) -> Result<Turn, StoreError> {
        let slot = if let Ok(slot) = self.slot.clone().try_lock_owned() {
            slot
        } else {
            let _waiting = Waiting::new(&self.waiting);
            let slot = tokio::time::timeout(PATIENCE, self.slot.clone().lock_owned()).await;
            slot.map_err(|_| sqlx::Error::PoolTimedOut)?
        };
        let mut turn = Turn(Some(slot));
        turn.prepare(&self.options).await?;
        let waited = asked.elapsed();
        let left = if waited < SHORT { BUSY_TIMEOUT } else { BUSY_TIMEOUT.saturating_sub(waited).max(LEAST) };
        turn.wait_at_most(left).await?;
        Ok(turn)
    }

    /// Waits for the connection's turn to end, and closes it for good.
    pub async fn close(&self) {
        let mut slot = self.slot.lock().await;
        slot.is_closed = true;
        if let Some(connection) = slot.connection.take() {
            drop(connection.close().await);
        }
    }
}

/// Counts one who waits.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The use of a connection. What was begun and not ended is undone when the turn ends.
#[derive(Debug)]
pub(in crate::store) struct Turn(Option<OwnedMutexGuard<Slot>>);

impl Turn {
    pub fn connection(&mut self) -> Result<&mut SqliteConnection, StoreError> {
        let connection = self.0.as_mut().and_then(|slot| slot.connection.as_mut());
        connection.ok_or_else(|| sqlx::Error::WorkerCrashed.into())
    }

    /// From now on everything is undone, unless [`Turn::end`] is called.
    pub fn begin(&mut self) {
        self.mark(true);
    }

    /// What was begun has been committed.
    pub fn end(&mut self) {
        self.mark(false);
    }

    fn mark(&mut self, is_dirty: bool) {
        if let Some(slot) = &mut self.0 {
            slot.is_dirty = is_dirty;
        }
    }

    /// How long the statements of this turn wait for another process that holds the database.
    pub async fn wait_at_most(&mut self, limit: Duration) -> Result<(), StoreError> {
        let Some(slot) = self.0.as_mut().filter(|slot| slot.busy_timeout != limit) else { return Ok(()) };
        let pragma = format!("PRAGMA busy_timeout = {}", limit.as_millis());
        if let Some(connection) = &mut slot.connection {
            sqlx::query(AssertSqlSafe(pragma)).execute(connection).await?;
        }
        slot.busy_timeout = limit;
        Ok(())
    }

    async fn prepare(&mut self, options: &Arc<SqliteConnectOptions>) -> Result<(), StoreError> {
        let Some(slot) = &mut self.0 else { return Ok(()) };
        if slot.is_closed {
            return Err(sqlx::Error::PoolClosed.into());
        }
        slot.undo().await;
        if slot.connection.is_none()
            && let Some(slot) = self.0.take()
        {
            // Whoever got another connection meanwhile no longer waits; what is half open must be there for the next.
            let opening = tokio::spawn(slot_with_connection(slot, Arc::clone(options)));
            self.0 = Some(opening.await.map_err(|_| sqlx::Error::WorkerCrashed)??);
        }
        Ok(())
    }
}

async fn slot_with_connection(
    mut slot: OwnedMutexGuard<Slot>,
    options: Arc<SqliteConnectOptions>,
) -> Result<OwnedMutexGuard<Slot>, StoreError> {
    slot.connection = Some(SqliteConnection::connect_with(&options).await?);
    slot.busy_timeout = BUSY_TIMEOUT;
    Ok(slot)
}

impl Slot {
    /// Ends a transaction that is open. SQLite itself may have ended it, as on a full disk, and then refuses this.
    async fn undo(&mut self) {
        if !self.is_dirty {
            return;
        }
        if let Some(connection) = &mut self.connection {
            let undone = sqlx::query("ROLLBACK").execute(connection).await;
            if !matches!(undone, Ok(_) | Err(sqlx::Error::Database(_))) {
                self.connection = None;
            }
        }
        self.is_dirty = false;
    }
}

impl Drop for Turn {
    /// Nobody may wait for the database until the next turn. Without a runtime the next turn undoes it.
    fn drop(&mut self) {
        if let Some(mut slot) = self.0.take().filter(|slot| slot.is_dirty)
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(async move { slot.undo().await });
        }
    }
}

/// The connections that read: the second is opened when the first is in use.
#[derive(Debug, Clone)]
pub(in crate::store) struct Readers([Lane; 2]);

impl Readers {
    pub fn new(options: SqliteConnectOptions) -> Self {
        Self([Lane::new(options.clone()), Lane::new(options)])
    }

    pub async fn take(&self) -> Result<Turn, StoreError> {
        let [first, second] = &self.0;
        tokio::select! {
            biased;
            turn = first.take() => turn,
            turn = second.take() => turn,
        }
    }

    pub async fn close(&self) {
        for lane in &self.0 {
            lane.close().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn count(turn: &mut Turn) -> i64 {
        let connection = turn.connection().unwrap();
        sqlx::query_as::<_, (i64,)>("SELECT COUNT(*) FROM t").fetch_one(connection).await.unwrap().0
    }

    async fn run(turn: &mut Turn, sql: &'static str) {
        sqlx::query(sql).execute(turn.connection().unwrap()).await.unwrap();
    }

    #[tokio::test]
    async fn what_a_turn_does_not_end_is_undone_before_the_next_one() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("lane.db");
        let lane = Lane::new(SqliteConnectOptions::new().filename(file).create_if_missing(true));
        let mut turn = lane.take().await.unwrap();
        run(&mut turn, "CREATE TABLE t (a)").await;
        for committed in [false, true] {
            turn.begin();
            run(&mut turn, "BEGIN IMMEDIATE").await;
            run(&mut turn, "INSERT INTO t VALUES (1)").await;
            if committed {
                run(&mut turn, "COMMIT").await;
                turn.end();
            }
            drop(turn);
            turn = lane.take().await.unwrap();
            assert_eq!(count(&mut turn).await, i64::from(committed));
        }
    }

    async fn busy_timeout(turn: &mut Turn) -> u64 {
        let (ms,) = sqlx::query_as::<_, (i64,)>("PRAGMA busy_timeout")
            .fetch_one(turn.connection().unwrap())
            .await
            .unwrap();
        ms.unsigned_abs()
    }

    #[tokio::test]
    async fn the_time_in_the_queue_counts_as_a_wait_for_another_process() {
        let lane = Lane::new(SqliteConnectOptions::new().in_memory(true).busy_timeout(BUSY_TIMEOUT));
        for (queued, expected) in [(0, 5_000..=5_000), (3, 100..=2_000), (20, 100..=100), (0, 5_000..=5_000)]
        {
            let asked = Instant::now().checked_sub(Duration::from_secs(queued)).unwrap();
            let left = busy_timeout(&mut lane.take_since(asked).await.unwrap()).await;
            assert!(expected.contains(&left), "{left}");
        }
    }

    #[tokio::test]
    async fn a_second_reader_is_opened_once_even_if_the_first_is_free_before_it_is_open() {
        let readers = Readers::new(SqliteConnectOptions::new().in_memory(true));
        let first = readers.take().await.unwrap();
        let mut other = Box::pin(readers.take());
        assert!(futures::poll!(&mut other).is_pending());
        drop(first);
        drop(other.await.unwrap());
        let second = readers.0[1].slot.lock().await;
        assert!(second.connection.is_some(), "it was thrown away, half open");
    }

    #[tokio::test]
    async fn who_waits_is_counted_and_a_closed_lane_refuses() {
        let lane = Lane::new(SqliteConnectOptions::new().in_memory(true));
        let turn = lane.take().await.unwrap();
        assert!(!lane.is_waited_for());
        {
            let mut other = Box::pin(lane.take());
            assert!(futures::poll!(&mut other).is_pending() && lane.is_waited_for());
        }
        assert!(!lane.is_waited_for(), "it has given up");
        drop(turn);
        lane.close().await;
        assert!(lane.take().await.is_err());
    }
}
