//! Projects: their issue types with screens, priorities and components, and the workflow.

use serde_json::{Value, json};

use super::workflow::Workflow;

/// A field on a screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    pub id: String,
    pub required: bool,
    pub has_default: bool,
}

/// A type of work item with its two screens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssueType {
    pub id: &'static str,
    pub name: &'static str,
    pub create: Vec<Field>,
    /// Fields of the edit screen.
    pub edit: Vec<String>,
}

/// A project. `id` is numeric text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    pub id: String,
    pub key: String,
    /// Keys it had before.
    pub old_keys: Vec<String>,
    pub name: String,
    pub team_managed: bool,
    pub archived: bool,
    /// Whether accounts without administration see it.
    pub visible: bool,
    pub types: Vec<IssueType>,
    /// Id and name.
    pub priorities: Vec<(String, String)>,
    /// Id and name.
    pub components: Vec<(String, String)>,
    pub workflow: Workflow,
    pub next_number: u64,
}

const EVERY_FIELD: [&str; 6] = ["summary", "description", "labels", "priority", "components", "assignee"];

impl IssueType {
    pub fn with_fields(id: &'static str, name: &'static str, fields: &[&str]) -> Self {
        let create = ["project", "issuetype"].iter().chain(fields);
        let create = create.map(|id| Field {
            id: (*id).to_owned(),
            required: matches!(*id, "project" | "issuetype" | "summary"),
            has_default: false,
        });
        Self { id, name, create: create.collect(), edit: fields.iter().map(|id| (*id).to_owned()).collect() }
    }

    /// Makes a field of the create screen required.
    pub fn require(&mut self, field: &str) {
        self.create.retain(|it| it.id != field);
        self.create.push(Field { id: field.to_owned(), required: true, has_default: false });
    }

    /// Takes a field off the edit screen.
    pub fn hide_on_edit(&mut self, field: &str) {
        self.edit.retain(|it| it != field);
    }

    /// Takes a field off both screens.
    pub fn hide(&mut self, field: &str) {
        self.create.retain(|it| it.id != field);
        self.hide_on_edit(field);
    }
}

impl Project {
    fn with_types(id: &str, key: &str, name: &str, types: Vec<IssueType>) -> Self {
        let priorities = ["Highest", "High", "Medium", "Low", "Lowest"];
        let numbered = priorities.iter().zip(1..);
        Self {
            id: id.to_owned(),
            key: key.to_owned(),
            old_keys: Vec::new(),
            name: name.to_owned(),
            team_managed: false,
            archived: false,
            visible: true,
            types,
            priorities: numbered.map(|(name, n)| (n.to_string(), (*name).to_owned())).collect(),
            components: Vec::new(),
            workflow: Workflow::simple(),
            next_number: 1,
        }
    }

    /// The projects that a site has at first: company-managed, team-managed, and one with hardly any fields.
    pub fn defaults() -> Vec<Self> {
        let incident = IssueType::with_fields("10005", "Incident", &EVERY_FIELD);
        let task = IssueType::with_fields("10002", "Task", &EVERY_FIELD);
        let team_task =
            IssueType::with_fields("10002", "Task", &["summary", "description", "labels", "assignee"]);
        let bare_task =
            IssueType::with_fields("10002", "Task", &["summary", "priority", "components", "assignee"]);
        let mut ops = Self::with_types("10000", "OPS", "Operations", vec![incident, task.clone()]);
        ops.components =
            vec![("10012".to_owned(), "Checkout".to_owned()), ("10013".to_owned(), "Search".to_owned())];
        let mut team = Self::with_types("10001", "TEAM", "A team", vec![team_task]);
        team.team_managed = true;
        team.priorities.clear();
        vec![ops, team, Self::with_types("10002", "BARE", "Few fields", vec![bare_task])]
    }

    pub fn find_type(&self, id: &str) -> Option<&IssueType> {
        self.types.iter().find(|it| it.id == id)
    }

    /// The values that a field may take; `None` for free text.
    pub fn allowed_values(&self, field: &str) -> Option<Vec<Value>> {
        let pairs = match field {
            "priority" => &self.priorities,
            "components" => &self.components,
            _ => return None,
        };
        Some(pairs.iter().map(|(id, name)| json!({ "id": id, "name": name })).collect())
    }

    /// A field as `createmeta` and the edit screen show it.
    pub fn describe_field(&self, field: &Field) -> Value {
        let id = field.id.as_str();
        let kind = match id {
            "labels" | "components" => "array",
            "summary" => "string",
            other => other,
        };
        let mut described = json!({
            "fieldId": id,
            "key": id,
            "name": id,
            "required": field.required,
            "hasDefaultValue": field.has_default,
            "operations": if kind == "array" { json!(["add", "set", "remove"]) } else { json!(["set"]) },
            "schema": { "type": kind, "system": id },
        });
        if let Some(values) = self.allowed_values(id) {
            described["allowedValues"] = values.into();
        }
        described
    }

    /// As the API shows it.
    pub fn to_json(&self) -> Value {
        let types = self.types.iter().map(|it| json!({ "id": it.id, "name": it.name, "subtask": false }));
        json!({
            "id": self.id,
            "key": self.key,
            "name": self.name,
            "archived": self.archived,
            "style": if self.team_managed { "next-gen" } else { "classic" },
            "simplified": self.team_managed,
            "issueTypes": types.collect::<Vec<_>>(),
        })
    }
}
