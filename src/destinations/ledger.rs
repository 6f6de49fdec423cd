//! What a destination remembers of what it has made, across restarts. The engine keeps it.
//!
//! For destinations that make things of their own, of which only they know the id. Records of one destination are
//! invisible to every other one.

use async_trait::async_trait;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::domain::{EntityId, EntityKind};

/// A record could not be read or written; the sentence says why. Trying again later may help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("what is remembered of this destination cannot be kept: {0}")]
pub struct LedgerFault(pub String);

/// A record with its name.
#[derive(Debug, Clone, PartialEq)]
pub struct Note {
    pub name: String,
    /// The destination's own word, by which notes are listed.
    pub state: String,
    /// By which the other side knows what was made.
    pub number: Option<i64>,
    pub value: Value,
}

/// How what is remembered of an entity is told to a person. Pure.
#[derive(Debug, Clone, Copy)]
pub struct Remembers {
    /// The name of the note about an entity, if there is one for its kind.
    pub name: fn(EntityKind, &EntityId) -> Option<String>,
    /// What the value of such a note says, with the destination's keys of the configuration; `None` if it cannot be read.
    /// An empty object stands for no note.
    pub tell: fn(&Map<String, Value>, &Value) -> Option<Told>,
}

/// What is remembered of an entity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Told {
    /// What people call what was made for it.
    pub key: Option<String>,
    /// Where people open that.
    pub link: Option<String>,
    /// The destination's own word.
    pub state: String,
    /// Without a full stop.
    pub sentences: Vec<String>,
}

/// Which notes are listed.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoteFilter<'a> {
    /// Start of the name.
    pub prefix: &'a str,
    /// `None` for any.
    pub state: Option<&'a str>,
    /// Those after this name.
    pub after: &'a str,
}

/// The records of one destination.
#[async_trait]
pub trait Ledger: std::fmt::Debug + Send + Sync {
    /// Tells this installation of the program from every other one; never changes.
    ///
    /// # Errors
    /// When it cannot be read.
    async fn installation(&self) -> Result<String, LedgerFault>;

    /// The note of that name.
    ///
    /// # Errors
    /// When it cannot be read.
    async fn find(&self, name: &str) -> Result<Option<Note>, LedgerFault>;

    /// Writes notes in place of those with their names, all or none. Durable once it returns, and written by no process
    /// but the one that serves the destination.
    ///
    /// # Errors
    /// When they are not certain to be durable.
    async fn write(&self, notes: &[Note]) -> Result<(), LedgerFault>;

    /// Notes in the order of their names: at most `limit`.
    ///
    /// # Errors
    /// When they cannot be read.
    async fn list(&self, filter: NoteFilter<'_>, limit: usize) -> Result<Vec<Note>, LedgerFault>;

    /// The note with the highest number.
    ///
    /// # Errors
    /// When it cannot be read.
    async fn find_last(&self) -> Result<Option<Note>, LedgerFault>;
}
