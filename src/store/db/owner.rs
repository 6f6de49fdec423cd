//! The one process that syncs from a database: who it is, and what happens when it can no longer be sure.
//!
//! On SQLite it holds a lock file, on PostgreSQL an advisory lock of a session that does nothing else. Either is
//! free as soon as the process is gone. Must not decide what the owner does.

use std::fs::{File, TryLockError};
use std::path::PathBuf;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection as _, PgConnection};
use tokio::sync::{Mutex, watch};
use tokio::time::{Instant, sleep, timeout};

use super::Database;
use super::files::open_private;
use super::sessions::lock_key;
use crate::store::error::StoreError;

/// How often an owner makes sure that it still is one.
const CHECK: Duration = Duration::from_secs(2);
/// How long PostgreSQL may take to answer that.
const ANSWER: Duration = Duration::from_secs(5);
/// How often the lock is tried while another holds it.
const TRY: Duration = Duration::from_millis(200);

/// PostgreSQL notices within about half a minute that the machine of an owner is gone. Without effect on a Unix
/// socket, whose other end cannot vanish unnoticed.
const KEEPALIVE: [(&str, u32); 3] =
    [("tcp_keepalives_idle", 10), ("tcp_keepalives_interval", 5), ("tcp_keepalives_count", 4)];

/// Proof that this process alone syncs from its database. Ends when it is dropped.
#[derive(Debug)]
pub struct Ownership {
    lock: Lock,
    held: watch::Sender<bool>,
}

#[derive(Debug)]
enum Lock {
    File { _open: File },
    Session { options: Box<PgConnectOptions>, connection: Mutex<Option<Box<PgConnection>>> },
}

impl Ownership {
    /// Makes this process the one that syncs. Waits for another's end for at most `patience`.
    ///
    /// # Errors
    /// [`StoreError::Owned`] when another process is the owner.
    pub(in crate::store) async fn take(db: &Database, patience: Duration) -> Result<Self, StoreError> {
        let end = Instant::now() + patience;
        loop {
            match Lock::find(db).await {
                Ok(lock) => return Ok(Self { lock, held: watch::Sender::new(true) }),
                Err(StoreError::Owned(_)) if Instant::now() < end => sleep(TRY).await,
                Err(fault) => return Err(fault),
            }
        }
    }

    /// Returns as soon as this process is the owner: at once, unless PostgreSQL has ended the session.
    pub async fn wait_until_held(&self) {
        let mut held = self.held.subscribe();
        // An error would mean that its sender is gone, which is part of `self`.
        let _held = held.wait_for(|held| *held).await;
    }

    /// Makes sure again and again that this process is the owner, and becomes it again after PostgreSQL was
    /// gone. Returns when another process has been the owner for longer than `patience`.
    pub async fn keep(&self, patience: Duration) -> StoreError {
        let Lock::Session { options, connection } = &self.lock else { return std::future::pending().await };
        let mut lost: Option<Instant> = None;
        loop {
            let mut connection = connection.lock().await;
            match hold(options, &mut connection).await {
                Ok(()) => {
                    if lost.take().is_some() {
                        tracing::info!("this process syncs again");
                    }
                }
                Err(fault) => {
                    *connection = None;
                    let since = *lost.get_or_insert_with(|| {
                        tracing::warn!(%fault, "nothing is synced until this process is the only one again");
                        Instant::now()
                    });
                    if matches!(fault, StoreError::Owned(_)) && since.elapsed() >= patience {
                        return fault;
                    }
                }
            }
            self.held.send_replace(lost.is_none());
            drop(connection);
            sleep(if lost.is_none() { CHECK } else { TRY }).await;
        }
    }

    /// Lets another process become the owner at once.
    pub async fn release(self) {
        if let Lock::Session { connection, .. } = self.lock
            && let Some(mut connection) = connection.into_inner()
        {
            // The end of the session would free it too, a moment later.
            let unlock = sqlx::query("SELECT pg_advisory_unlock_all()").execute(&mut *connection).await;
            if let Err(fault) = unlock.and(connection.close().await) {
                tracing::debug!(%fault, "the session of the owner had ended");
            }
        }
    }
}

impl Lock {
    async fn find(db: &Database) -> Result<Self, StoreError> {
        match db {
            Database::Sqlite { write, .. } => lock_file(write.file()),
            Database::Postgres(pool) => {
                let options = Box::new(pool.connect_options().as_ref().clone());
                let mut connection = None;
                hold(&options, &mut connection).await?;
                Ok(Self::Session { options, connection: Mutex::new(connection) })
            }
        }
    }
}

fn lock_file(database: &std::path::Path) -> Result<Lock, StoreError> {
    let mut path = database.as_os_str().to_owned();
    path.push(".lock");
    let path = PathBuf::from(path);
    let unusable =
        |fault: std::io::Error| StoreError::Owned(format!("cannot lock {}: {fault}", path.display()));
    let file = open_private(&path).map_err(unusable)?;
    match file.try_lock() {
        Ok(()) => Ok(Lock::File { _open: file }),
        Err(TryLockError::WouldBlock) => Err(StoreError::Owned(format!(
            "another incident-bridge already serves from this SQLite database (it holds {}): stop it first",
            path.display()
        ))),
        Err(TryLockError::Error(fault)) => Err(unusable(fault)),
    }
}

/// Takes the lock, in a new session unless there is one; or makes sure that the session still has it, which
/// PostgreSQL grants as often as the holder asks.
async fn hold(
    options: &PgConnectOptions,
    connection: &mut Option<Box<PgConnection>>,
) -> Result<(), StoreError> {
    let taking = async {
        let session = match connection {
            Some(session) => session,
            None => connection.insert(Box::new(open(options).await?)),
        };
        let sql = concat!("SELECT pg_try_advisory_lock(", lock_key!("sync"), ")");
        sqlx::query_scalar::<_, bool>(sql).fetch_one(&mut **session).await
    };
    match timeout(ANSWER, taking).await {
        Ok(Ok(true)) => Ok(()),
        Ok(Ok(false)) => Err(StoreError::Owned(
            "another incident-bridge already syncs from this PostgreSQL database: stop it first, or start this one with \
             --role web"
                .to_owned(),
        )),
        Ok(Err(fault)) => Err(fault.into()),
        Err(_) => Err(StoreError::Database(sqlx::Error::PoolTimedOut)),
    }
}

async fn open(options: &PgConnectOptions) -> Result<PgConnection, sqlx::Error> {
    let mut session = PgConnection::connect_with(options).await?;
    for (name, value) in KEEPALIVE {
        let sql = "SELECT set_config($1, $2, false)";
        sqlx::query(sql).bind(name).bind(value.to_string()).execute(&mut session).await?;
    }
    Ok(session)
}
