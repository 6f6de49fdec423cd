//! Counts what the simulated Jira has recorded of one way. Must not know what a way is expected to do.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use incident_bridge::clock::Timestamp;
use incident_bridge::simulator::RequestRecord;
use incident_bridge::simulator::platform::{Issue, Operation, Workflow, find_host};

use super::story::{Edit, Group, Told, list_issues};
use super::way::Way;

/// Mails that people get within this time of each other are one burst.
const BURST: TimeDelta = TimeDelta::seconds(10);

/// The figures of one way.
pub struct Figures {
    name: &'static str,
    /// Requests by operation.
    operations: BTreeMap<String, usize>,
    /// In the order of the table.
    rows: Vec<(&'static str, usize)>,
}

impl Figures {
    pub fn of(way: &Way, told: &Told) -> Self {
        let (board, requests) = (way.site.board(), way.site.requests());
        let mut operations = BTreeMap::new();
        for request in &requests {
            *operations.entry(name_operation(way, request)).or_default() += 1;
        }
        let count = |is: fn(&RequestRecord) -> bool| requests.iter().filter(|it| is(it)).count();
        let made: Vec<usize> = told.groups.iter().flat_map(|group| count_items(way, group)).collect();
        let is_open = |issue: &&Issue| board.category(&issue.key) != Some("done");
        let issues = board.issues();
        let rows = vec![
            ("answers 429", count(|it| it.status == 429)),
            ("other answers from 400 on", count(|it| it.status >= 400 && it.status != 429)),
            ("answers lost", count(|it| it.fault)),
            ("rules of Jira's API broken", way.site.schema_violations().len()),
            ("mails to each watcher", board.mails().len()),
            ("bursts of mails", count_bursts(way)),
            ("work items made", issues.len()),
            ("incidents with more than one work item", made.iter().filter(|made| **made > 1).count()),
            ("incidents without a work item", made.iter().filter(|made| **made == 0).count()),
            ("edits of people undone", told.edits.iter().filter(|edit| is_undone(way, edit)).count()),
            ("work items open when all is resolved", issues.iter().filter(is_open).count()),
        ];
        Self { name: way.kind.name(), operations, rows }
    }
}

/// Rows of Markdown, a column a way.
pub fn to_table(figures: &[Figures]) -> String {
    let mut lines = Vec::new();
    let mut row =
        |name: &str, cells: Vec<String>| lines.push(format!("| {name} | {} |\n", cells.join(" | ")));
    row("", figures.iter().map(|it| it.name.to_owned()).collect());
    row("---", figures.iter().map(|_| "---:".to_owned()).collect());
    row("requests", figures.iter().map(|it| it.operations.values().sum::<usize>().to_string()).collect());
    let operations: BTreeSet<&String> = figures.iter().flat_map(|it| it.operations.keys()).collect();
    for operation in operations {
        let number = |it: &Figures| it.operations.get(operation).copied().unwrap_or_default().to_string();
        row(&format!("… `{operation}`"), figures.iter().map(number).collect());
    }
    let names = figures.first().map(|it| it.rows.as_slice()).unwrap_or_default();
    for (n, (name, _)) in names.iter().enumerate() {
        let number = |it: &Figures| it.rows.get(n).map(|(_, number)| number.to_string()).unwrap_or_default();
        row(name, figures.iter().map(number).collect());
    }
    lines.concat()
}

/// Atlassian's name of what was asked, or the path.
fn name_operation(way: &Way, request: &RequestRecord) -> String {
    let below = find_host(&request.path, &way.site.cloud_id());
    let operation = below.and_then(|(_, below)| Operation::find(&request.method, below).ok());
    operation.map_or_else(|| request.path.clone(), |it| it.id().to_owned())
}

/// For each incident of a group, how many work items were made, reopened or still open while it was the last one.
fn count_items(way: &Way, group: &Group) -> Vec<usize> {
    let issues = list_issues(way, &group.name);
    let begins = group.began.iter().copied();
    let ends = group.began.iter().skip(1).copied().map(Some).chain([None]);
    let shows = |issue: &Issue, from: Timestamp, to: Option<Timestamp>| {
        let mut opened = list_moves(issue).into_iter().filter(|(_, is_open)| *is_open).map(|(at, _)| at);
        was_open(issue, from) || opened.any(|at| at >= from && to.is_none_or(|to| at < to))
    };
    begins.zip(ends).map(|(from, to)| issues.iter().filter(|issue| shows(issue, from, to)).count()).collect()
}

/// When a work item was made or changed its status, and whether it was open from then on.
fn list_moves(issue: &Issue) -> Vec<(Timestamp, bool)> {
    let workflow = Workflow::simple();
    let is_done = |status: &str| workflow.find(status).is_some_and(|it| it.category == "done");
    let moves = issue.changes.iter().filter(|it| it.field == "status");
    let moves = moves.map(|it| (it.at, !it.to.id.as_deref().is_some_and(is_done)));
    [(issue.created, true)].into_iter().chain(moves).collect()
}

fn was_open(issue: &Issue, at: Timestamp) -> bool {
    list_moves(issue).into_iter().rfind(|(moved, _)| *moved < at).is_some_and(|(_, is_open)| is_open)
}

fn count_bursts(way: &Way) -> usize {
    let mut last = BTreeMap::new();
    let mails = way.site.board().mails();
    let begins = mails.iter().filter(|mail| {
        let before = last.insert(mail.issue, mail.at);
        before.is_none_or(|before| mail.at - before > BURST)
    });
    begins.count()
}

/// `edit` may be of another way.
fn is_undone(way: &Way, edit: &Edit) -> bool {
    let Some(issue) = way.site.board().issue(&edit.key).filter(|_| edit.way == way.kind as usize) else {
        return false;
    };
    match (edit.field, edit.value.as_str()) {
        ("labels", Some(label)) => !issue.labels().contains(&label),
        _ => issue.fields.get(edit.field) != Some(&edit.value),
    }
}
