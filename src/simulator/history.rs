//! Everything the site was asked and what it answered, so that a test can check how the app behaved.
//!
//! Pure. Must not keep tokens or whole bodies: a history of a million entities has to fit into memory.

use std::collections::{HashMap, VecDeque};

use serde::Serialize;

use super::entities::EntityKind;
use crate::clock::Timestamp;

/// One REST request and its answer.
#[derive(Clone, Debug, Serialize)]
pub struct RequestRecord {
    pub at: Timestamp,
    pub method: String,
    /// Path as received, percent-encoding kept.
    pub path: String,
    pub query: String,
    pub status: u16,
    /// Entities in the body, as far as it could be read.
    pub entities: usize,
    /// Bytes of the body.
    pub body_bytes: usize,
    /// Whether a scripted fault changed the answer.
    pub fault: bool,
}

/// A body that broke Jira's published rules.
#[derive(Clone, Debug, Serialize)]
pub struct SchemaViolation {
    pub at: Timestamp,
    pub method: String,
    pub path: String,
    /// The entity, when the rule was broken by one and not by the request as a whole.
    pub entity: Option<String>,
    pub message: String,
}

/// A version of an entity that the site accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Submission {
    pub sequence: i64,
    pub at: Timestamp,
}

/// Log of one site. The oldest requests are dropped when the limit is reached; counters stay.
#[derive(Debug, Default)]
pub struct History {
    limit: usize,
    requests: VecDeque<RequestRecord>,
    total: u64,
    violations: Vec<SchemaViolation>,
    submitted: HashMap<(EntityKind, String), Vec<Submission>>,
}

impl History {
    pub fn new(limit: usize) -> Self {
        Self { limit, ..Self::default() }
    }

    pub fn record_request(&mut self, record: RequestRecord) {
        self.total += 1;
        self.requests.push_back(record);
        if self.requests.len() > self.limit {
            self.requests.pop_front();
        }
    }

    pub fn record_violation(&mut self, violation: SchemaViolation) {
        self.violations.push(violation);
    }

    /// Notes that a version of an entity was accepted, whether or not it will have an effect.
    pub fn record_submission(&mut self, kind: EntityKind, id: &str, submission: Submission) {
        self.submitted.entry((kind, id.to_owned())).or_default().push(submission);
    }

    pub fn requests(&self) -> impl DoubleEndedIterator<Item = &RequestRecord> {
        self.requests.iter()
    }

    /// Requests ever received, forgotten ones included.
    pub fn total(&self) -> u64 {
        self.total
    }

    pub fn violations(&self) -> &[SchemaViolation] {
        &self.violations
    }

    /// Versions accepted of an entity in the order of arrival, uninstalls and deletes included.
    pub fn submissions(&self, kind: EntityKind, id: &str) -> &[Submission] {
        self.submitted.get(&(kind, id.to_owned())).map_or(&[], Vec::as_slice)
    }
}
