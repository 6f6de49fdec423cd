//! Outbound client of one site: Jira's REST API, version 3, with an API token.
//!
//! One function for each call, with its answer as a value. Says what a failure means, and never waits, repeats or stores.
//! Nothing here can delete a work item.

mod access;
mod answers;
mod endpoint;
mod error;
mod issue_calls;
mod pacing;
mod request;
mod site_calls;

#[cfg(test)]
mod client_tests;
#[cfg(test)]
mod host_tests;
#[cfg(test)]
mod site_tests;

pub use answers::{Account, BulkOutcome, Created, IssueType, Project, RemoteLink, SearchPage, ServerInfo};
pub use endpoint::Endpoint;
pub use error::{CallError, Fault, Rejection};
pub use issue_calls::{MAX_CREATED, MAX_FETCHED};
pub use pacing::{Held, Pacing, Scope};
pub use request::Client;
