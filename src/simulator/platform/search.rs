//! The search index: it lags behind the issues, and can lose sight of one for a moment.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::super::exchange::Answer;
use super::super::faults::SplitMix64;
use super::issue::Issue;
use super::jql::{self, Order, Query};
use super::refusal;
use super::rest::Desk;
use super::state::Platform;
use crate::clock::Timestamp;

/// How far the index is behind, issue by issue.
#[derive(Debug)]
pub struct Index {
    /// How long after a change an issue is not found yet.
    pub lag: TimeDelta,
    /// Share of found issues, 0 to 1, that are missing from an answer all the same.
    pub flicker: f64,
    /// Issues with another lag.
    pub lag_of: BTreeMap<u64, TimeDelta>,
    /// When an issue entered the index.
    created: BTreeMap<u64, Timestamp>,
    random: SplitMix64,
}

impl Index {
    pub fn new(seed: u64) -> Self {
        Self {
            lag: TimeDelta::seconds(2),
            flicker: 0.0,
            lag_of: BTreeMap::new(),
            created: BTreeMap::new(),
            random: SplitMix64::new(seed),
        }
    }

    /// Notes the first change of an issue.
    pub fn note(&mut self, now: Timestamp, id: u64) {
        self.created.entry(id).or_insert(now);
    }

    fn knows(&mut self, now: Timestamp, id: u64) -> bool {
        let lag = self.lag_of.get(&id).copied().unwrap_or(self.lag);
        let is_indexed = self.created.get(&id).is_some_and(|at| *at + lag <= now);
        let is_lost = self.flicker > 0.0 && self.random.next_unit() < self.flicker;
        is_indexed && !is_lost
    }
}

impl Platform {
    fn matches(&self, now: Timestamp, issue: &Issue, query: &Query) -> bool {
        let project = query.project.as_deref().and_then(|key| self.find_project(key));
        project.is_some_and(|it| it.id == issue.project)
            && query
                .label
                .as_deref()
                .is_none_or(|label| issue.labels().iter().any(|it| it.eq_ignore_ascii_case(label)))
            && query.created_within.is_none_or(|age| issue.created >= now - age)
    }

    /// Ids of what a query finds, in its order.
    fn search(&mut self, now: Timestamp, query: &Query, reconciled: &[u64]) -> Vec<u64> {
        let found: Vec<&Issue> = self.issues().filter(|it| self.matches(now, it, query)).collect();
        let mut rows: Vec<(Timestamp, u64, u64)> =
            found.iter().map(|it| (it.created, number(&it.key), it.id)).collect();
        let order = query.order.unwrap_or(Order { by_key: false, descending: true });
        rows.sort_by_key(
            |(created, number, id)| {
                if order.by_key { (None, *number, *id) } else { (Some(*created), 0, *id) }
            },
        );
        if order.descending {
            rows.reverse();
        }
        let ids = rows.into_iter().map(|(_, _, id)| id);
        ids.filter(|id| reconciled.contains(id) || self.index.knows(now, *id)).collect()
    }
}

fn number(key: &str) -> u64 {
    key.rsplit('-').next().and_then(|it| it.parse().ok()).unwrap_or_default()
}

impl Desk<'_> {
    /// `searchAndReconsileIssuesUsingJqlPost`
    pub(super) fn search(&mut self, body: &Value) -> Answer {
        let query = match jql::parse(body["jql"].as_str().unwrap_or_default()) {
            Ok(query) => query,
            Err(why) => {
                self.record_violation(&format!("jql: {why}"));
                return refusal::message(400, &format!("Error in the JQL Query: {why}"));
            }
        };
        let visible = query.project.as_deref().and_then(|key| self.platform.find_project(key));
        if visible.is_none_or(|it| !self.sees(it)) {
            let why = "The value does not exist for the field 'project'.";
            return refusal::message(400, why);
        }
        let reconciled = body["reconcileIssues"].as_array().into_iter().flatten().filter_map(Value::as_u64);
        let reconciled: Vec<u64> = reconciled.collect();
        let found = self.platform.search(self.now, &query, &reconciled);
        let most = body["maxResults"].as_u64().and_then(|it| usize::try_from(it).ok()).unwrap_or(50).min(100);
        let start = body["nextPageToken"].as_str().and_then(|it| it.parse().ok()).unwrap_or(0);
        let (fields, properties) = (list(&body["fields"]), list(&body["properties"]));
        let page: Vec<Value> = found
            .iter()
            .skip(start)
            .take(most)
            .filter_map(|id| self.show(*id, &fields, &properties))
            .collect();
        let end = start + page.len();
        let mut answer = json!({ "issues": page, "isLast": end >= found.len() });
        if end < found.len() {
            answer["nextPageToken"] = end.to_string().into();
        }
        Answer::json(200, answer)
    }
}

/// The texts of a list.
pub(super) fn list(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(|it| it.as_str().map(str::to_owned)).collect()
}
