//! The search index: it lags behind the issues, and can lose sight of one for a moment.

use std::cmp::Ordering;

use serde_json::{Value, json};

use super::super::exchange::Answer;
use super::index::list;
use super::issue::Issue;
use super::jql::{self, Clause, Order, Query, SortKey};
use super::refusal;
use super::rest::Desk;
use super::state::Platform;
use crate::clock::Timestamp;

impl Platform {
    fn meets(&self, now: Timestamp, issue: &Issue, clause: &Clause) -> bool {
        match clause {
            Clause::Project(key) => self.find_project(key).is_some_and(|it| it.id == issue.project),
            Clause::Label(label) => issue.labels().iter().any(|it| it.eq_ignore_ascii_case(label)),
            Clause::CreatedWithin(age) => issue.created >= now - *age,
            Clause::ResolvedWithin(age) => issue.resolved.is_some_and(|at| at >= now - *age),
            Clause::Unresolved => issue.resolved.is_none(),
            Clause::NotResolvedAs(name) => {
                issue.resolved.is_some()
                    && issue.fields.get("resolution").is_none_or(|it| it["name"] != *name)
            }
            Clause::NotDone => {
                let project = self.project_of(issue);
                project.and_then(|it| it.workflow.find(&issue.status)).is_none_or(|it| it.category != "done")
            }
        }
    }

    /// Ids of what a query finds, in its order.
    fn search(&mut self, now: Timestamp, query: &Query, reconciled: &[u64]) -> Vec<u64> {
        let is_found = |issue: &&Issue| {
            query.terms.iter().all(|term| term.iter().any(|clause| self.meets(now, issue, clause)))
        };
        let mut found: Vec<&Issue> = self.issues().filter(is_found).collect();
        let newest_first = [Order { by: SortKey::Created, descending: true }];
        let order = if query.order.is_empty() { &newest_first[..] } else { &query.order };
        found.sort_by(|a, b| self.compare(a, b, order));
        let ids: Vec<u64> = found.into_iter().map(|it| it.id).collect();
        ids.into_iter().filter(|id| reconciled.contains(id) || self.index.knows(now, *id)).collect()
    }

    /// What is equal in every respect stands as it was made, or the other way round.
    fn compare(&self, a: &Issue, b: &Issue, order: &[Order]) -> Ordering {
        let by = |Order { by, descending }: &Order| {
            let compared = match by {
                SortKey::Created => a.created.cmp(&b.created),
                SortKey::Key => number(&a.key).cmp(&number(&b.key)),
                SortKey::Status => self.place_of_status(a).cmp(&self.place_of_status(b)),
                SortKey::Resolved => a.resolved.cmp(&b.resolved),
            };
            if *descending { compared.reverse() } else { compared }
        };
        let made =
            if order.first().is_some_and(|it| it.descending) { b.id.cmp(&a.id) } else { a.id.cmp(&b.id) };
        order.iter().map(by).find(|it| it.is_ne()).unwrap_or(made)
    }

    fn place_of_status(&self, issue: &Issue) -> Option<usize> {
        self.project_of(issue)?.workflow.statuses.iter().position(|it| it.id == issue.status)
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
        let visible = query.project().and_then(|key| self.platform.find_project(key));
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
