//! The search index: it lags behind the issues, and can lose sight of one for a moment.

use serde_json::{Value, json};

use super::super::exchange::Answer;
use super::index::list;
use super::issue::Issue;
use super::jql::{self, Order, Query};
use super::refusal;
use super::rest::Desk;
use super::state::Platform;
use crate::clock::Timestamp;

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
