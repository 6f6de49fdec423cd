//! The use cases: everything that moves information from a tool to Jira, and back again.
//!
//! Each part is a reconciler. It is woken by a signal or by the clock, takes no input, compares what is
//! with what should be, does the difference, and goes back to sleep. A webhook, a cron tick, a retry and the
//! start after a crash all take the same path. Nothing here speaks HTTP to a caller or SQL to a database.

mod catalogue;
mod confirm;
mod deliver;
mod directory;
mod engine;
mod gauges;
mod ingest;
mod link;
mod near_limit;
mod plan;
mod poll;
mod preview;
mod reconcile;
mod reconciler;
mod registry;
mod removal;
mod retention;
mod schedule;
mod tenancy;
mod trouble;
mod window;

pub use catalogue::{ContainerHit, SearchPosition};
pub use directory::{ContainerPage, Directory, SiteAccess, Snapshot};
pub use engine::{Engine, Signals, SyncError};
pub use ingest::{IngestError, Ingestor, Receipt};
pub use poll::PollOutcome;
pub use preview::Preview;
pub use reconciler::{Beats, Pulse};
pub use registry::{Registry, RegistryError, SEALED, SourceRuntime};
pub use removal::PlannedRemoval;
pub use schedule::{ScheduleError, Scheduler};
pub use window::Window;
