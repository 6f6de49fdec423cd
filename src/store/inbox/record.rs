//! Stores webhooks that arrived together: one statement, and with it one sync of the disk.

use std::collections::{HashMap, HashSet};

use super::body::Body;
use super::{Inbox, InboxEntry, InboxState, Recorded};
use crate::clock::Clock;
use crate::store::db::{Arg, Single, args};
use crate::store::error::StoreError;

/// Most entries of one statement.
const GROUP: usize = 256;

/// The right to write into the inbox: on SQLite nobody else writes meanwhile.
#[derive(Debug)]
pub struct Recorder {
    single: Single,
    clock: Clock,
}

impl Inbox<'_> {
    /// Waits until the database can be written. Whoever collects a group does it after this.
    pub async fn recorder(self) -> Result<Recorder, StoreError> {
        Ok(Recorder { single: self.db.single().await?, clock: self.clock.clone() })
    }

    /// The body as it will be kept. Takes some microseconds, so it is for the sender's own task.
    #[must_use]
    pub fn pack(self, body: &[u8]) -> Body {
        if self.db.has_one_process() { Body::compressed(body) } else { Body::from(body.to_vec()) }
    }

    /// Stores all entries, in order and in groups that are each stored at once. When it returns, they are on disk.
    pub async fn record(self, entries: &[InboxEntry]) -> Result<Vec<Recorded>, StoreError> {
        self.recorder().await?.record(entries).await
    }
}

impl Recorder {
    /// As for [`Inbox::record`].
    pub async fn record(&mut self, entries: &[InboxEntry]) -> Result<Vec<Recorded>, StoreError> {
        let mut recorded = Vec::with_capacity(entries.len());
        for group in entries.chunks(GROUP) {
            recorded.extend(self.record_group(group).await?);
        }
        Ok(recorded)
    }

    async fn record_group(&mut self, entries: &[InboxEntry]) -> Result<Vec<Recorded>, StoreError> {
        let sql = r#"
            INSERT INTO inbox (
                id, source, delivery_key, received_at, verified_by, delivery_id, headers, body, body_size,
                state, note, duplicates
            )
            SELECT *
            FROM (VALUES {rows}) AS new
            WHERE column1 IS NOT NULL
            ON CONFLICT (source, delivery_key) DO UPDATE
            SET duplicates = inbox.duplicates + excluded.duplicates + 1
            RETURNING id"#;
        let mut repeated: HashMap<(&str, &str), i64> = HashMap::new();
        for entry in entries {
            repeated.entry(entry.key()).and_modify(|times| *times += 1).or_default();
        }
        // The first of several counts the others.
        let ids = entries.iter().map(|entry| (repeated.remove(&entry.key()), self.clock.new_id()));
        let ids: Vec<_> = ids.map(|(times, id)| times.map(|times| (id, times))).collect();
        let rows = ids.iter().zip(entries).filter_map(|(id, entry)| {
            let (id, times) = id.as_ref()?;
            Some(row(id, entry, *times))
        });
        let rows: Vec<_> = rows.collect();
        let found: Vec<(String,)> = self.single.list_all(sql, &rows).await?;
        let found: HashSet<String> = found.into_iter().map(|(id,)| id).collect();
        let is_new = |id: &Option<(String, i64)>| id.as_ref().is_some_and(|(id, _)| found.contains(id));
        Ok(ids.iter().map(|id| if is_new(id) { Recorded::New } else { Recorded::Duplicate }).collect())
    }
}

impl InboxEntry {
    /// What a repetition has in common with it.
    fn key(&self) -> (&str, &str) {
        (self.source.as_str(), &self.delivery_key)
    }
}

/// The values of a new row.
fn row(id: &str, entry: &InboxEntry, repeated: i64) -> [Arg; 12] {
    let state = if entry.quarantine.is_some() { InboxState::Quarantined } else { InboxState::New };
    args![
        id,
        &entry.source,
        &entry.delivery_key,
        entry.received_at,
        &entry.verified_by,
        entry.delivery_id.as_deref(),
        &entry.headers,
        entry.body.bytes.as_slice(),
        entry.body.size,
        state.as_str(),
        entry.quarantine.as_deref(),
        repeated,
    ]
}
