//! Rounds of load and `kill -9` with work items: the program between a PagerDuty that repeats, a Jira that fails and whose
//! search lags, and people who edit the same work items.
//!
//! Must not look into the program's database: what went wrong shows in Jira.

mod check;
mod disturbance;
mod haste;
mod mails;
mod people;
pub mod report;
mod story;

pub use haste::Haste;
pub use story::{Plan, play};
