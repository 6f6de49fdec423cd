//! Where incidents go: one trait, one folder per type of destination.
//!
//! To add one: a folder here with a `KIND`, and one line in [`TYPES`]
//! (docs/ARCHITECTURE.md, *How to change it*). A destination knows neither sources nor the store.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

mod destination;
mod issue_keys;
pub mod issues;
pub mod jira;
pub mod ledger;
pub mod operations;
mod profile;
mod refusal;
mod start;
pub mod text;

pub use destination::{Account, Batch, BuildError, Destination, DestinationType, Held, Probe, Sent, Tidied};
pub use issue_keys::{associate_issue_keys, find_issue_keys};
pub use ledger::{Remembers, Told};
pub use profile::SourceProfile;
pub use refusal::{Evidence, Refusal, Remedy, Scope};
pub use start::{DestinationKind, DestinationTypes, Facilities, Quotas, SharedPoints};

/// Every type of destination there is.
pub const TYPES: &[DestinationKind] = &[operations::KIND, issues::KIND];
