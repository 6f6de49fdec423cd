//! Whether a destination of this type will work: what is asked of the site, and what the answers mean.
//!
//! Asks only; changes nothing in Jira and nothing here. `look` does the asking, all judgement is pure.

mod expiry;
mod finding;
mod judge;
mod look;
mod place;
mod workflow;

#[cfg(test)]
mod tests;

pub use finding::{Finding, Row, State};
pub use judge::judge;
pub use look::{Seen, find_type, look};
