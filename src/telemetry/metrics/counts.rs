//! What happened, counted since the process started.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

use super::labels::{ProblemLabel, SiteResultLabel, SourceResultLabel, TaskLabel, WordLabel};
use super::registrar::Registrar;

/// Counters.
#[derive(Debug)]
pub struct Counts {
    /// Webhooks by what became of them.
    pub webhooks: Family<SourceResultLabel, Counter>,
    /// Webhooks to an address that names no source.
    pub webhooks_unknown_source: Counter,
    /// Statements of tools by effect: changed, unchanged, stale, unmappable.
    pub statements: Family<SourceResultLabel, Counter>,
    /// Unmapped values of tools: once per webhook or page that has them.
    pub unknown_words: Family<WordLabel, Counter>,
    /// Polls by result: page, retry, refused.
    pub polls: Family<SourceResultLabel, Counter>,
    /// Entities by verdict.
    pub(super) verdicts: Family<SiteResultLabel, Counter>,
    /// Requests from Jira by result.
    pub(super) actions: Family<SiteResultLabel, Counter>,
    pub(super) problems: Family<ProblemLabel, Counter>,
    pub(super) task_panics: Family<TaskLabel, Counter>,
}

impl Counts {
    pub(super) fn register(r: &mut Registrar) -> Self {
        Self {
            webhooks: r.counters("webhooks", "Webhooks by source and what became of them"),
            webhooks_unknown_source: r
                .counter("webhooks_unknown_source", "Webhooks to an address that names no source"),
            statements: r.counters("statements", "Statements of tools by source and effect"),
            unknown_words: r.counters("unknown_words", "Unmapped values of severity and status"),
            polls: r.counters("polls", "Polls by source and result"),
            verdicts: r.counters("verdicts", "Entities by site and Jira's verdict"),
            actions: r.counters("actions", "Requests from Jira by site and result"),
            problems: r.counters("problems", "Requests that were refused or failed"),
            task_panics: r.counters("task_panics", "Panics that a background task survived"),
        }
    }

    /// Counts something about a source.
    pub fn count_source(
        family: &Family<SourceResultLabel, Counter>,
        source: &str,
        result: &'static str,
        by: u64,
    ) {
        if by > 0 {
            family.get_or_create(&SourceResultLabel { source: source.to_owned(), result }).inc_by(by);
        }
    }
}
