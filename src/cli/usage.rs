//! The error of a command line that is wrong in a way that the argument parser cannot see.

/// A sentence that says what to change. The exit code is 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Usage(pub String);
