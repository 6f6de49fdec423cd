//! A work item as Jira answers it, as far as anything depends on it.
//!
//! Must read leniently: an answer holds the fields that were asked for and the site shows, in any site's dress.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::field::Field;
use super::identity::{Identity, PROPERTY};
use super::normal::{document_digest, text_digest};
use super::screen::{Named, text_of};
use super::workflow::Category;
use crate::domain::{Timestamp, parse_timestamp};

/// The fields to ask for.
pub const FIELDS: [&str; 10] = [
    "summary",
    "description",
    "status",
    "priority",
    "labels",
    "components",
    "project",
    "issuetype",
    "created",
    "updated",
];

/// What was read of one work item.
#[derive(Debug, Clone, PartialEq)]
pub struct Issue {
    /// Numeric, and the same for ever.
    pub id: String,
    /// Changes when the work item moves to another project, or the project is renamed.
    pub key: String,
    fields: Value,
    properties: Value,
    history: Vec<Value>,
}

impl Issue {
    /// `None` if it has no id.
    #[must_use]
    pub fn read(value: &Value) -> Option<Self> {
        let part = |name| value.get(name).cloned().unwrap_or_default();
        Some(Self {
            id: text_of(value.get("id")?)?,
            key: value.get("key").and_then(text_of).unwrap_or_default(),
            fields: part("fields"),
            properties: part("properties"),
            history: value
                .pointer("/changelog/histories")
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default(),
        })
    }

    /// The incident that it stands for; `None` if it is not ours.
    #[must_use]
    pub fn identity(&self) -> Option<Identity> {
        Identity::parse(self.properties.get(PROPERTY)?)
    }

    #[must_use]
    pub fn summary(&self) -> Option<&str> {
        self.fields.get("summary")?.as_str()
    }

    #[must_use]
    pub fn description(&self) -> Option<&Value> {
        self.fields.get("description").filter(|description| !description.is_null())
    }

    /// What tells whether people have changed a field; `None` if it is empty, and for lists, to which everybody adds.
    #[must_use]
    pub fn digest(&self, field: Field) -> Option<String> {
        match field {
            Field::Summary => self.summary().map(text_digest),
            Field::Description => self.description().map(document_digest),
            Field::Priority => self.priority().map(|priority| priority.id),
            Field::Components | Field::Labels => None,
        }
    }

    /// Who changed what and when, as Jira tells it, at most the last 100 changes; empty unless it was asked for.
    #[must_use]
    pub fn history(&self) -> &[Value] {
        &self.history
    }

    /// The same work item with these fields.
    #[must_use]
    pub fn showing(mut self, fields: Map<String, Value>) -> Self {
        if let Some(shown) = self.fields.as_object_mut() {
            shown.extend(fields);
        }
        self
    }

    #[must_use]
    pub fn category(&self) -> Option<Category> {
        Category::find(self.fields.pointer("/status/statusCategory/key")?.as_str()?)
    }

    /// Name of the status, as the site shows it.
    #[must_use]
    pub fn status(&self) -> Option<&str> {
        self.fields.pointer("/status/name")?.as_str()
    }

    /// When anything of it changed last, by Jira's clock.
    #[must_use]
    pub fn updated(&self) -> Option<Timestamp> {
        parse_timestamp(self.fields.get("updated")?.as_str()?)
    }

    #[must_use]
    pub fn priority(&self) -> Option<Named> {
        Named::read(self.fields.get("priority")?)
    }

    #[must_use]
    pub fn project(&self) -> Option<&str> {
        self.fields.pointer("/project/key")?.as_str()
    }

    /// Id of its type.
    #[must_use]
    pub fn issue_type(&self) -> Option<String> {
        text_of(self.fields.pointer("/issuetype/id")?)
    }

    #[must_use]
    pub fn labels(&self) -> BTreeSet<String> {
        self.list("labels").filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// Ids of its components.
    #[must_use]
    pub fn components(&self) -> BTreeSet<String> {
        self.list("components").filter_map(|component| text_of(component.get("id")?)).collect()
    }

    /// The number at the end of its key.
    #[must_use]
    pub fn number(&self) -> Option<u64> {
        self.key.rsplit_once('-')?.1.parse().ok()
    }

    /// The id for comparisons: ids grow, and `100` is younger than `99`.
    #[must_use]
    pub fn numeric_id(&self) -> u64 {
        self.id.parse().unwrap_or(u64::MAX)
    }

    fn list(&self, field: &str) -> impl Iterator<Item = &Value> {
        self.fields.get(field).and_then(Value::as_array).into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::destinations::issues::content::identity::tests::identity;

    #[test]
    fn everything_that_matters_is_read() {
        let issue = Issue::read(&json!({
            "id": "10007", "key": "OPS-7", "self": "https://x.example/", "new": 1,
            "fields": {
                "summary": "s", "description": { "type": "doc" }, "labels": ["a", "b", 1],
                "status": { "name": "Offen", "statusCategory": { "key": "new", "id": 2 } },
                "priority": { "id": "1", "name": "Highest" }, "components": [{ "id": "10012", "name": "API" }, {}],
                "project": { "key": "OPS" }, "issuetype": { "id": "10005" },
                "updated": "2026-04-03T11:12:00.000+0200",
            },
            "properties": { "incident-bridge": identity().to_value() },
        }))
        .unwrap();
        assert_eq!(
            (issue.id.as_str(), issue.number(), issue.identity()),
            ("10007", Some(7), Some(identity()))
        );
        assert_eq!((issue.summary(), issue.status()), (Some("s"), Some("Offen")));
        assert_eq!((issue.category(), issue.project()), (Some(Category::New), Some("OPS")));
        assert_eq!(issue.updated(), parse_timestamp("2026-04-03T09:12:00Z"));
        assert_eq!(issue.priority().unwrap().id, "1");
        assert_eq!(issue.issue_type().as_deref(), Some("10005"));
        assert_eq!(issue.labels().into_iter().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(issue.components().into_iter().collect::<Vec<_>>(), ["10012"]);
        assert!(issue.description().is_some());
    }

    #[test]
    fn what_is_missing_is_missing() {
        let issue = Issue::read(&json!({ "id": 10007, "fields": { "description": null, "priority": null } }))
            .unwrap();
        assert_eq!((issue.id.as_str(), issue.key.as_str(), issue.number()), ("10007", "", None));
        assert_eq!((issue.description(), issue.priority(), issue.category()), (None, None, None));
        assert_eq!((issue.identity(), issue.summary()), (None, None));
        assert!(issue.labels().is_empty() && issue.components().is_empty());
        assert_eq!(Issue::read(&json!({ "key": "OPS-1" })), None);
    }
}
