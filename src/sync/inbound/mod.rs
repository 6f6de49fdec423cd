//! From the tools into the store: webhooks, polls, and what they say applied.
//!
//! Knows the trait of sources but no tool, and nothing of the way out.

mod apply;
mod cadence;
mod catalogue;
mod fetch;
mod groups;
mod guard;
mod inbox;
mod ingest;
mod poll;
mod poll_failure;
mod probe;
mod statements;
mod waits;
mod window;

use std::sync::Arc;

use url::Url;

use super::core::Core;

pub use groups::IngestError;
pub use ingest::{Ingestor, Receipt};
pub use poll::PollOutcome;
pub use probe::{Probe, ProbedEntity, ProbedPayload, probe};
pub use window::Window;

/// The use cases of the way in.
pub struct Inbound {
    core: Arc<Core>,
    /// The bridge's public address: gives each bridge its own delay of polls.
    base_url: Url,
}

impl Inbound {
    pub(in crate::sync) fn new(core: Arc<Core>, base_url: Url) -> Self {
        Self { core, base_url }
    }
}
