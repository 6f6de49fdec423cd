//! Outbound client of one Jira site: the Operations API and the DevOps Components API.
//!
//! Sends one request per call and says what its outcome requires of the caller; never waits, never retries
//! and never stores, because deliveries survive restarts and therefore belong to `sync`.

mod auth;
mod budget;
mod calls;
mod endpoint;
mod error;
mod pacing;
mod request;
mod scope;
mod verdict;

#[cfg(test)]
mod client_tests;
#[cfg(test)]
mod site_tests;

pub use auth::ConnectAuth;
pub use calls::MAX_WORKSPACES_PER_REQUEST;
pub use endpoint::Api;
pub use error::{Disposition, JiraError};
pub use pacing::Pacing;
pub use request::JiraClient;
pub use scope::Scope;
pub use verdict::Verdicts;
