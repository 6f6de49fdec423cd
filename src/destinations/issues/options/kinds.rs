//! Values of keys that are one of a few words.

use crate::destinations::issues::content::workflow::Choice;

/// Which of Jira's two hosts is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host {
    /// The site; if it refuses the token, the gateway.
    Auto,
    Site,
    Gateway,
}

/// Whether components of the project are set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Components {
    /// Where their names match the tool's.
    Match,
    Off,
}

/// Whether reviews are linked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reviews {
    Link,
    Off,
}

/// What comments tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comments {
    Off,
    /// Changes of the status.
    Status,
}

/// What becomes of a work item whose incident is deleted in the tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnDelete {
    Resolve,
    Leave,
}

/// What a change of the incident does to the status of its work item.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Transitions {
    pub acknowledged: Choice,
    pub resolved: Choice,
    pub reopened: Choice,
}
