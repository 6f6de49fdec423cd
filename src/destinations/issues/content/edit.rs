//! The body that edits a work item: what the tool changed, and nothing that people changed.
//!
//! Must never undo an edit of a person: what differs from what was written last is theirs from then on.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::body::IssueBody;
use super::components::change_components;
use super::create::Wanted;
use super::field::Field;
use super::identity::Identity;
use super::issue::Issue;
use super::normal::{document_digest, text_digest};
use super::screen::text_of;

/// What was written to a work item last, as far as it tells people's edits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Written {
    /// Digests; `None` if it was never written.
    pub summary: Option<String>,
    pub description: Option<String>,
    /// Id, as written or as seen right after the work item was created; `None` leaves the field alone.
    pub priority: Option<String>,
    /// Ids that we added.
    pub components: BTreeSet<String>,
    pub labels: BTreeSet<String>,
}

impl Written {
    /// What tells whether people have changed a field; `None` for lists, to which everybody adds.
    #[must_use]
    pub fn of(&self, field: Field) -> Option<&String> {
        match field {
            Field::Summary => self.summary.as_ref(),
            Field::Description => self.description.as_ref(),
            Field::Priority => self.priority.as_ref(),
            Field::Components | Field::Labels => None,
        }
    }

    /// Takes over what a body writes that Jira has accepted.
    pub fn apply(&mut self, body: &IssueBody) {
        let field = |name: &str| body.fields.get(name);
        if let Some(summary) = field("summary").and_then(Value::as_str) {
            self.summary = Some(text_digest(summary));
        }
        if let Some(description) = field("description") {
            self.description = Some(document_digest(description));
        }
        if let Some(priority) = field("priority").and_then(|priority| text_of(priority.get("id")?)) {
            self.priority = Some(priority);
        }
        let list = |value: Option<&Value>| value.and_then(Value::as_array).cloned().unwrap_or_default();
        let id = |component: &Value| text_of(component.get("id")?);
        self.components.extend(list(field("components")).iter().filter_map(id));
        for operation in list(body.update.get("components")) {
            if let Some(added) = operation.get("add").and_then(id) {
                self.components.insert(added);
            } else if let Some(removed) = operation.get("remove").and_then(id) {
                self.components.remove(&removed);
            }
        }
        let added = list(body.update.get("labels"));
        let added = added.iter().filter_map(|operation| operation.get("add")).cloned();
        let labels = list(field("labels")).into_iter().chain(added);
        self.labels.extend(labels.filter_map(|label| label.as_str().map(str::to_owned)));
    }

    /// Takes over what a request was to write whose answer was lost, as far as the work item shows it.
    pub fn take_over(&mut self, pending: &Self, held: &Issue) {
        let shown = held.digest(Field::Summary);
        if shown == pending.summary {
            self.summary = shown;
        }
        let shown = held.digest(Field::Description);
        if shown == pending.description {
            self.description = shown;
        }
        let shown = held.digest(Field::Priority);
        if shown == pending.priority {
            self.priority = shown;
        }
        let components = held.components();
        self.components.retain(|id| pending.components.contains(id) || components.contains(id));
        self.components.extend(pending.components.intersection(&components).cloned());
        self.labels.extend(pending.labels.intersection(&held.labels()).cloned());
    }

    /// Notes what Jira chose for a work item that was just created, so that a later change by a person can be told.
    pub fn note_defaults(&mut self, created: &Issue) {
        if self.priority.is_none() {
            self.priority = created.priority().map(|priority| priority.id);
        }
    }
}

/// An edit, and what is left to people.
#[derive(Debug, Clone, PartialEq)]
pub struct Edit {
    /// `None` if there is nothing to change.
    pub body: Option<IssueBody>,
    /// Fields that people have changed.
    pub respected: Vec<Field>,
    /// What counts as written before the body is applied.
    pub written: Written,
}

/// What may be edited.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// The fields that the operator wants kept up to date.
    pub update: &'a BTreeSet<Field>,
    /// Fields that Jira has refused in this project.
    pub refused: &'a BTreeSet<String>,
}

impl Scope<'_> {
    fn has(&self, field: Field) -> bool {
        self.update.contains(&field) && !self.refused.contains(field.as_str())
    }
}

/// The difference between what a work item shows and what it should; `held` was read just now.
#[must_use]
pub fn edit(scope: Scope<'_>, wanted: &Wanted, written: &Written, held: &Issue, identity: &Identity) -> Edit {
    let mut edit = Edit { body: None, respected: Vec::new(), written: written.clone() };
    let mut body = IssueBody::of(identity);
    for field in Field::ALL.into_iter().filter(|field| scope.has(*field)) {
        match compare(field, wanted, written, held) {
            Change::None => {}
            Change::Theirs => edit.respected.push(field),
            Change::To(value) => {
                body.fields.insert(field.as_str().to_owned(), value);
            }
        }
    }
    if scope.has(Field::Components) {
        let change = change_components(&wanted.components, &written.components, &held.components());
        // What people put there is not ours until Jira has taken our operation.
        edit.written.components.retain(|id| change.ours.contains(id) || held.components().contains(id));
        if !change.operations.is_empty() {
            body.update.insert("components".to_owned(), json!(change.operations));
        }
    }
    if scope.has(Field::Labels) {
        let held = held.labels();
        let is_new = |label: &&String| !held.contains(*label) && !written.labels.contains(*label);
        body.add_labels(&wanted.labels.iter().filter(is_new).cloned().collect::<Vec<_>>());
    }
    edit.body = Some(body).filter(IssueBody::has_fields);
    edit
}

enum Change {
    None,
    /// People have changed the field.
    Theirs,
    To(Value),
}

fn compare(field: Field, wanted: &Wanted, written: &Written, held: &Issue) -> Change {
    let (target, wanted) = match field {
        Field::Summary => (json!(wanted.summary), text_digest(&wanted.summary)),
        Field::Description => (wanted.description.clone(), document_digest(&wanted.description)),
        Field::Priority => {
            let Some(priority) = &wanted.priority else { return Change::None };
            (json!({ "id": priority.id }), priority.id.clone())
        }
        Field::Components | Field::Labels => return Change::None,
    };
    let (held, written) = (held.digest(field), written.of(field));
    if held.as_ref() == Some(&wanted) {
        Change::None
    } else if held.as_ref() == written && (written.is_some() || field == Field::Priority) {
        // A priority that was never written is the one that Jira chose, or none.
        Change::To(target)
    } else if held.is_none() && written.is_none() {
        // It had no place when the work item was made.
        Change::None
    } else {
        Change::Theirs
    }
}

#[cfg(test)]
#[path = "edit_tests.rs"]
mod tests;
