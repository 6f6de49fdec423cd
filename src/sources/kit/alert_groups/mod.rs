//! Groups of alerts, as Alertmanager sends and lists them and as Grafana Alerting sends them too.
//!
//! Neither has incidents: one episode of a group, from its first firing alert to its resolution, becomes one
//! incident. `group` reads, `episode` decides what belongs to which episode, `mapper` writes the incident.

pub(in crate::sources) mod episode;
pub(in crate::sources) mod group;
pub(in crate::sources) mod mapper;

use sha2::{Digest, Sha256};

use crate::sources::InboundWebhook;

/// A delivery id for senders without one. They repeat an unchanged group byte for byte on purpose, and after a
/// presumed resolution such a repeat is news: so no two receipts may count as one delivery.
pub(in crate::sources) fn receipt_id(webhook: &InboundWebhook) -> String {
    let digest = hex::encode(Sha256::digest(&webhook.body));
    format!("{}-{digest:.32}", webhook.received_at.timestamp_millis())
}
