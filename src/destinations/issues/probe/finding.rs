//! One line of the answer.

use serde::Serialize;

use crate::destinations::issues::client::CallError;

/// What a finding is about, in the order in which they are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Row {
    Site,
    Token,
    Host,
    Scopes,
    Permissions,
    Project,
    IssueType,
    Screen,
    Priorities,
    Components,
    Workflow,
    Expiry,
}

impl Row {
    /// For a sentence.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Site => "site",
            Self::Token => "token",
            Self::Host => "host",
            Self::Scopes => "scopes",
            Self::Permissions => "permissions",
            Self::Project => "project",
            Self::IssueType => "type",
            Self::Screen => "screens",
            Self::Priorities => "priorities",
            Self::Components => "components",
            Self::Workflow => "workflow",
            Self::Expiry => "token expiry",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Ok,
    /// Work items are made, and something of them is missing, or will be.
    Warn,
    /// A person must act.
    Fix,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub row: Row,
    pub state: State,
    /// What was seen.
    pub seen: String,
    /// What to do, unless all is well.
    pub fix: Option<String>,
}

impl Finding {
    pub(super) fn ok(row: Row, seen: impl Into<String>) -> Self {
        Self { row, state: State::Ok, seen: seen.into(), fix: None }
    }

    pub(super) fn warn(row: Row, seen: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { row, state: State::Warn, seen: seen.into(), fix: Some(fix.into()) }
    }

    /// A call that failed in a way that says nothing of its own row.
    pub(super) fn failed(row: Row, error: &CallError) -> Self {
        Self::warn(
            row,
            error.to_string(),
            "nothing, if it passes; ask again, and see Atlassian's status page",
        )
    }

    pub(super) fn fix(row: Row, seen: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { row, state: State::Fix, seen: seen.into(), fix: Some(fix.into()) }
    }
}
