//! Metric names, in one place. Labels are source ids, site hosts, task names and kinds of problems: never an incident, never a
//! secret.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct SourceLabel {
    pub source: String,
    /// What became of it: `new`, `duplicate`, `rejected`, `changed`, …
    pub result: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct SiteLabel {
    pub site: String,
    /// `accepted`, `refused`, `retry`, … or a delivery's state.
    pub result: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct WordLabel {
    pub source: String,
    /// `severity` or `status`; never the value itself, which a tool chooses freely.
    pub kind: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct TaskLabel {
    pub task: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ProblemLabel {
    /// The last part of the problem's type.
    pub problem: &'static str,
}

/// Every metric of the process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// Webhooks by source and what became of them.
    pub webhooks: Family<SourceLabel, Counter>,
    /// Statements of tools by source and effect: changed, unchanged, stale, unmappable.
    pub statements: Family<SourceLabel, Counter>,
    /// Unmapped values of tools by source and kind: once per webhook or page that has them.
    pub unknown_words: Family<WordLabel, Counter>,
    /// Polls by source and result: page, retry, refused.
    pub polls: Family<SourceLabel, Counter>,
    /// Requests to Jira by site and result.
    pub jira_requests: Family<SiteLabel, Counter>,
    /// Entities by site and verdict.
    pub verdicts: Family<SiteLabel, Counter>,
    /// Deliveries by site and state, as the store has them.
    pub deliveries: Family<SiteLabel, Gauge>,
    /// Webhooks by source and state that have had no effect yet.
    pub inbox: Family<SourceLabel, Gauge>,
    /// Statements read by the first sync of each source; `result` is `read`, `total` or `done` (0 or 1).
    pub backfill: Family<SourceLabel, Gauge>,
    /// 1 while a person must act for the site.
    pub parked: Family<SiteLabel, Gauge>,
    /// Panics by the task that caught them.
    pub task_panics: Family<TaskLabel, Counter>,
    /// Seconds from the first unsent change of an entity to Jira's acceptance.
    pub delivery_seconds: Histogram,
    /// Seconds of one request to Jira.
    pub jira_seconds: Histogram,
    /// Seconds from a webhook's arrival to its being on disk.
    pub ingest_seconds: Histogram,
    /// Requests from Jira by result.
    pub actions: Family<SiteLabel, Counter>,
    /// Requests that were refused or failed, by problem.
    pub problems: Family<ProblemLabel, Counter>,
    /// Seconds since the oldest waiting delivery began to wait.
    pub oldest_waiting_seconds: Gauge<f64, AtomicU64>,
}

impl Default for Metrics {
    fn default() -> Self {
        let seconds = || Histogram::new(exponential_buckets(0.001, 2.0, 16));
        let mut metrics = Self {
            registry: Registry::with_prefix("incident_bridge"),
            webhooks: Family::default(),
            statements: Family::default(),
            unknown_words: Family::default(),
            polls: Family::default(),
            jira_requests: Family::default(),
            verdicts: Family::default(),
            deliveries: Family::default(),
            inbox: Family::default(),
            backfill: Family::default(),
            parked: Family::default(),
            task_panics: Family::default(),
            delivery_seconds: seconds(),
            jira_seconds: seconds(),
            ingest_seconds: seconds(),
            actions: Family::default(),
            problems: Family::default(),
            oldest_waiting_seconds: Gauge::default(),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    fn register(&mut self) {
        let r = &mut self.registry;
        r.register("webhooks", "Webhooks by source and result", self.webhooks.clone());
        r.register("statements", "Statements of tools by source and effect", self.statements.clone());
        r.register("unknown_words", "Unmapped values of severity and status", self.unknown_words.clone());
        r.register("polls", "Polls by source and result", self.polls.clone());
        r.register("jira_requests", "Requests to Jira by site and result", self.jira_requests.clone());
        r.register("verdicts", "Entities by site and Jira's verdict", self.verdicts.clone());
        r.register("deliveries", "Deliveries by site and state", self.deliveries.clone());
        r.register("inbox", "Webhooks without effect yet, by source and state", self.inbox.clone());
        r.register("backfill", "First sync by source: read, total, done", self.backfill.clone());
        r.register("parked", "1 while a person must act for the site", self.parked.clone());
        r.register("task_panics", "Panics by task", self.task_panics.clone());
        r.register(
            "delivery_seconds",
            "From first unsent change to acceptance",
            self.delivery_seconds.clone(),
        );
        r.register("jira_seconds", "Duration of one request to Jira", self.jira_seconds.clone());
        r.register("ingest_seconds", "From a webhook's arrival to disk", self.ingest_seconds.clone());
        r.register("actions", "Requests from Jira by result", self.actions.clone());
        r.register("problems", "Requests that were refused or failed, by problem", self.problems.clone());
        r.register(
            "oldest_waiting_seconds",
            "Age of the oldest waiting delivery",
            self.oldest_waiting_seconds.clone(),
        );
    }

    /// All metrics in the OpenMetrics text format.
    ///
    /// # Errors
    /// When a label cannot be written.
    pub fn encode(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry)?;
        Ok(text)
    }

    /// Logs and counts a panic that was caught: of a task, or of a part of it.
    pub fn note_panic(&self, task: &str, why: &str) {
        tracing::error!(task, panic = why, "a task panicked and continues; please report this");
        self.task_panics.get_or_create(&TaskLabel { task: task.to_owned() }).inc();
    }

    /// Counts a request that was refused or failed.
    pub fn count_problem(&self, problem: &'static str) {
        self.problems.get_or_create(&ProblemLabel { problem }).inc();
    }

    /// Counts something about a source.
    pub fn count_source(family: &Family<SourceLabel, Counter>, source: &str, result: &str, by: u64) {
        if by > 0 {
            family
                .get_or_create(&SourceLabel { source: source.to_owned(), result: result.to_owned() })
                .inc_by(by);
        }
    }

    /// Counts something about a site.
    pub fn count_site(family: &Family<SiteLabel, Counter>, site: &str, result: &str, by: u64) {
        if by > 0 {
            family.get_or_create(&SiteLabel { site: site.to_owned(), result: result.to_owned() }).inc_by(by);
        }
    }
}
