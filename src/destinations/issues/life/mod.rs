//! The life of work items: making them, finding those whose making was not answered, keeping them up to date, and looking
//! after what was made.
//!
//! What is about to happen is in the ledger before the request leaves that must not happen twice. Must never delete a work
//! item.

mod bulk;
mod creation;
mod issues;
mod job;
mod links;
mod project;
mod recovery;
mod review;
mod status;
mod stop;
mod sweep;
mod update;
mod withdrawal;

pub(super) use issues::Issues;
pub(super) use job::{Job, note_of};
pub(super) use project::Projects;
pub(super) use stop::{Stop, later};
