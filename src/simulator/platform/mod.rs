//! Jira's platform REST API v3, as far as work items concern a program with an API token: projects, screens,
//! workflows, issues with their properties, links and comments, the search index, limits, and people at work.
//!
//! Part of the simulated site. Follows Atlassian's published OpenAPI document and validates raw JSON against it.
//! Must not share a type with the bridge's destinations, or it would repeat their mistakes.

mod account;
mod adf;
mod attach;
mod board;
mod checks;
mod create;
mod edit;
mod index;
mod issue;
mod jql;
mod limits;
mod operation;
mod page;
mod permissions;
mod project;
mod refusal;
mod rest;
mod search;
mod state;
mod workflow;

pub use account::{Account, TokenKind};
pub use board::Board;
pub use issue::{Issue, RemoteLink};
pub use operation::{Host, Operation, find_host};
pub(super) use page::configure;
pub use permissions::Permission;
pub use project::{Field, IssueType, Project};
pub use rest::answer;
pub use state::{Mail, Platform, Settings};
pub use workflow::{Status, Transition, Workflow};

#[cfg(test)]
mod tests;
