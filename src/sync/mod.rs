//! The use cases: everything that moves information from a tool to its destinations, and back.
//!
//! `inbound` stores what tools say, `outbound` sends what destinations lack. Neither knows the other: they
//! share the store and signal each other through `core`. `tasks` runs both in the background. `operator` is
//! what people read and change. Nothing here speaks HTTP to a caller or SQL to a database.

mod backoff;
mod core;
mod directory;
mod engine;
mod inbound;
mod installations;
mod operator;
mod outbound;
mod preview;
mod registry;
mod tasks;

pub use core::{Signals, SyncError};
pub use directory::{
    ContainerHit, ContainerPage, DestinationAccess, Directory, Locked, SearchPosition, Snapshot,
};
pub use engine::Engine;
pub use inbound::{
    Inbound, IngestError, Ingestor, PollOutcome, Probe, ProbedEntity, ProbedPayload, Receipt, Window, probe,
};
pub use operator::{
    DeliveryTotals, DestinationStatus, ErasedEntity, ErasureCounts, ErasurePlan, Explanation, Facts,
    HeldDestination, IncidentList, InstallationStatus, ListedIncident, Obstacle, Operator, Retried, Review,
    SecretState, SourceProgress, SourceStatus, SourcesAt, Standing, Story, StoryDelivery, Subject, UnknownId,
    WebhookActivity, generate_vault_key,
};
pub use outbound::{Outbound, PlannedRemoval, Seat};
pub use preview::{FieldChange, Preview};
pub use registry::{Registry, RegistryError, SourceRuntime, seal_secret, seal_token, unseal_token};
pub use tasks::{
    GivenUp, Heartbeat, Heartbeats, Importance, Next, Patience, Runner, Task, for_every_role, for_sync,
};

// What use cases take and return is named here, so that `web` and `cli` need not know the store.
pub use crate::store::{
    CallStanding, Cause, DatabasePlace, DatabaseTrouble, DeliveryRow, EntityAssociation, IncidentFilter,
    InstallationState, LifecycleCall, NewInstallation, Place, QuarantinedRow, ReceiptRow, StoredWorkspace,
    TimelineEntry, TimelineEvent,
};
