//! What is remembered of one incident: which work item stands for it, and what was written there last.
//!
//! Must stay readable for ever: older releases wrote what is in the store. Pure.

mod creation;
mod moving;
mod said;
mod step;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::creation::Creation;
pub use self::moving::Moving;
pub use self::said::{Said, Standing};
pub use self::step::{Policy, Step};
use super::content::edit::Written;
use super::content::field::Field;
use super::content::history::Unproven;
use super::content::workflow::Wish;
use crate::domain::Timestamp;
use said::find_wishes;

/// How far the work item of an incident is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// None was asked for yet.
    #[default]
    Absent,
    /// One is to be made, and no request for it has left.
    Creating,
    /// A request may have left; written immediately before it does.
    Sending,
    /// A request left, and nobody knows what became of it.
    Uncertain,
    /// It exists.
    Linked,
    /// Jira refuses to make it.
    Refused,
    /// People deleted it, or hid it.
    Gone,
}

impl State {
    /// The word in the ledger.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Creating => "creating",
            Self::Sending => "sending",
            Self::Uncertain => "uncertain",
            Self::Linked => "linked",
            Self::Refused => "refused",
            Self::Gone => "gone",
        }
    }
}

/// A work item. The id stays; the key changes when it moves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssueRef {
    pub id: String,
    pub key: String,
}

/// How a work item was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FoundBy {
    /// Jira answered its creation.
    Answer,
    /// By the keys that it could have got.
    KeyWalk,
    Label,
    /// The hourly look at everything that was made.
    Sweep,
    /// It was not found, and another one was made: there may be two.
    MadeAgain,
}

/// The incident that a record is about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Subject {
    pub source: String,
    /// The tool's id.
    pub id: String,
}

/// The link to one review.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReviewLink {
    pub link: Value,
    /// Whether Jira has it.
    pub sent: bool,
}

/// What `explain` says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Remarks {
    /// Why there is no work item, where that is as it should be.
    pub none: Option<String>,
    /// Fields without a place on the screen, or which Jira refuses.
    pub left_out: BTreeSet<String>,
    /// Blocks of the description that had no room.
    pub shortened: usize,
    /// Fields that people have changed and which are left to them, each with the time at which that was noticed.
    pub theirs: BTreeMap<String, Timestamp>,
    /// Names of components that the project has not.
    pub unmatched: Vec<String>,
    /// Name of the priority that the level stands for.
    pub priority: Option<String>,
    /// What was done about the status last.
    pub status: Option<String>,
    /// Why the status could not follow.
    pub no_way: Option<String>,
    /// Why the links could not be made.
    pub no_links: Option<String>,
    /// Keys of work items that stood for the same incident and were marked.
    pub doubles: BTreeSet<String>,
}

impl Remarks {
    /// Notes which fields are left to people now.
    pub fn note_theirs(&mut self, fields: &[Field], now: Timestamp) {
        let known = std::mem::take(&mut self.theirs);
        let since = |field: &Field| known.get(field.as_str()).copied().unwrap_or(now);
        self.theirs = fields.iter().map(|field| (field.as_str().to_owned(), since(field))).collect();
    }
}

/// The whole record of an incident.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    pub state: State,
    pub subject: Subject,
    /// 1 for the first work item; one more for each that followed because the incident reopened too late, or because the
    /// work item was deleted.
    pub episode: u32,
    pub issue: Option<IssueRef>,
    /// The work item of the episode before, until both are linked.
    pub before: Option<IssueRef>,
    pub found_by: Option<FoundBy>,
    pub creation: Creation,
    /// What people have not changed since counts as ours.
    pub written: Written,
    /// The same if the request that left last has worked.
    pub pending: Option<Written>,
    /// The edit that left last, until the history has shown what it covered.
    pub unproven: Option<Unproven>,
    /// The transition that left last and has no answer yet.
    pub moving: Option<Moving>,
    pub said: Said,
    /// It was not where it should be, and must be looked at.
    pub is_suspect: bool,
    /// The tool no longer has the incident.
    pub is_withdrawn: bool,
    /// Jira has refused the description with its formatting.
    pub is_plain: bool,
    /// Writes in a row that met somebody else's.
    pub conflicts: u32,
    /// By the tool's id of the review.
    pub reviews: BTreeMap<String, ReviewLink>,
    pub remarks: Remarks,
}

impl Default for Record {
    fn default() -> Self {
        Self {
            state: State::Absent,
            subject: Subject::default(),
            episode: 1,
            issue: None,
            before: None,
            found_by: None,
            creation: Creation::default(),
            written: Written::default(),
            pending: None,
            unproven: None,
            moving: None,
            said: Said::default(),
            is_suspect: false,
            is_withdrawn: false,
            is_plain: false,
            conflicts: 0,
            reviews: BTreeMap::new(),
            remarks: Remarks::default(),
        }
    }
}

impl Record {
    /// Begins another work item.
    pub fn begin_episode(&mut self) {
        let reviews = std::mem::take(&mut self.reviews);
        let again = |(id, review): (String, ReviewLink)| (id, ReviewLink { sent: false, ..review });
        *self = Self {
            subject: std::mem::take(&mut self.subject),
            episode: self.episode.saturating_add(1),
            before: self.issue.take(),
            reviews: reviews.into_iter().map(again).collect(),
            ..Self::default()
        };
    }

    /// How the status should change, in order, whether or not a lost request has worked: what it may have brought about is
    /// repeated, or taken back if it is no longer so.
    #[must_use]
    pub fn wishes(&self, now: Option<Standing>) -> Vec<Wish> {
        let lost = self.moving.as_ref().filter(|it| it.refusals == 0).map(|it| it.wish.into());
        let ways = [self.said.standing, lost.or(self.said.standing)];
        ways.map(|standing| find_wishes(now, standing)).into_iter().max_by_key(Vec::len).unwrap_or_default()
    }

    /// The request for it leaves now, and will have written this.
    pub fn begin_sending(&mut self, highest: u64, written: Written) {
        let attempts = self.creation.attempts.saturating_add(1);
        self.state = State::Sending;
        self.creation = Creation { attempts, highest, ..Creation::default() };
        self.written = written;
        self.remarks.none = None;
    }

    /// It is not known what became of the request.
    pub fn lose_sight(&mut self, now: Timestamp, why: &str) {
        self.state = State::Uncertain;
        self.creation.failed_at = Some(now);
        self.creation.looks = 0;
        self.creation.why = Some(why.to_owned());
    }

    /// Nothing was made.
    pub fn note_not_made(&mut self, state: State, why: String) {
        self.state = state;
        self.written = Written::default();
        self.creation.why = Some(why);
    }

    /// The work item is there.
    pub fn link(&mut self, issue: IssueRef, found_by: FoundBy) {
        self.state = State::Linked;
        self.issue = Some(issue);
        self.found_by = Some(found_by);
        self.creation.why = None;
        self.remarks.none = None;
        self.is_suspect = false;
    }

    /// The id of the work item as a number, by which the ledger finds the newest.
    #[must_use]
    pub fn number(&self) -> Option<i64> {
        self.issue.as_ref()?.id.parse().ok()
    }
}

#[cfg(test)]
#[path = "record_tests.rs"]
mod tests;
