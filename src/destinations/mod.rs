//! Where incidents go.

mod issue_keys;
pub mod operations;
mod profile;
pub mod text;

pub use issue_keys::{associate_issue_keys, find_issue_keys};
pub use profile::MappingContext;
