//! What is known about one incident, review or component, as data. The command line prints it as sentences,
//! or as JSON.

use serde::Serialize;

use crate::clock::Timestamp;
use crate::destinations::Told;
use crate::domain::{EntityId, EntityKind};
use crate::store::{DeliveryRow, Place, QuarantinedRow, ReceiptRow, TimelineEntry};

/// Everything known under one id.
#[derive(Debug, Serialize)]
pub struct Explanation {
    pub stories: Vec<Story>,
    /// What may explain why there is no story; `None` when there is one.
    pub unknown: Option<UnknownId>,
    /// The destinations that the stories name; not part of the JSON.
    #[serde(skip)]
    pub places: Vec<Place>,
}

/// What is known about an id under which nothing is stored.
#[derive(Debug, Serialize)]
pub struct UnknownId {
    /// Webhooks that name the id but could not be mapped.
    pub quarantined: Vec<QuarantinedRow>,
    /// Webhooks that had no effect yet.
    pub unread: i64,
    /// Whether people have linked issues to it in Jira.
    pub has_links: bool,
}

/// The story of one incident, review or component.
#[derive(Debug, Serialize)]
pub struct Story {
    pub kind: EntityKind,
    pub jira_id: EntityId,
    pub provider_id: String,
    pub source: String,
    pub version: i64,
    pub deleted: bool,
    /// What it is; `None` once deleted.
    pub facts: Option<Facts>,
    pub deliveries: Vec<StoryDelivery>,
    /// The webhooks that the timeline names, as far as retention has left them.
    pub webhooks: Vec<ReceiptRow>,
    pub timeline: Vec<TimelineEntry>,
}

/// What an incident, review or component is, as the tool said last.
#[derive(Debug, Clone, Serialize)]
pub struct Facts {
    pub title: String,
    /// Jira's word for it; `None` for a component.
    pub status: Option<&'static str>,
    /// `P1` to `P5` or `unknown`; only of an incident.
    pub severity: Option<&'static str>,
    /// Names of the services that an incident affects.
    pub services: Vec<String>,
    /// Where people open it in the tool.
    pub url: String,
    /// What people call it in the tool, if that is not its id.
    pub number: Option<String>,
    /// `None` for a component.
    pub created_at: Option<Timestamp>,
    pub updated_at: Timestamp,
    /// Reviews of an incident.
    pub reviews: Vec<Review>,
    /// Ids or keys of the issues linked in Jira, by people or by the tool.
    pub issues: Vec<String>,
}

/// A review of an incident.
#[derive(Debug, Clone, Serialize)]
pub struct Review {
    pub jira_id: EntityId,
    pub title: String,
    pub status: &'static str,
    pub url: String,
}

/// Its state at one destination.
#[derive(Debug, Serialize)]
pub struct StoryDelivery {
    #[serde(flatten)]
    pub delivery: DeliveryRow,
    /// While it waits: the reason.
    pub obstacle: Option<Obstacle>,
    /// What the destination remembers of what it made for it.
    pub made: Option<Told>,
}

/// What keeps a site from being served.
#[derive(Debug, Serialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum Obstacle {
    /// A person must act.
    Parked { reason: String, tried_again_at: Timestamp },
    /// Jira failed or asked the bridge to wait.
    WaitsUntil { at: Timestamp, failures_in_a_row: i64 },
    /// An admin of the site has switched the app off.
    Disabled,
    /// The destination has put this one off.
    Later { at: Timestamp, reason: String },
}
