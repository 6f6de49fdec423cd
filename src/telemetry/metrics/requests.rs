//! Requests to servers outside, counted by endpoint and outcome.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;

use super::bounded::BoundedNames;
use super::labels::{EndpointLabel, RequestLabel, SourceLabel, ToolRequestLabel};
use super::registrar::{Histograms, Registrar};

/// Paths of one tool that have series of their own.
const MOST_ENDPOINTS: usize = 40;

/// One request, ended in whatever way.
#[derive(Debug, Clone, Copy)]
pub struct RequestMade<'a> {
    /// Without ids.
    pub endpoint: &'a str,
    pub outcome: &'static str,
    pub took: Duration,
}

#[derive(Debug)]
pub(super) struct Requests {
    jira: Family<RequestLabel, Counter>,
    jira_durations: Histograms<EndpointLabel>,
    tools: Family<ToolRequestLabel, Counter>,
    tool_durations: Histograms<SourceLabel>,
    endpoints: RwLock<BTreeMap<String, BoundedNames>>,
}

impl Requests {
    pub fn register(r: &mut Registrar) -> Self {
        let seconds = || Histogram::new([0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0]);
        Self {
            jira: r.counters("jira_requests", "Requests to Jira by endpoint and outcome"),
            jira_durations: r.histograms(
                "jira_request_duration_seconds",
                "Duration of requests to Jira by endpoint",
                seconds,
            ),
            tools: r.counters("tool_requests", "Requests to tools by source, endpoint and outcome"),
            tool_durations: r.histograms(
                "tool_request_duration_seconds",
                "Duration of requests to tools by source",
                seconds,
            ),
            endpoints: RwLock::default(),
        }
    }

    pub fn count_jira(&self, made: RequestMade<'_>) {
        let (endpoint, outcome) = (made.endpoint.to_owned(), made.outcome);
        let durations = self.jira_durations.get_or_create(&EndpointLabel { endpoint: endpoint.clone() });
        durations.observe(made.took.as_secs_f64());
        drop(durations);
        self.jira.get_or_create(&RequestLabel { endpoint, outcome }).inc();
    }

    pub fn count_tool(&self, source: &str, made: RequestMade<'_>) {
        let durations = self.tool_durations.get_or_create(&SourceLabel { source: source.to_owned() });
        durations.observe(made.took.as_secs_f64());
        drop(durations);
        let endpoint = self.bound(source, made.endpoint);
        let label = ToolRequestLabel { source: source.to_owned(), endpoint, outcome: made.outcome };
        self.tools.get_or_create(&label).inc();
    }

    fn bound(&self, source: &str, endpoint: &str) -> String {
        let known = self.endpoints.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(names) = known.get(source) {
            return names.label(endpoint).to_owned();
        }
        drop(known);
        let mut known = self.endpoints.write().unwrap_or_else(PoisonError::into_inner);
        let names = known.entry(source.to_owned()).or_insert_with(|| BoundedNames::new(MOST_ENDPOINTS));
        names.label(endpoint).to_owned()
    }
}
