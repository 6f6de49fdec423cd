//! Keeps tasks running: what runs their rounds, how long one rests after panics, and what readiness knows
//! about each.
//!
//! Must not know any task.

mod heartbeats;
mod panic;
mod patience;
mod runner;

pub use heartbeats::{Heartbeat, Heartbeats, Importance};
pub(in crate::sync) use panic::describe_panic;
pub use patience::Patience;
pub use runner::{GivenUp, Runner};
