//! From a call to the platform's API to its answer.
//!
//! Pure, and unaware of faults, which apply before it. Every call is authenticated and checked against Atlassian's
//! published rules before anything changes.

use serde_json::{Value, json};
use url::form_urlencoded;

use super::super::exchange::{Answer, Call};
use super::super::history::{History, SchemaViolation};
use super::super::state::State;
use super::account::{self, Account, NotAdmitted};
use super::checks;
use super::index::list;
use super::issue::Issue;
use super::operation::{Host, Operation};
use super::permissions::Permission;
use super::project::Project;
use super::refusal;

use super::state::Platform;
use crate::clock::Timestamp;

/// Answers a call; `below` is its path after `/rest/api/3/`.
pub fn answer(
    state: &mut State,
    now: Timestamp,
    url: &str,
    host: Host,
    below: &str,
    call: &Call<'_>,
) -> Answer {
    let operation = match Operation::find(call.method, below) {
        Ok(operation) => operation,
        Err(status) => return refusal::message(status, "There is nothing here."),
    };
    let account = match account::admit(&state.platform.accounts, host, &operation, call.authorization) {
        Ok(account) => account.clone(),
        Err(NotAdmitted::Unauthorized) => {
            return Answer::json(
                401,
                json!({ "message": "Client must be authenticated to access this resource." }),
            );
        }
        Err(NotAdmitted::ScopeMissing) => {
            return Answer::json(
                401,
                json!({ "code": 401, "message": "Unauthorized; scope does not match" }),
            );
        }
    };
    let State { platform, history, .. } = state;
    let mut desk = Desk { platform, history, call, now, account, url };
    desk.admit_and_perform(&operation)
}

/// One call while it is served.
pub(super) struct Desk<'a> {
    pub platform: &'a mut Platform,
    history: &'a mut History,
    call: &'a Call<'a>,
    pub now: Timestamp,
    pub account: Account,
    pub url: &'a str,
}

