//! The use cases: everything that moves information from a tool to its destinations, and back again.
//!
//! `inbound` takes in what tools say, `outbound` sends what destinations lack; neither knows the other: they meet
//! in the store and signal each other through `core`. `tasks` runs both in the background. Nothing here speaks
//! HTTP to a caller or SQL to a database.

mod backoff;
mod core;
mod directory;
mod engine;
mod inbound;
mod installations;
mod outbound;
mod preview;
mod registry;
mod tasks;

pub use core::{Signals, SyncError};
pub use directory::{ContainerHit, ContainerPage, DestinationAccess, Directory, SearchPosition, Snapshot};
pub use engine::Engine;
pub use inbound::{
    Inbound, IngestError, Ingestor, PollOutcome, Probe, ProbedEntity, ProbedPayload, Receipt, Window, probe,
};
pub use outbound::{Outbound, PlannedRemoval};
pub use preview::Preview;
pub use registry::{Registry, RegistryError, SEALED, SourceRuntime};
pub use tasks::{Heartbeat, Heartbeats, Next, Runner, Task, for_every_role, for_sync};
