//! What `explain` has found out, as data: printed as sentences, or as JSON.

use serde::Serialize;

use crate::clock::Timestamp;
use crate::domain::{EntityId, EntityKind};
use crate::store::{DeliveryRow, QuarantinedRow, ReceiptRow, TimelineEntry};

/// Everything known under one id.
#[derive(Serialize)]
pub(super) struct Report {
    pub stories: Vec<Story>,
    /// What may explain why there is no story; `None` when there is one.
    pub unknown: Option<Unknown>,
}

#[derive(Serialize)]
pub(super) struct Unknown {
    /// Webhooks that name the id and could not be mapped.
    pub quarantined: Vec<QuarantinedRow>,
    /// Webhooks that had no effect yet.
    pub unread: i64,
    /// Whether people have linked issues to it in Jira.
    pub has_links: bool,
}

#[derive(Serialize)]
pub(super) struct Story {
    pub kind: EntityKind,
    pub jira_id: EntityId,
    pub provider_id: String,
    pub source: String,
    pub version: i64,
    pub deleted: bool,
    pub deliveries: Vec<Standing>,
    /// The webhooks that the timeline names, as far as retention has left them.
    pub webhooks: Vec<ReceiptRow>,
    pub timeline: Vec<TimelineEntry>,
}

#[derive(Serialize)]
pub(super) struct Standing {
    #[serde(flatten)]
    pub delivery: DeliveryRow,
    /// While it waits: what holds it up.
    pub obstacle: Option<Obstacle>,
}

/// What keeps a site from being served.
#[derive(Serialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub(super) enum Obstacle {
    /// A person must act.
    Parked { reason: String, tried_again_at: Timestamp },
    /// Jira failed or asked the bridge to wait.
    WaitsUntil { at: Timestamp, failures_in_a_row: i64 },
    /// An admin of the site has switched the app off.
    Disabled,
}
