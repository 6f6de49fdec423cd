//! The use cases: everything that moves information from a tool to Jira, and back again.
//!
//! Each part is a reconciler. It is woken by a signal or by the clock, takes no input, compares what is
//! with what should be, does the difference, and goes back to sleep. A webhook, a cron tick, a retry and the
//! start after a crash all take the same path. Nothing here speaks HTTP to a caller or SQL to a database.

mod directory;
mod engine;
mod inbound;
mod installations;
mod outbound;
mod preview;
mod registry;
mod retention;
mod tasks;

pub use directory::containers::{ContainerHit, SearchPosition};
pub use directory::{ContainerPage, Directory, SiteAccess, Snapshot};
pub use engine::{Engine, Signals, SyncError};
pub use inbound::ingest::{IngestError, Ingestor, Receipt};
pub use inbound::poll::PollOutcome;
pub use inbound::probe::{Probe, ProbedEntity, ProbedPayload, probe};
pub use inbound::window::Window;
pub use outbound::removal::PlannedRemoval;
pub use preview::Preview;
pub use registry::{Registry, RegistryError, SEALED, SourceRuntime};
pub use tasks::runner::{Beats, Pulse};
pub use tasks::schedule::{ScheduleError, Scheduler};
