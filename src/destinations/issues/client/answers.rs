//! Jira's answers as values.
//!
//! Must read leniently: what a release of Jira adds must not matter, and ids are texts or numbers.

use std::collections::BTreeMap;

use serde_json::Value;

use super::error::{CallError, Fault, Rejection};
use super::request::Reply;
use crate::destinations::issues::content::issue::Issue;
use crate::destinations::issues::content::screen::{Named, text_of};
use crate::destinations::jira::Answer;

/// A work item that was just created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    /// Numeric.
    pub id: String,
    pub key: String,
}

/// What became of one body of a bulk creation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BulkOutcome {
    Created(Created),
    Rejected(Rejection),
}

/// One page of a search.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchPage {
    pub issues: Vec<Issue>,
    /// Asks for the next page; `None` on the last.
    pub next: Option<String>,
}

/// A link to something outside of Jira.
#[derive(Debug, Clone, PartialEq)]
pub struct RemoteLink {
    pub global_id: Option<String>,
    /// As Jira holds it.
    pub body: Value,
}

/// A project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    pub id: String,
    pub key: String,
    pub name: String,
    pub is_archived: bool,
    /// In the trash.
    pub is_deleted: bool,
    pub is_team_managed: bool,
    /// `software`, `service_desk` or `business`.
    pub kind: String,
}

/// A type of work items in which the account may create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssueType {
    pub id: String,
    pub name: String,
    pub is_subtask: bool,
}

/// The account that owns the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub id: String,
    pub name: String,
}

/// What a site says of itself to anybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerInfo {
    /// The site's own address, which may be a new one.
    pub base_url: Option<String>,
    pub title: Option<String>,
    /// `Cloud` for the sites that this destination is for.
    pub deployment: Option<String>,
}

/// The value of a body, or the fault of one that is not as documented.
pub(super) fn understand<T>(
    reply: Reply,
    read: impl FnOnce(&Value) -> Option<T>,
) -> Result<Answer<T>, CallError> {
    let Reply { endpoint, status, meta, body } = reply;
    let body: Option<Value> = serde_json::from_slice(&body).ok();
    match body.as_ref().and_then(read) {
        Some(value) => Ok(Answer { value, meta }),
        None => Err(CallError::unreadable(endpoint, Fault::Unclear { not_before: None }, (status, meta))),
    }
}

/// An answer whose body says nothing.
pub(super) fn done(reply: Reply) -> Answer<()> {
    Answer { value: (), meta: reply.meta }
}

/// The objects of a list below a key; `None` if there is no such list.
pub(super) fn list<'v>(body: &'v Value, keys: &[&str]) -> Option<&'v Vec<Value>> {
    keys.iter().find_map(|key| body.get(key)?.as_array())
}

pub(super) fn issues(body: &Value) -> Option<Vec<Issue>> {
    Some(list(body, &["issues"])?.iter().filter_map(Issue::read).collect())
}

impl Created {
    pub(super) fn read(body: &Value) -> Option<Self> {
        Some(Self { id: text(body, "id")?, key: text(body, "key")? })
    }
}

impl SearchPage {
    pub(super) fn read(body: &Value) -> Option<Self> {
        let is_last = body.get("isLast").and_then(Value::as_bool).unwrap_or(false);
        let next = text(body, "nextPageToken").filter(|_| !is_last);
        Some(Self { issues: issues(body)?, next })
    }
}

impl RemoteLink {
    /// One link or several: Jira answers either.
    pub(super) fn read_all(body: &Value) -> Option<Vec<Self>> {
        let read = |link: &Value| {
            link.is_object().then(|| Self { global_id: text(link, "globalId"), body: link.clone() })
        };
        match body {
            Value::Array(links) => Some(links.iter().filter_map(read).collect()),
            link => read(link).map(|link| vec![link]),
        }
    }
}

impl Project {
    pub(super) fn read(body: &Value) -> Option<Self> {
        let flag = |key| body.get(key).and_then(Value::as_bool).unwrap_or(false);
        Some(Self {
            id: text(body, "id")?,
            key: text(body, "key")?,
            name: text(body, "name").unwrap_or_default(),
            is_archived: flag("archived"),
            is_deleted: flag("deleted"),
            is_team_managed: flag("simplified") || text(body, "style").as_deref() == Some("next-gen"),
            kind: text(body, "projectTypeKey").unwrap_or_default(),
        })
    }
}

impl IssueType {
    pub(super) fn read(body: &Value) -> Option<Self> {
        let is_subtask = body.get("subtask").and_then(Value::as_bool).unwrap_or(false);
        Some(Self { id: text(body, "id")?, name: text(body, "name").unwrap_or_default(), is_subtask })
    }
}

impl Account {
    pub(super) fn read(body: &Value) -> Option<Self> {
        let name = text(body, "displayName").unwrap_or_default();
        Some(Self { id: text(body, "accountId")?, name })
    }
}

impl ServerInfo {
    pub(super) fn read(body: &Value) -> Option<Self> {
        body.is_object().then(|| Self {
            base_url: text(body, "baseUrl"),
            title: text(body, "serverTitle"),
            deployment: text(body, "deploymentType"),
        })
    }
}

