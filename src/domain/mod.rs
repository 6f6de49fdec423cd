//! The values this program works with, in the terms of Jira and of the incident tools.
//!
//! Only types and `parse_…` constructors: no async, no I/O, no foreign JSON. `destinations` know what
//! Jira's payloads look like, `sources` what a tool's look like.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

mod bounds;
mod component;
mod delivery;
mod difference;
mod digest;
mod entity_id;
mod halves;
mod ids;
mod incident;
mod observation;
mod redaction;
mod review;
mod severity;
mod time;
mod version;
mod visible;
mod words;
mod workspace;

pub use bounds::{bind_all, bounded_id, storable};
pub use component::{Component, ComponentType, FALLBACK_COMPONENT, Tier};
pub use delivery::{BatchSizes, DeliveryState, EntityOutcome, Outgoing, Priority, Unsent, Verdict};
pub use difference::{Difference, differences};
pub use digest::{address_digest, content_digest};
pub use entity_id::EntityId;
pub use halves::Halves;
pub use ids::{ClientKey, DestinationId, EntityKind, InvalidId, SourceId};
pub use incident::{Association, Incident, IncidentStatus};
pub use observation::{Entity, Observation, State};
pub use redaction::{ERASED, Needle, Redacted};
pub use review::{PostIncidentReview, ReviewStatus};
pub use severity::Severity;
pub use time::{Shift, format_timestamp, parse_timestamp};
pub use version::{Decision, Known, TOLERANCE, decide, next_version};
pub use visible::is_blank;
pub use words::{ToolWords, UnmappedValue, ValueKind};
pub use workspace::Workspace;

pub use crate::clock::Timestamp;
