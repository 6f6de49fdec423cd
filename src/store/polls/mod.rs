//! How far each source has been read, and the facts that go with it.
//!
//! Must not decide when anything is read: it keeps what `sync` decided.

mod beside;
pub(in crate::store) mod erasure;
mod memory;
mod quiet;
pub(in crate::store) mod refetches;
pub(in crate::store) mod state;
mod unmapped;

use crate::clock::Clock;
use crate::store::db::Database;

/// The room of the polls.
#[derive(Debug, Clone, Copy)]
pub struct Polls<'a> {
    db: &'a Database,
    clock: &'a Clock,
}

impl<'a> Polls<'a> {
    pub(in crate::store) fn new(db: &'a Database, clock: &'a Clock) -> Self {
        Self { db, clock }
    }
}
