//! Creating work items, one or up to fifty in a call.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::super::exchange::Answer;
use super::edit::{Edits, read_properties};
use super::issue::Issue;
use super::permissions::Permission;
use super::project::{IssueType, Project};
use super::refusal::{self, FieldErrors};
use super::rest::Desk;

impl Desk<'_> {
    /// `createIssue`
    pub(super) fn create_issue(&mut self, body: &Value) -> Answer {
        match self.create(body, "createIssue") {
            Ok(id) => Answer::json(201, self.describe_created(id)),
            Err((messages, errors)) => {
                let messages: Vec<&str> = messages.iter().map(String::as_str).collect();
                Answer::json(400, refusal::body(&messages, &errors))
            }
        }
    }

    /// `createIssues`: 201 if at least one was created.
    pub(super) fn create_issues(&mut self, body: &Value) -> Answer {
        let (mut issues, mut errors) = (Vec::new(), Vec::new());
        for (n, update) in body["issueUpdates"].as_array().into_iter().flatten().enumerate() {
            match self.create(update, "createIssues") {
                Ok(id) => issues.push(self.describe_created(id)),
                Err((messages, fields)) => errors.push(json!({
                    "status": 400,
                    "elementErrors": { "errorMessages": messages, "errors": fields },
                    "failedElementNumber": n,
                })),
            }
        }
        let status = if issues.is_empty() { 400 } else { 201 };
        Answer::json(status, json!({ "issues": issues, "errors": errors }))
    }

    fn describe_created(&self, id: u64) -> Value {
        let key = self.platform.find(&id.to_string()).map(|it| it.key.clone());
        json!({ "id": id.to_string(), "key": key, "self": format!("{}/rest/api/3/issue/{id}", self.url) })
    }

    fn create(&mut self, body: &Value, cause: &'static str) -> Result<u64, (Vec<String>, FieldErrors)> {
        let (project, issue_type) = self.find_place(body).map_err(|errors| (Vec::new(), errors))?;
        let fields = body["fields"].as_object().cloned().unwrap_or_default();
        let fields: Map<String, Value> =
            fields.into_iter().filter(|(name, _)| name != "project" && name != "issuetype").collect();
        let screen = issue_type.create.iter().map(|it| it.id.as_str()).collect();
        let edits = Edits { fields: &fields, update: &body["update"], screen, project: &project };
        let (mut changed, mut errors) = edits.apply(&Map::new(), self.platform.settings);
        for field in issue_type.create.iter().filter(|it| it.required && !it.has_default) {
            let is_place = field.id == "project" || field.id == "issuetype";
            if !is_place && !changed.contains_key(&field.id) && !errors.contains_key(&field.id) {
                errors.insert(field.id.clone(), format!("{} is required.", field.id));
            }
        }
        let properties = read_properties(body).map_err(|why| (vec![why], FieldErrors::new()))?;
        if !errors.is_empty() {
            return Err((Vec::new(), errors));
        }
        changed.entry("labels").or_insert_with(|| json!([]));
        changed.entry("assignee").or_insert(Value::Null);
        changed.entry("resolution").or_insert(Value::Null);
        Ok(self.insert(&project, issue_type.id, changed, properties, cause))
    }

    fn insert(
        &mut self,
        project: &Project,
        issue_type: &str,
        fields: Map<String, Value>,
        properties: BTreeMap<String, Value>,
        cause: &'static str,
    ) -> u64 {
        let id = self.platform.take_id();
        let key = self.platform.take_key(&project.id).unwrap_or_default();
        self.platform.insert(Issue {
            id,
            key,
            project: project.id.clone(),
            issue_type: issue_type.to_owned(),
            status: project.workflow.statuses.first().map(|it| it.id.to_owned()).unwrap_or_default(),
            fields,
            properties,
            remote_links: Vec::new(),
            links: Vec::new(),
            comments: Vec::new(),
            changes: Vec::new(),
            created: self.now,
            updated: self.now,
            resolved: None,
        });
        self.platform.index.note(self.now, id);
        self.platform.send_mail(self.now, id, cause);
        id
    }

    /// The project and the type that a create names, if the caller may create there.
    fn find_place(&self, body: &Value) -> Result<(Project, IssueType), FieldErrors> {
        let refuse = |field: &str, why: &str| FieldErrors::from([(field.to_owned(), why.to_owned())]);
        let (project, issue_type) = (&body["fields"]["project"], &body["fields"]["issuetype"]);
        let named = project["id"].as_str().or(project["key"].as_str());
        let project = named.and_then(|it| self.platform.find_project(it)).filter(|it| self.sees(it));
        let project = project.ok_or_else(|| refuse("project", "valid project is required"))?;
        if project.archived || !self.account.may(Permission::Create) {
            return Err(refuse("project", "You do not have permission to create issues in this project."));
        }
        let wanted =
            |it: &&IssueType| issue_type["id"] == it.id || issue_type["name"].as_str() == Some(it.name);
        let found = project.types.iter().find(wanted);
        let found = found.ok_or_else(|| refuse("issuetype", "The issue type selected is invalid."))?;
        Ok((project.clone(), found.clone()))
    }
}
