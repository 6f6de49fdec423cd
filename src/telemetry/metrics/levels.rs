//! How things stand now. Counts of the store are replaced all at once by the task `gauges`; instants and limits are
//! set when they become known.

use std::sync::atomic::AtomicU64;

use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use super::gauges::Gauges;
use super::labels::{SiteLabel, SiteStateLabel, SourceLabel, SourceStateLabel};
use super::registrar::Registrar;

/// Gauges.
#[derive(Debug)]
pub struct Levels {
    /// Deliveries, as the store has them.
    pub deliveries: Gauges<SiteStateLabel>,
    /// Webhooks that have had no effect yet.
    pub inbox: Gauges<SourceStateLabel>,
    /// Statements that the first sync has read.
    pub backfill_read: Gauges<SourceLabel>,
    /// Statements that the first sync will read, once the tool has said so.
    pub backfill_expected: Gauges<SourceLabel>,
    /// 1 once the first sync is done.
    pub backfill_complete: Gauges<SourceLabel>,
    /// Destinations for which a person must act.
    pub parked: Gauges<SiteLabel>,
    /// What a first sync would make and a person has not approved yet.
    pub held_creations: Gauges<SiteLabel>,
    /// Seconds since the oldest waiting delivery began to wait.
    pub oldest_waiting: Gauge<f64, AtomicU64>,
    /// Seconds since the epoch, of the last page that was read.
    pub poll_success: Family<SourceLabel, Gauge>,
    /// Seconds since the epoch, of the destination's last answer to a delivery or link.
    pub delivery_success: Gauges<SiteLabel>,
    /// Seconds since the epoch, of the last webhook that was stored.
    pub webhook_received: Family<SourceLabel, Gauge>,
    pub(super) rate_limit_remaining: Family<SiteLabel, Gauge>,
    /// Seconds since the epoch.
    pub started: Gauge,
}

impl Levels {
    pub(super) fn register(r: &mut Registrar) -> Self {
        Self {
            deliveries: r.gauges("deliveries", "Deliveries by site and state"),
            inbox: r.gauges("inbox", "Webhooks without effect yet, by source and state"),
            backfill_read: r.gauges("backfill_read", "Statements that the first sync has read"),
            backfill_expected: r.gauges("backfill_expected", "Statements that the first sync will read"),
            backfill_complete: r.gauges("backfill_complete", "1 once the first sync is done"),
            parked: r.gauges("parked", "Destinations for which a person must act"),
            held_creations: r
                .gauges("held_creations", "What a first sync would make once a person approves it"),
            oldest_waiting: r.gauge("oldest_waiting_seconds", "Age of the oldest waiting delivery"),
            poll_success: r
                .lasting("poll_last_success_timestamp_seconds", "When a page of the source was last read"),
            delivery_success: r.gauges(
                "delivery_last_success_timestamp_seconds",
                "When the site last took a delivery or a link",
            ),
            webhook_received: r.lasting(
                "webhook_last_received_timestamp_seconds",
                "When a webhook of the source was last stored",
            ),
            rate_limit_remaining: r.lasting(
                "jira_rate_limit_remaining",
                "What is left of the site's tightest limit, as Jira said last",
            ),
            started: r.process_gauge("process_start_time_seconds", "When the process started"),
        }
    }
}
