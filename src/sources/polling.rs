//! What a poll takes and gives: the request, the cursor, the page, the catalogue and the errors.
//!
//! Must not know any tool.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::findings::Findings;
use super::memory::Memory;
use crate::domain::{Component, Timestamp, Workspace};
use crate::http::TransportFault;

/// What to read, and what is known so far.
#[derive(Debug)]
pub struct PollRequest<'a> {
    /// Where the last page ended; `None` for the first page ever.
    pub cursor: Option<&'a Cursor>,
    /// The first sync reads incidents that were created or changed since then.
    pub backfill_from: Timestamp,
    pub now: Timestamp,
    /// Everything that this source keeps.
    pub memory: &'a mut Memory,
}

/// How far polling has come; only the source that made it can read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(pub serde_json::Value);

impl Cursor {
    /// The cursor that holds a source's own progress value.
    #[must_use]
    pub fn of<T: Serialize>(progress: &T) -> Self {
        Self(serde_json::to_value(progress).unwrap_or_default())
    }

    /// The progress value that was given to [`Cursor::of`].
    ///
    /// # Errors
    /// [`PollError::CursorExpired`] when an earlier release wrote a shape that this one does not know.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, PollError> {
        T::deserialize(&self.0).map_err(|_| PollError::CursorExpired {
            message: "the stored position of the last poll is not readable; reading starts over".to_owned(),
        })
    }
}

/// One page of a poll.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    pub findings: Findings,
    pub next: Cursor,
    /// Whether there is nothing more to read for now.
    pub done: bool,
    /// How many entities the whole run will read, if the tool says so.
    pub total: Option<u64>,
}

/// All services and teams of a tool. Components that were listed earlier and are missing here are gone.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Catalogue {
    pub components: Vec<Component>,
    pub workspaces: Vec<Workspace>,
}

/// Why a poll gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum PollError {
    /// A passing failure: try again, not before `after` if the tool named a time.
    #[error("{message}")]
    Retry {
        message: String,
        after: Option<Duration>,
        /// Why there was no answer, if there was none.
        unreachable: Option<TransportFault>,
    },
    /// The tool refuses us: a person must act. The message says why and, after a colon, what to do.
    #[error("{message}")]
    Refused { message: String },
    /// The cursor is no longer valid: start over from the backfill window.
    #[error("{message}")]
    CursorExpired { message: String },
    /// The tool's answer is not the documented one.
    #[error("{message}")]
    Unreadable { message: String },
}

impl PollError {
    /// Why, and what to do where the message says it.
    #[must_use]
    pub fn cause_and_advice(&self) -> (String, Option<String>) {
        match self {
            Self::Refused { message } => match message.split_once(": ") {
                Some((cause, advice)) => (cause.to_owned(), Some(advice.to_owned())),
                None => (message.clone(), None),
            },
            other => (other.to_string(), None),
        }
    }
}
