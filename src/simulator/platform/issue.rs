//! One work item, and how the API shows it.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::adf;
use super::project::Project;
use super::workflow::Status;
use crate::clock::Timestamp;

/// A link to something outside Jira.
#[derive(Clone, Debug, PartialEq)]
pub struct RemoteLink {
    pub id: u64,
    pub global_id: Option<String>,
    /// `application`, `relationship` and `object`.
    pub body: Value,
}

/// A link to another issue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssueLink {
    /// Name of its type, such as `Duplicate`.
    pub name: String,
    pub other: u64,
    pub outward: bool,
}

/// One change in an issue's history.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    pub at: Timestamp,
    pub author: String,
    pub field: String,
    pub from: Side,
    pub to: Side,
}

/// What a field held before or after a change, as a history shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Side {
    /// Of what has one, such as a status or a priority.
    pub id: Option<String>,
    /// A document without its formatting.
    pub text: Option<String>,
}

impl Side {
    fn of(value: Option<&Value>) -> Self {
        let part = |name: &str| value?.get(name)?.as_str().map(str::to_owned);
        let text = match value {
            Some(Value::String(text)) => Some(text.clone()),
            Some(Value::Array(items)) => Some(items.iter().map(name_of).collect::<Vec<_>>().join(" ")),
            Some(document) if document["type"] == "doc" => Some(adf::text(document)),
            _ => part("name"),
        };
        Self { id: part("id"), text }
    }
}

fn name_of(item: &Value) -> &str {
    item.as_str().or_else(|| item["name"].as_str()).unwrap_or_default()
}

/// A work item.
#[derive(Clone, Debug, PartialEq)]
pub struct Issue {
    pub id: u64,
    pub key: String,
    /// Id of its project.
    pub project: String,
    /// Id of its type.
    pub issue_type: String,
    /// Id of its status.
    pub status: String,
    /// What people see, without `project`, `issuetype` and `status`.
    pub fields: Map<String, Value>,
    pub properties: BTreeMap<String, Value>,
    pub remote_links: Vec<RemoteLink>,
    pub links: Vec<IssueLink>,
    pub comments: Vec<Value>,
    pub changes: Vec<Change>,
    pub created: Timestamp,
    pub updated: Timestamp,
    /// Since when it has a resolution.
    pub resolved: Option<Timestamp>,
}

impl Issue {
    /// The text of a field; empty if it has none.
    pub fn text(&self, field: &str) -> &str {
        self.fields.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    /// Its labels.
    pub fn labels(&self) -> Vec<&str> {
        self.fields
            .get("labels")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect()
    }

    /// Who last changed a field.
    pub fn last_author(&self, field: &str) -> Option<&str> {
        self.changes.iter().rev().find(|it| it.field == field).map(|it| it.author.as_str())
    }

    /// What a field holds as a history shows it; `status` and `project` too.
    pub fn side(&self, field: &str) -> Side {
        let id = match field {
            "status" => Some(&self.status),
            "project" => Some(&self.project),
            _ => None,
        };
        id.map_or_else(|| Side::of(self.fields.get(field)), |id| Side { id: Some(id.clone()), text: None })
    }

    /// As `getIssue`, `bulkFetchIssues` and the search show it. `wanted` are field names; `*all` and
    /// `*navigable` are every field.
    pub fn to_json(&self, project: &Project, url: &str, wanted: &[String], properties: &[String]) -> Value {
        let all = self.all_fields(project);
        let is_wanted = |name: &str| wanted.iter().any(|it| it == name || it.starts_with('*'));
        let fields: Map<String, Value> = all.into_iter().filter(|(name, _)| is_wanted(name)).collect();
        let mut shown = json!({
            "id": self.id.to_string(),
            "key": self.key,
            "self": format!("{url}/rest/api/3/issue/{}", self.id),
        });
        if !wanted.is_empty() {
            shown["fields"] = fields.into();
        }
        if !properties.is_empty() {
            let held =
                self.properties.iter().filter(|(key, _)| properties.contains(*key) || properties == ["*all"]);
            shown["properties"] =
                held.map(|(key, value)| (key.clone(), value.clone())).collect::<Map<_, _>>().into();
        }
        shown
    }

    /// Its history as `expand=changelog` shows it.
    pub fn to_changelog(&self) -> Value {
        let histories = self.changes.iter().enumerate().rev().map(|(n, change)| {
            json!({
                "id": (n + 1).to_string(),
                "author": { "displayName": change.author, "accountId": change.author },
                "created": change.at.to_rfc3339(),
                "items": [{
                    "field": change.field, "fieldId": change.field,
                    "from": change.from.id, "fromString": change.from.text,
                    "to": change.to.id, "toString": change.to.text,
                }],
            })
        });
        let histories: Vec<Value> = histories.collect();
        json!({ "startAt": 0, "maxResults": histories.len(), "total": histories.len(), "histories": histories })
    }

    fn all_fields(&self, project: &Project) -> Map<String, Value> {
        let mut fields = self.fields.clone();
        let issue_type = project.find_type(&self.issue_type).map_or("", |it| it.name);
        let status = project.workflow.find(&self.status).map(Status::to_json);
        fields.insert(
            "project".to_owned(),
            json!({ "id": project.id, "key": project.key, "name": project.name }),
        );
        fields.insert("issuetype".to_owned(), json!({ "id": self.issue_type, "name": issue_type }));
        fields.insert("status".to_owned(), status.unwrap_or_default());
        fields.insert("created".to_owned(), self.created.to_rfc3339().into());
        fields.insert("updated".to_owned(), self.updated.to_rfc3339().into());
        fields.insert("resolutiondate".to_owned(), self.resolved.map(|at| at.to_rfc3339()).into());
        fields
    }
}
