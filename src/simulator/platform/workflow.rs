//! Workflows: statuses with their categories, and the ways between them.

use serde_json::{Value, json};

/// One status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    pub id: &'static str,
    pub name: &'static str,
    /// `new`, `indeterminate` or `done`.
    pub category: &'static str,
    /// Whether fields of an issue in it can be edited.
    pub editable: bool,
}

impl Status {
    const fn of(id: &'static str, name: &'static str, category: &'static str) -> Self {
        Self { id, name, category, editable: true }
    }

    /// As the API shows it.
    pub fn to_json(&self) -> Value {
        json!({
            "id": self.id,
            "name": self.name,
            "untranslatedName": self.name,
            "statusCategory": { "id": self.category_id(), "key": self.category, "name": self.name },
        })
    }

    fn category_id(&self) -> u8 {
        match self.category {
            "new" => 2,
            "done" => 3,
            _ => 4,
        }
    }
}

/// One way from a status to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    pub id: &'static str,
    pub name: &'static str,
    /// Statuses it starts from; empty for every status.
    pub from: &'static [&'static str],
    pub to: &'static str,
    /// Required fields of its screen, with the values that are allowed; empty when it has no screen.
    pub screen: &'static [(&'static str, &'static [&'static str])],
}

impl Transition {
    const fn of(
        id: &'static str,
        name: &'static str,
        from: &'static [&'static str],
        to: &'static str,
    ) -> Self {
        Self { id, name, from, to, screen: &[] }
    }
}

/// A graph; a new issue starts in the first status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workflow {
    pub statuses: Vec<Status>,
    pub transitions: Vec<Transition>,
}

impl Workflow {
    /// To Do, In Progress and Done, each reachable from everywhere.
    pub fn simple() -> Self {
        Self {
            statuses: vec![
                Status::of("10000", "To Do", "new"),
                Status::of("10001", "In Progress", "indeterminate"),
                Status::of("10002", "Done", "done"),
            ],
            transitions: vec![
                Transition::of("11", "To Do", &[], "10000"),
                Transition::of("21", "In Progress", &[], "10001"),
                Transition::of("31", "Done", &[], "10002"),
            ],
        }
    }

    /// Jira's old default: two ways to be done, a screen that requires a resolution, and a way back from Closed.
    pub fn classic() -> Self {
        let resolution: &[(&str, &[&str])] = &[("resolution", &["Done", "Won't Do", "Duplicate"])];
        Self {
            statuses: vec![
                Status::of("1", "Open", "new"),
                Status::of("3", "In Progress", "indeterminate"),
                Status::of("4", "Reopened", "new"),
                Status::of("5", "Resolved", "done"),
                Status::of("6", "Closed", "done"),
            ],
            transitions: vec![
                Transition::of("4", "Start Progress", &["1", "4"], "3"),
                Transition {
                    screen: resolution,
                    ..Transition::of("5", "Resolve Issue", &["1", "3", "4"], "5")
                },
                Transition {
                    screen: resolution,
                    ..Transition::of("2", "Close Issue", &["1", "3", "4", "5"], "6")
                },
                Transition::of("3", "Reopen Issue", &["6"], "4"),
            ],
        }
    }

    /// As simple, but an issue that is done cannot be edited.
    pub fn locked() -> Self {
        let mut workflow = Self::simple();
        for status in &mut workflow.statuses {
            status.editable = status.category != "done";
        }
        workflow
    }

    /// One from which nothing leads anywhere.
    pub fn dead_end() -> Self {
        Self { transitions: Vec::new(), ..Self::simple() }
    }

    pub fn find(&self, status: &str) -> Option<&Status> {
        self.statuses.iter().find(|it| it.id == status)
    }

    /// The ways out of a status.
    pub fn leaving(&self, status: &str) -> impl Iterator<Item = (&Transition, &Status)> {
        let open = self.transitions.iter().filter(move |it| it.from.is_empty() || it.from.contains(&status));
        open.filter_map(|it| Some((it, self.find(it.to)?)))
    }
}
