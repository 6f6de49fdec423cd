//! What a work item holds, and what of it may be written: pure functions of an incident, of the configuration and of
//! what Jira says.
//!
//! Must do no I/O, and must never produce a document, a label or an id that Jira refuses.

pub mod adf;
pub mod body;
pub mod components;
pub mod create;
pub mod description;
pub mod doubles;
pub mod edit;
pub mod field;
mod flow;
pub mod history;
pub mod identity;
pub mod issue;
pub mod jql;
pub mod labels;
pub mod markdown;
pub mod normal;
pub mod priority;
pub mod remote_link;
pub mod screen;
pub mod summary;
pub mod walk;
pub mod workflow;

#[cfg(test)]
mod adf_schema_tests;
