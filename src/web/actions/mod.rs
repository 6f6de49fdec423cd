//! What Jira asks while people work in it: the actions of the operations module.
//!
//! Jira waits for the answers, so all of them come from memory, except that an association is on disk
//! before it is acknowledged.

mod entities;
mod fetch_workspaces;
mod reviews;
mod search_containers;

pub(super) use entities::{associated, disassociated};
pub(super) use fetch_workspaces::fetch_workspaces;
pub(super) use reviews::{find_review_page, open_review_page};
pub(super) use search_containers::search_containers;