/// Which permissions the account has.
pub(super) fn permissions(body: &Value) -> Option<BTreeMap<String, bool>> {
    let permissions = body.get("permissions")?.as_object()?;
    let has = |permission: &Value| permission.get("havePermission").and_then(Value::as_bool).unwrap_or(false);
    Some(permissions.iter().map(|(key, permission)| (key.clone(), has(permission))).collect())
}

/// What became of each of `count` bodies; `None` if the answer does not say so of every one. Created ones come in order,
/// without places for the rejected.
pub(super) fn bulk(body: &Value, count: usize) -> Option<Vec<BulkOutcome>> {
    let mut outcomes: Vec<Option<BulkOutcome>> = vec![None; count];
    for failed in list(body, &["errors"]).into_iter().flatten() {
        let at = usize::try_from(failed.get("failedElementNumber")?.as_u64()?).ok()?;
        let status = failed.get("status").and_then(Value::as_u64).and_then(|n| u16::try_from(n).ok());
        let errors = failed.get("elementErrors").unwrap_or(failed);
        *outcomes.get_mut(at)? = Some(BulkOutcome::Rejected(Rejection::read(status.unwrap_or(400), errors)));
    }
    let mut created = list(body, &["issues"]).into_iter().flatten().map(Created::read);
    for free in outcomes.iter_mut().filter(|outcome| outcome.is_none()) {
        *free = Some(BulkOutcome::Created(created.next()??));
    }
    created.next().is_none().then(|| outcomes.into_iter().flatten().collect())
}

pub(super) fn named(body: &Value) -> Option<Vec<Named>> {
    Some(body.as_array()?.iter().filter_map(Named::read).collect())
}

fn text(body: &Value, key: &str) -> Option<String> {
    text_of(body.get(key)?).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn keys(outcomes: &[BulkOutcome]) -> Vec<String> {
        let key = |outcome: &BulkOutcome| match outcome {
            BulkOutcome::Created(created) => created.key.clone(),
            BulkOutcome::Rejected(rejection) => format!("{:?}", rejection.field_names()),
        };
        outcomes.iter().map(key).collect()
    }

    #[test]
    fn each_body_of_a_bulk_creation_gets_its_own_outcome() {
        let issue = |n: u32| json!({ "id": n.to_string(), "key": format!("OPS-{n}"), "self": "x" });
        let failed = |at: u32| json!({ "status": 400, "failedElementNumber": at, "elementErrors": { "errors": { "labels": "x" } } });
        let body = json!({ "issues": [issue(1), issue(2)], "errors": [failed(1), failed(3)] });
        assert_eq!(keys(&bulk(&body, 4).unwrap()), ["OPS-1", "{\"labels\"}", "OPS-2", "{\"labels\"}"]);
        let none = json!({ "issues": [], "errors": [failed(0)] });
        assert_eq!(keys(&bulk(&none, 1).unwrap()), ["{\"labels\"}"]);
        for unclear in [
            json!({ "issues": [issue(1)], "errors": [] }),
            json!({ "issues": [issue(1), issue(2), issue(3)] }),
            json!({ "issues": [issue(1)], "errors": [failed(7)] }),
            json!({ "issues": [issue(1), {}], "errors": [] }),
            json!({ "issues": [issue(1)], "errors": [{ "status": 400 }] }),
            json!({}),
        ] {
            assert_eq!(bulk(&unclear, 2), None, "{unclear}");
        }
    }

    #[test]
    fn a_last_page_has_no_next_one_whatever_it_says() {
        let next = |body: &Value| SearchPage::read(body).unwrap().next;
        assert_eq!(next(&json!({ "issues": [], "nextPageToken": "t" })).as_deref(), Some("t"));
        assert_eq!(next(&json!({ "issues": [], "nextPageToken": "t", "isLast": true })), None);
        assert_eq!(next(&json!({ "issues": [], "nextPageToken": null })), None);
        assert_eq!(SearchPage::read(&json!({})), None);
    }

    #[test]
    fn one_remote_link_or_several_are_the_same() {
        let link = json!({ "id": 1, "globalId": "g", "object": {} });
        assert_eq!(RemoteLink::read_all(&link), RemoteLink::read_all(&json!([link])));
        assert_eq!(RemoteLink::read_all(&json!([])), Some(vec![]));
        assert_eq!(RemoteLink::read_all(&json!("x")), None);
    }

    #[test]
    fn permissions_that_are_not_told_are_not_had() {
        let body = json!({ "permissions": { "A": { "havePermission": true }, "B": { "havePermission": false }, "C": {} } });
        let had = permissions(&body).unwrap();
        assert_eq!((had["A"], had["B"], had["C"]), (true, false, false));
    }

    #[test]
    fn a_project_says_what_it_is() {
        let project = Project::read(
            &json!({ "id": 1, "key": "OPS", "name": "Ops", "style": "next-gen", "archived": true }),
        );
        let project = project.unwrap();
        assert!(project.is_archived && project.is_team_managed && !project.is_deleted);
        assert_eq!(Project::read(&json!({ "key": "OPS" })), None);
    }
}
