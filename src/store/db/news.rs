//! Processes on one PostgreSQL database wake each other: what one has stored, another may be waiting for.
//!
//! It is told after the commit, in a transaction of its own that writes nothing: PostgreSQL commits those that
//! notify one after another, and this one waits for no disk. Whoever misses it looks again within a second. Must
//! not carry data.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::{PgListener, PgPoolOptions};
use tokio::sync::Notify;

use super::{Database, args};
use crate::store::error::StoreError;

const CHANNEL: &str = "incident_bridge";

/// How long what follows at once is waited for, so that a flood wakes nobody for each of its waves.
const TOGETHER: Duration = Duration::from_millis(5);

/// What has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// There are new webhooks.
    Inbox,
    /// A destination lacks something.
    Deliveries,
    /// Installations, workspaces or components.
    Directory,
}

impl Change {
    const ALL: [Self; 3] = [Self::Inbox, Self::Deliveries, Self::Directory];

    fn name(self) -> &'static str {
        match self {
            Self::Inbox => "inbox",
            Self::Deliveries => "deliveries",
            // The migration `0008_replicas` says the same.
            Self::Directory => "directory",
        }
    }

    fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|change| change.name() == name)
    }
}

/// What this process has changed and not told yet. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(in crate::store) struct Outbox(Arc<(Mutex<BTreeSet<Change>>, Notify)>);

impl Outbox {
    pub fn add(&self, change: Change) {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner).insert(change);
        self.0.1.notify_one();
    }

    async fn take(&self) -> BTreeSet<Change> {
        self.0.1.notified().await;
        std::mem::take(&mut *self.0.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The way to the other processes and back: a session of its own.
pub struct News {
    pool: PgPool,
    listener: PgListener,
    outbox: Outbox,
    /// The schema, which tells bridges in one database apart, and a space.
    prefix: String,
    /// Ends what this process tells.
    sender: String,
}

impl News {
    /// Listens from now on. `None` on SQLite, where there is nobody else.
    pub(in crate::store) async fn open(
        db: &Database,
        outbox: Outbox,
        sender: &str,
    ) -> Result<Option<Self>, StoreError> {
        let Database::Postgres(pool) = db else { return Ok(None) };
        let (schema,): (String,) = db.get("SELECT CAST(current_schema() AS TEXT)", &args![]).await?;
        let own = PgPoolOptions::new().max_connections(1);
        let own = own.connect_lazy_with(pool.connect_options().as_ref().clone());
        let mut listener = PgListener::connect_with(&own).await?;
        listener.listen(CHANNEL).await?;
        let (prefix, sender) = (format!("{schema} "), format!(" {sender}"));
        Ok(Some(Self { pool: pool.clone(), listener, outbox, prefix, sender }))
    }

    /// Tells others what this process changes, until another one has changed something; returns what. After the session
    /// was interrupted that may be anything.
    pub async fn next(&mut self) -> Result<BTreeSet<Change>, StoreError> {
        let Self { pool, listener, outbox, prefix, sender } = self;
        let read = |payload: &str| {
            let what = payload.strip_prefix(prefix.as_str())?;
            Change::find(what).or_else(|| {
                let told_by_another = what.split_once(' ').filter(|_| !what.ends_with(sender.as_str()));
                told_by_another.and_then(|(name, _)| Change::find(name))
            })
        };
        let mut changes = BTreeSet::new();
        while changes.is_empty() {
            {
                let heard = listener.try_recv();
                tokio::pin!(heard);
                loop {
                    tokio::select! {
                        heard = &mut heard => match heard? {
                            Some(heard) => {
                                changes.extend(read(heard.payload()));
                                break;
                            }
                            None => return Ok(Change::ALL.into()),
                        },
                        told = outbox.take() => {
                            for change in told {
                                let payload = format!("{prefix}{}{sender}", change.name());
                                let notify = sqlx::query("SELECT pg_notify($1, $2)").bind(CHANNEL).bind(payload);
                                notify.execute(&*pool).await?;
                            }
                        }
                    }
                }
            }
            tokio::time::sleep(TOGETHER).await;
            while let Some(heard) = listener.next_buffered() {
                changes.extend(read(heard.payload()));
            }
        }
        Ok(changes)
    }
}