impl Desk<'_> {
    fn admit_and_perform(&mut self, operation: &Operation) -> Answer {
        let has_body = matches!(self.call.method, "POST" | "PUT");
        let needs_type = has_body || matches!(operation, Operation::DeleteRemoteIssueLinkByGlobalId { .. });
        if needs_type && !self.call.content_type.is_some_and(|it| it.starts_with("application/json")) {
            return Answer::bare(415);
        }
        let issue = operation.issue().and_then(|it| self.platform.find_id(it));
        if let Err(limited) = self.platform.limits.admit(self.now, self.call.method, operation, issue) {
            return *limited;
        }
        let body = match self.read_body(operation, has_body) {
            Ok(body) => body,
            Err(answer) => return *answer,
        };
        *self.platform.calls.entry(operation.id()).or_default() += 1;
        match (operation.issue(), issue.filter(|id| self.look_up(*id).is_some())) {
            (Some(_), None) => refusal::no_issue(),
            (Some(_), Some(id)) => self.perform_on_issue(operation, id, &body),
            (None, _) => self.perform(operation, &body),
        }
    }

    fn read_body(&mut self, operation: &Operation, has_body: bool) -> Result<Value, Box<Answer>> {
        if !has_body {
            return Ok(Value::Null);
        }
        let Ok(body) = serde_json::from_slice(self.call.body) else {
            self.record_violation("the body is not JSON");
            return Err(Box::new(refusal::message(400, "The body is not JSON.")));
        };
        let errors = checks::check(operation, &body);
        for error in &errors {
            self.record_violation(error);
        }
        if errors.is_empty() {
            Ok(body)
        } else {
            Err(Box::new(refusal::message(400, "Invalid request payload.")))
        }
    }

    fn perform(&mut self, operation: &Operation, body: &Value) -> Answer {
        match operation {
            Operation::GetCurrentUser => Answer::json(200, self.describe_account()),
            Operation::GetServerInfo => self.describe_server(),
            Operation::GetMyPermissions => self.my_permissions(),
            Operation::GetBulkPermissions => self.bulk_permissions(body),
            Operation::GetProject { project } => self.with_project(project, |_, it| it.to_json()),
            Operation::GetProjectComponents { project } => self.with_project(project, |_, it| {
                it.components.iter().map(|(id, name)| json!({ "id": id, "name": name })).collect()
            }),
            Operation::GetCreateIssueMetaIssueTypes { project } => {
                self.with_project(project, Self::describe_types)
            }
            Operation::GetCreateIssueMetaIssueTypeId { project, issue_type } => {
                self.with_project(project, |desk, it| desk.describe_screen(it, issue_type))
            }
            Operation::CreateIssue => self.create_issue(body),
            Operation::CreateIssues => self.create_issues(body),
            Operation::BulkFetchIssues => self.bulk_fetch(body),
            Operation::LinkIssues => self.link_issues(body),
            Operation::SearchAndReconsileIssuesUsingJqlPost => self.search(body),
            _ => Answer::bare(404),
        }
    }

    fn perform_on_issue(&mut self, operation: &Operation, id: u64, body: &Value) -> Answer {
        match operation {
            Operation::GetIssue { .. } => self.get_issue(id),
            Operation::EditIssue { .. } => self.edit_issue(id, body),
            Operation::DeleteIssue { .. } => {
                self.platform.delete(id);
                Answer::bare(204)
            }
            Operation::GetTransitions { .. } => self.list_transitions(id),
            Operation::DoTransition { .. } => self.do_transition(id, body),
            Operation::GetRemoteIssueLinks { .. } => self.list_remote_links(id),
            Operation::CreateOrUpdateRemoteIssueLink { .. } => self.put_remote_link(id, body),
            Operation::DeleteRemoteIssueLinkByGlobalId { .. } => self.delete_remote_link(id),
            Operation::GetIssueProperty { key, .. } => self.get_property(id, key),
            Operation::SetIssueProperty { key, .. } => self.set_property(id, key, body),
            Operation::DeleteIssueProperty { key, .. } => self.delete_property(id, key),
            Operation::AddComment { .. } => self.add_comment(id, body),
            _ => Answer::bare(404),
        }
    }

    fn get_issue(&mut self, id: u64) -> Answer {
        let words =
            |name: &str| self.query(name).map(|it| it.split(',').map(str::to_owned).collect::<Vec<_>>());
        let fields = words("fields").unwrap_or_else(|| vec!["*all".to_owned()]);
        let Some(mut shown) = self.show(id, &fields, &words("properties").unwrap_or_default()) else {
            return refusal::no_issue();
        };
        if self.query("expand").is_some_and(|it| it.contains("changelog")) {
            shown["changelog"] = self.look_up(id).map(|(issue, _)| issue.to_changelog()).unwrap_or_default();
        }
        self.platform.note_read(self.now, id);
        Answer::json(200, shown)
    }

    fn bulk_fetch(&self, body: &Value) -> Answer {
        let (fields, properties) = (list(&body["fields"]), list(&body["properties"]));
        let names = list(&body["issueIdsOrKeys"]);
        let mut ids: Vec<u64> = names.iter().filter_map(|it| self.platform.find_id(it)).collect();
        ids.sort_unstable();
        ids.dedup();
        let issues: Vec<Value> =
            ids.into_iter().filter_map(|id| self.show(id, &fields, &properties)).collect();
        Answer::json(200, json!({ "issues": issues, "issueErrors": [] }))
    }

    /// An issue as the API shows it, if the caller sees it.
    pub fn show(&self, id: u64, fields: &[String], properties: &[String]) -> Option<Value> {
        let (issue, project) = self.look_up(id)?;
        Some(issue.to_json(&project, self.url, fields, properties))
    }

    /// An issue with its project, if the caller sees it.
    pub fn look_up(&self, id: u64) -> Option<(Issue, Project)> {
        let issue = self.platform.find(&id.to_string())?;
        let project = self.platform.project_of(issue).filter(|it| self.sees(it))?;
        Some((issue.clone(), project.clone()))
    }

    /// Whether the caller sees a project.
    pub fn sees(&self, project: &Project) -> bool {
        project.visible && self.account.may(Permission::Browse)
    }

    fn with_project(&self, name: &str, describe: impl Fn(&Self, &Project) -> Value) -> Answer {
        match self.platform.find_project(name).filter(|it| self.sees(it)) {
            Some(project) => Answer::json(200, describe(self, project)),
            None => refusal::message(404, &format!("No project could be found with key '{name}'.")),
        }
    }

    /// The types that the caller may create; none without the permission.
    fn describe_types(&self, project: &Project) -> Value {
        let may = self.account.may(Permission::Create);
        let types = project.types.iter().filter(|_| may);
        let types: Vec<Value> =
            types.map(|it| json!({ "id": it.id, "name": it.name, "subtask": false })).collect();
        page("issueTypes", types, self)
    }

    fn describe_screen(&self, project: &Project, issue_type: &str) -> Value {
        let may = self.account.may(Permission::Create);
        let found = project.find_type(issue_type).filter(|_| may);
        let fields = found.into_iter().flat_map(|it| &it.create).map(|field| project.describe_field(field));
        page("fields", fields.collect(), self)
    }

    fn describe_account(&self) -> Value {
        json!({
            "accountId": self.account.name,
            "accountType": "atlassian",
            "active": true,
            "displayName": self.account.name,
            "emailAddress": self.account.email,
        })
    }

    fn describe_server(&self) -> Answer {
        Answer::json(
            200,
            json!({ "baseUrl": self.url, "deploymentType": "Cloud", "serverTime": self.now.to_rfc3339() }),
        )
    }

    fn my_permissions(&self) -> Answer {
        let Some(wanted) = self.query("permissions") else {
            return refusal::message(400, "The permissions parameter is required.");
        };
        if let Some(key) = self.query("projectKey")
            && self.platform.find_project(&key).is_none_or(|it| !self.sees(it))
        {
            return refusal::message(404, "No project could be found with this key.");
        }
        let mut held = serde_json::Map::new();
        for key in wanted.split(',') {
            let Some(permission) = Permission::find(key) else {
                return refusal::message(400, &format!("Unrecognized permission: {key}"));
            };
            let may = self.account.may(permission);
            held.insert(key.to_owned(), json!({ "key": key, "type": "PROJECT", "havePermission": may }));
        }
        Answer::json(200, json!({ "permissions": held }))
    }

    fn bulk_permissions(&self, body: &Value) -> Answer {
        let granted = |keys: Vec<String>| -> Vec<String> {
            let may = |key: &String| Permission::find(key).is_some_and(|it| self.account.may(it));
            keys.into_iter().filter(may).collect()
        };
        let projects = body["projectPermissions"].as_array().into_iter().flatten().flat_map(|wanted| {
            let of_project = |key| json!({ "permission": key, "projects": wanted["projects"], "issues": [] });
            granted(list(&wanted["permissions"])).into_iter().map(of_project).collect::<Vec<_>>()
        });
        Answer::json(
            200,
            json!({
                "globalPermissions": granted(list(&body["globalPermissions"])),
                "projectPermissions": projects.collect::<Vec<_>>(),
            }),
        )
    }

    /// A parameter of the query.
    pub fn query(&self, name: &str) -> Option<String> {
        let mut pairs = form_urlencoded::parse(self.call.query.as_bytes());
        pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    /// Notes that a body broke a published rule.
    pub fn record_violation(&mut self, message: &str) {
        self.history.record_violation(SchemaViolation {
            at: self.now,
            method: self.call.method.to_owned(),
            path: self.call.path.to_owned(),
            entity: None,
            message: message.to_owned(),
        });
    }
}

/// One page of a list that is paged with `startAt` and `maxResults`.
fn page(name: &str, items: Vec<Value>, desk: &Desk<'_>) -> Value {
    let number = |key: &str| desk.query(key).and_then(|it| it.parse::<usize>().ok());
    let (start, most) = (number("startAt").unwrap_or(0), number("maxResults").unwrap_or(50).min(200));
    let total = items.len();
    let shown: Vec<Value> = items.into_iter().skip(start).take(most).collect();
    json!({ "startAt": start, "maxResults": most, "total": total, name: shown })
}
