//! The values this program is about, in the words of Jira and of the incident tools.
//!
//! Only types and `parse_…` constructors: no async, no I/O, no JSON of anybody else's. What Jira's payloads
//! look like is `mapping`'s affair, what a tool's look like is `sources`'.

mod component;
mod ids;
mod incident;
mod observation;
mod review;
mod severity;
mod time;
mod version;
mod words;
mod workspace;

pub use component::{Component, ComponentType, Tier};
pub use ids::{ClientKey, EntityKind, InvalidId, JiraId, SourceId};
pub use incident::{Association, Incident, IncidentStatus};
pub use observation::{Entity, Observation, State};
pub use review::{PostIncidentReview, ReviewStatus};
pub use severity::Severity;
pub use time::{format_timestamp, parse_timestamp};
pub use version::{Decision, Known, decide};
pub use words::{ToolWords, UnmappedValue, ValueKind};
pub use workspace::Workspace;

pub use crate::clock::Timestamp;
