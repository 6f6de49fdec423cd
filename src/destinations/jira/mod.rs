//! What all of Jira's APIs say alike in headers and messages, and what is kept of a call that failed.
//!
//! Must know no endpoint, and must not decide what a failure means.

mod answer;
mod failure;
mod message;
mod throttle;

pub use answer::{Answer, Meta};
pub(super) use answer::{clean_trace_id, find_limit_left};
pub(super) use failure::FailedAnswer;
pub use failure::Failure;
pub(super) use message::clean;
pub use throttle::{Reason, Throttled};
pub(super) use throttle::{find_retry_after, read_throttle};
