//! Configuration.

mod source;

pub use source::{SourceConfig, WorkspaceMode};
