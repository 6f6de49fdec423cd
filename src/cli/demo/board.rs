//! Compares the work items on the board with the pager's incidents, in both directions.
//!
//! Like the comparison of the Incidents page, it must not ask the bridge's own mapping. Without a priority in the
//! pager, the priority of a work item is Jira's own affair.

use std::collections::{BTreeMap, BTreeSet};

use crate::simulator::Simulator;
use crate::simulator::platform::Issue;
use crate::simulator::tools::{Incident, Pager, Status};

const PRIORITIES: [&str; 5] = ["Highest", "High", "Medium", "Low", "Lowest"];

/// The pager's incident that a work item is about; `None` for people's own.
pub(super) fn incident_of(issue: &Issue) -> Option<&str> {
    issue.properties.get("incident-bridge")?["id"].as_str()
}

/// Every difference, in words. `renamed` has the summaries that people wrote, by incident.
pub(super) fn compare_board(
    issues: &[Issue],
    jira: &Simulator,
    pager: &Pager,
    renamed: &BTreeMap<String, String>,
) -> Vec<String> {
    let mut differences = Vec::new();
    let mut known = BTreeSet::new();
    for incident in pager.incidents() {
        let mut of_it = issues.iter().filter(|issue| incident_of(issue) == Some(&incident.id));
        let (found, another) = (of_it.next(), of_it.next());
        differences.extend(another.map(|it| format!("{}: {} is its second work item", incident.id, it.key)));
        match found {
            Some(issue) => {
                let category = jira.board().category(&issue.key).unwrap_or_default();
                let summary = renamed.get(&incident.id).map_or(incident.title, String::as_str);
                let url = pager.incident_url(&incident.id);
                differences.extend(check(&incident, issue, (category, summary, &url)));
            }
            None => differences.push(format!("{}: has no work item", incident.id)),
        }
        known.insert(incident.id);
    }
    let unknown = issues.iter().filter(|issue| incident_of(issue).is_some_and(|id| !known.contains(id)));
    differences.extend(unknown.map(|issue| format!("{}: is about no incident of the pager", issue.key)));
    differences
}

fn check(incident: &Incident, issue: &Issue, (category, summary, url): (&str, &str, &str)) -> Vec<String> {
    let is_right = match incident.status {
        // One that was opened again may be in progress already.
        Status::Triggered => category != "done",
        Status::Acknowledged => category == "indeterminate",
        Status::Resolved => category == "done",
    };
    let priority = issue.fields.get("priority").and_then(|it| it["name"].as_str()).unwrap_or("none");
    let expected = incident.priority.and_then(|level| PRIORITIES.get(usize::from(level) - 1).copied());
    let links = |link: &str| issue.remote_links.iter().any(|it| it.body["object"]["url"] == *link);
    let wrong = [
        (!is_right).then(|| format!("is {category}, but {:?} in the pager", incident.status)),
        (issue.text("summary") != summary)
            .then(|| format!("is called {:?} instead of {summary:?}", issue.text("summary"))),
        expected
            .filter(|expected| *expected != priority)
            .map(|expected| format!("has the priority {priority} instead of {expected}")),
        (!links(url)).then(|| format!("does not link to {url}")),
    ];
    wrong.into_iter().flatten().map(|what| format!("{} of {}: {what}", issue.key, incident.id)).collect()
}
