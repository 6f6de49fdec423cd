//! People who edit the work items of the bridge at random, and remember what must still be there.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use incident_bridge::simulator::Simulator;
use incident_bridge::simulator::platform::Issue;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::super::model::Random;

/// Longest time between two edits, in milliseconds.
const PAUSE: u64 = 150;

/// A component and a priority that no incident asks for, each with its id.
pub const COMPONENT: (&str, &str) = ("10900", "Theirs");
pub const PRIORITY: (&str, &str) = ("6", "Someday");

const STATUSES: [&str; 3] = ["To Do", "In Progress", "Done"];
const FIELDS: [&str; 7] =
    ["summary", "description", "labels", "priority", "assignee", "components", "status"];

/// Everybody who uses the board.
pub struct People {
    random: Random,
    pub edits: usize,
    /// By work item and field: the last value.
    last: BTreeMap<(u64, &'static str), Value>,
    /// Statuses and components that nothing else may change any more.
    settled: Option<Settled>,
}

#[derive(Default)]
struct Settled {
    statuses: BTreeMap<u64, String>,
    components: BTreeMap<u64, Value>,
}

impl People {
    pub fn new(seed: u64) -> Self {
        Self { random: Random(seed), edits: 0, last: BTreeMap::new(), settled: None }
    }

    pub async fn work_until(&mut self, jira: &Simulator, end: Instant) {
        loop {
            sleep(Duration::from_millis(self.random.below(PAUSE))).await;
            if Instant::now() >= end {
                return;
            }
            self.edit_one(jira);
        }
    }

    /// From now on the tool changes no status and no component, so that these stay as people leave them.
    pub fn settle(&mut self, jira: &Simulator) {
        let statuses = jira.board().issues().into_iter().map(|issue| (issue.id, issue.status));
        self.settled = Some(Settled { statuses: statuses.collect(), ..Settled::default() });
    }

    fn edit_one(&mut self, jira: &Simulator) {
        let mut ids = Vec::new();
        jira.board().configure(|platform| ids.extend(platform.issues().map(|issue| issue.id)));
        let Some(issue) = self.pick(&ids).and_then(|id| jira.board().issue(&id.to_string())) else { return };
        let Some(field) = self.pick(&FIELDS) else { return };
        self.edits += 1;
        if field == "status" {
            self.move_on(jira, &issue);
        } else {
            self.edit(jira, &issue, field);
        }
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        from.get(usize::try_from(self.random.below(from.len() as u64)).ok()?).copied()
    }

    fn edit(&mut self, jira: &Simulator, issue: &Issue, field: &'static str) {
        let n = self.edits;
        let list = |name: &str| issue.fields.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
        let component = json!({ "id": COMPONENT.0, "name": COMPONENT.1 });
        let value = match field {
            "summary" => json!(format!("Theirs, edit {n}")),
            "description" => json!({ "type": "doc", "version": 1, "content": [
                { "type": "paragraph", "content": [{ "type": "text", "text": format!("Theirs, edit {n}") }] },
            ] }),
            "labels" => list("labels").into_iter().chain([json!(format!("theirs-{n}"))]).collect(),
            "priority" => json!({ "id": PRIORITY.0, "name": PRIORITY.1 }),
            "components" if self.random.chance(50) => json!([component]),
            "components" => {
                let others = list("components").into_iter().filter(|it| *it != component);
                others.chain([component.clone()]).collect()
            }
            _ => json!({ "accountId": format!("person-{n}") }),
        };
        jira.board().edit(&issue.key, field, value.clone());
        if field == "components"
            && let Some(settled) = &mut self.settled
        {
            settled.components.insert(issue.id, value.clone());
        }
        self.last.insert((issue.id, field), value);
    }

    fn move_on(&mut self, jira: &Simulator, issue: &Issue) {
        let Some(status) = self.pick(&STATUSES) else { return };
        jira.board().transition(&issue.key, status);
        self.last.insert((issue.id, "status"), json!(status));
        let now = jira.board().issue(&issue.key).map(|issue| issue.status);
        if let (Some(settled), Some(now)) = (&mut self.settled, now) {
            settled.statuses.insert(issue.id, now);
        }
    }

    /// Whether somebody has edited a field.
    pub fn own(&self, issue: &Issue, field: &'static str) -> bool {
        self.last.contains_key(&(issue.id, field))
    }

    /// What of people's edits is no longer there.
    pub fn list_undone(&self, issue: &Issue) -> Vec<String> {
        let shown = |field: &str| issue.fields.get(field).cloned().unwrap_or_default();
        let set = |value: &Value| -> BTreeSet<String> {
            value.as_array().into_iter().flatten().map(ToString::to_string).collect()
        };
        let of_issue = self.last.range((issue.id, "")..(issue.id + 1, ""));
        let is_undone = |field: &str, value: &Value| match field {
            // Whatever an incident asks for besides may come and go.
            "components" => !shown(field).as_array().into_iter().flatten().any(|it| it["id"] == COMPONENT.0),
            "labels" => !set(value).is_subset(&set(&shown(field))),
            "status" => false,
            _ => shown(field) != *value,
        };
        let mut undone: Vec<&str> = of_issue
            .filter(|((_, field), value)| is_undone(field, value))
            .map(|((_, field), _)| *field)
            .collect();
        if let Some(settled) = &self.settled {
            let left = settled.components.get(&issue.id);
            if left.is_some_and(|left| set(left) != set(&shown("components"))) {
                undone.push("components at the end");
            }
            if settled.statuses.get(&issue.id).is_some_and(|status| *status != issue.status) {
                undone.push("status");
            }
        }
        undone.into_iter().map(|field| format!("{}: {field}", issue.key)).collect()
    }
}
