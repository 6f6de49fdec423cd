//! Compares the work items with what the tool was promised and with what people have done.

use std::collections::BTreeMap;

use incident_bridge::simulator::Simulator;
use incident_bridge::simulator::platform::{Issue, RemoteLink};
use serde_json::Value;

use super::super::model::{Incident, Sender};
use super::mails::{Mails, Span};
use super::people::People;

const PRIORITIES: [&str; 5] = ["Highest", "High", "Medium", "Low", "Lowest"];
/// Services that the project has components for; the last one it has not.
pub const COMPONENTS: [&str; 3] = ["PSERVICE0", "PSERVICE1", "PSERVICE2"];

/// How Jira differs from what it must be.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Incidents without a work item.
    pub lost: Vec<String>,
    /// Work items that do not show the last acknowledged state where it is theirs to show.
    pub stale: Vec<String>,
    /// Incidents with several work items that are not marked as doubles.
    pub doubles: Vec<String>,
    /// Work items of incidents that nobody sent.
    pub invented: Vec<String>,
    /// Edits of people that are gone.
    pub undone: Vec<String>,
    /// Work items whose status the bridge changed more often than the tool did.
    pub forced: Vec<String>,
    /// Work items with more bursts of mails than changes of their incident.
    pub noisy: Vec<String>,
}

/// What there is.
#[derive(Debug, Default, Clone, Copy)]
pub struct Tally {
    pub work_items: usize,
    /// Marked as doubles, and closed.
    pub closed_doubles: usize,
    /// Incidents that were resolved before a work item was made.
    pub never_made: usize,
    pub changes: u64,
    pub mails: usize,
    pub bursts: u64,
}

/// Compares everything; `down` is when the program was.
pub fn compare(jira: &Simulator, sender: &Sender, people: &People, down: &[Span]) -> (Difference, Tally) {
    let board = jira.board();
    let (mut difference, mut tally) = (Difference::default(), Tally::default());
    let mut by_incident: BTreeMap<String, Vec<Issue>> = BTreeMap::new();
    for issue in board.issues() {
        if issue.labels().contains(&"incident-bridge-duplicate") && board.category(&issue.key) == Some("done")
        {
            tally.closed_doubles += 1;
            continue;
        }
        tally.work_items += 1;
        let id = issue.properties.get("incident-bridge").and_then(|it| it["id"].as_str());
        by_incident.entry(id.unwrap_or_default().to_owned()).or_default().push(issue);
    }
    let mails = Mails::of(jira, down);
    tally.mails = mails.count();
    for incident in sender.acknowledged() {
        tally.changes += 1 + incident.changes;
        let issues = by_incident.remove(&incident.id).unwrap_or_default();
        match issues.as_slice() {
            [] if incident.resolved => tally.never_made += 1,
            [] => difference.lost.push(incident.id.clone()),
            [issue] => {
                tally.bursts += mails.count_bursts(issue.id);
                difference.judge(jira, people, (issue, incident), &mails);
            }
            _ => difference.doubles.push(incident.id.clone()),
        }
    }
    difference.invented = by_incident.into_keys().collect();
    (difference, tally)
}

impl Difference {
    fn judge(
        &mut self,
        jira: &Simulator,
        people: &People,
        (issue, incident): (&Issue, &Incident),
        mails: &Mails<'_>,
    ) {
        self.stale.extend(list_stale(jira, people, issue, incident));
        self.undone.extend(people.list_undone(issue));
        let moves = issue.changes.iter().filter(|it| it.field == "status" && it.author == "bridge").count();
        if moves > incident.turns {
            self.forced.push(format!("{}: {moves} of {}", issue.key, incident.turns));
        }
        let (bursts, changes) = (mails.count_bursts(issue.id), 1 + incident.changes);
        if bursts > changes {
            self.noisy.push(format!("{}: {bursts} for {changes}:{}", issue.key, mails.describe(issue.id)));
        }
    }
}

/// What a work item does not show of its incident, except for what people have changed.
fn list_stale(jira: &Simulator, people: &People, issue: &Issue, incident: &Incident) -> Vec<String> {
    let shown = |field: &str| issue.fields.get(field).cloned().unwrap_or_default();
    let level = usize::try_from(incident.priority).ok().and_then(|level| PRIORITIES.get(level - 1));
    let components = shown("components");
    let names = components.as_array().into_iter().flatten().filter_map(|it| it["name"].as_str());
    let service = incident.service();
    let wanted = COMPONENTS.into_iter().filter(|it| *it == service);
    let category = jira.board().category(&issue.key).unwrap_or_default();
    let is_followed = match (incident.resolved, incident.acknowledged) {
        (true, _) => category == "done",
        (false, true) => category == "indeterminate",
        // What was in progress stays there when an incident is resolved and reopened at once.
        (false, false) => category != "done",
    };
    let facets = [
        ("summary", shown("summary") == incident.title().as_str()),
        ("description", shown("description").to_string().contains(&format!("P{} since", incident.priority))),
        ("priority", shown("priority").get("name").and_then(Value::as_str) == level.copied()),
        ("components", names.eq(wanted)),
        ("status", is_followed),
    ];
    let is_struck = |link: &RemoteLink| link.body.pointer("/object/status/resolved").and_then(Value::as_bool);
    let links: Vec<Option<bool>> = issue.remote_links.iter().map(is_struck).collect();
    let mut stale: Vec<&str> = facets
        .into_iter()
        .filter(|(field, is_right)| !is_right && !people.own(issue, field))
        .map(|(field, _)| field)
        .collect();
    if links != [Some(incident.resolved)] {
        stale.push("link");
    }
    if !issue.labels().contains(&"incident-bridge") {
        stale.push("labels");
    }
    stale.into_iter().map(|field| format!("{} of {}: {field}", issue.key, incident.id)).collect()
}
