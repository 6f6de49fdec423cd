//! One attempt to make a work item, and the search for what became of it.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::domain::Timestamp;

/// When an unclear creation is looked for, counted from its failure.
const LOOKS: [TimeDelta; 5] = [
    TimeDelta::seconds(5),
    TimeDelta::seconds(15),
    TimeDelta::seconds(45),
    TimeDelta::seconds(120),
    TimeDelta::seconds(300),
];

/// The attempt.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Creation {
    pub attempts: u32,
    /// Highest number of a key in the project that was known before the request left.
    pub highest: u64,
    pub failed_at: Option<Timestamp>,
    /// How often it was looked for since.
    pub looks: usize,
    /// Why it is unclear, or why Jira refuses.
    pub why: Option<String>,
}

impl Creation {
    /// When it is looked for next; `None` when it was looked for often enough.
    #[must_use]
    pub fn next_look(&self) -> Option<Timestamp> {
        self.failed_at?.checked_add_signed(*LOOKS.get(self.looks)?)
    }
}
