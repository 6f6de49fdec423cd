//! Every metric of the process, by Prometheus' conventions: a unit in the name, `_total` for counters, and labels
//! that tell apart things of one kind.
//!
//! Labels are sources, sites, endpoints, tasks and kinds of problems: never an incident, never a secret. Each that
//! comes from outside is bounded (`bounded`). docs/OPERATING.md lists them all; a test compares.

mod bounded;
mod counts;
mod gauges;
mod labels;
mod levels;
mod process;
mod registrar;
mod requests;

use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use self::bounded::BoundedNames;
use self::labels::{ProblemLabel, TaskLabel};
use self::registrar::Registrar;
use self::requests::Requests;

pub use self::bounded::OTHER;
pub use self::counts::Counts;
pub use self::gauges::{Gauges, gauge_value};
pub use self::labels::{
    SiteLabel, SiteResultLabel, SiteStateLabel, SourceLabel, SourceStateLabel, WordLabel,
};
pub use self::levels::Levels;
pub use self::requests::RequestMade;

/// Sites that have series of their own; a bridge with more of them is looked at through `installations`.
pub const MOST_SITES: usize = 100;
/// Seconds. A webhook is on disk within milliseconds, or refused after a few seconds.
const INGEST: [f64; 11] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];
/// Seconds, from what nobody notices to an outage of a day.
const DELIVERY: [f64; 15] =
    [0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 7200.0, 14400.0, 28800.0, 86400.0];

/// Every metric of the process.
#[derive(Debug)]
pub struct Metrics {
    pub counts: Counts,
    pub levels: Levels,
    /// Seconds from the first unsent change of an entity to the destination's answer.
    pub delivery_duration: Histogram,
    /// Seconds from a webhook's last byte to its being on disk.
    pub ingest_duration: Histogram,
    requests: Requests,
    sites: BoundedNames,
    names: Vec<String>,
    registry: Registry,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut r = Registrar::new();
        let (counts, levels) = (Counts::register(&mut r), Levels::register(&mut r));
        let requests = Requests::register(&mut r);
        let delivery_duration = r.histogram(
            "delivery_duration_seconds",
            "From the first unsent change of an entity to the answer",
            || Histogram::new(DELIVERY),
        );
        let ingest_duration = r.histogram(
            "webhook_ingest_duration_seconds",
            "From a webhook's last byte to its being on disk",
            || Histogram::new(INGEST),
        );
        let (registry, names) = r.finish();
        let sites = BoundedNames::new(MOST_SITES);
        Self { counts, levels, delivery_duration, ingest_duration, requests, sites, names, registry }
    }
}

impl Metrics {
    /// All metrics in the OpenMetrics text format.
    ///
    /// # Errors
    /// When a label cannot be written.
    pub fn encode(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry)?;
        Ok(text)
    }

    /// The name of every metric as Prometheus stores it, whether or not it has a series yet; of a histogram the
    /// name without its suffixes.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Logs and counts a panic that was caught: of a task, or of a part of it.
    pub fn note_panic(&self, task: &str, why: &str) {
        tracing::error!(task, panic = why, "a task panicked and continues; please report this");
        self.counts.task_panics.get_or_create(&TaskLabel { task: task.to_owned() }).inc();
    }

    /// Counts a request that was refused or failed.
    pub fn count_problem(&self, problem: &'static str) {
        self.counts.problems.get_or_create(&ProblemLabel { problem }).inc();
    }

    /// Counts a request of Jira; `site` is `None` when nothing proves where it comes from.
    pub fn count_action(&self, site: Option<&str>, result: &'static str) {
        let site = site.map_or("unknown", |site| self.sites.label(site)).to_owned();
        self.counts.actions.get_or_create(&SiteResultLabel { site, result }).inc();
    }

    /// Counts what a destination said of one entity.
    pub fn count_verdict(&self, site: &str, result: &'static str) {
        let site = self.site_label(site).site;
        self.counts.verdicts.get_or_create(&SiteResultLabel { site, result }).inc();
    }

    /// The site's own label, or the one that all beyond the first hundred share.
    pub fn site_label(&self, site: &str) -> SiteLabel {
        SiteLabel { site: self.sites.label(site).to_owned() }
    }

    /// Gives the first of these labels of their own, and returns all sites that have one.
    pub fn label_sites<'a>(&self, sites: impl IntoIterator<Item = &'a String>) -> Vec<String> {
        for site in sites {
            self.sites.label(site);
        }
        self.sites.list()
    }

    /// Counts a request to Jira.
    pub fn count_jira_request(&self, made: RequestMade<'_>) {
        self.requests.count_jira(made);
    }

    /// Counts a request to the tool of a source.
    pub fn count_tool_request(&self, source: &str, made: RequestMade<'_>) {
        self.requests.count_tool(source, made);
    }

    /// Keeps what Jira said is left of a site's limit. Sites without a series of their own are left out: the sum of
    /// several limits says nothing.
    pub fn set_rate_limit_remaining(&self, site: &str, left: i64) {
        let label = self.site_label(site);
        if label.site == site {
            self.levels.rate_limit_remaining.get_or_create(&label).set(left);
        }
    }
}

#[cfg(test)]
#[path = "metrics_tests.rs"]
mod tests;
