//! The calls that create, read and change a work item.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::answers::{BulkOutcome, Created, RemoteLink, SearchPage, bulk, done, issues, list, understand};
use super::endpoint::Endpoint;
use super::error::{CallError, Fault, Rejection};
use super::request::{Call, Client};
use crate::destinations::issues::content::body::IssueBody;
use crate::destinations::issues::content::identity::PROPERTY;
use crate::destinations::issues::content::issue::{FIELDS, Issue};
use crate::destinations::issues::content::workflow::{Transition, Way};
use crate::destinations::jira::{Answer, Meta};

/// Most bodies of one bulk creation.
pub const MAX_CREATED: usize = 50;

/// Most issues of one bulk fetch.
pub const MAX_FETCHED: usize = 100;

impl Client {
    /// E1. Must not simply be repeated if it [may have worked](CallError::may_have_worked).
    pub async fn create_issue(&self, body: &IssueBody) -> Result<Answer<Created>, CallError> {
        let call = Call::new(Endpoint::CreateIssue, &[]).body(body)?;
        understand(self.send(&call).await?, Created::read)
    }

    /// E12: up to [`MAX_CREATED`] at once, each with its outcome, in order. An answer that does not tell every outcome is
    /// unclear for all.
    pub async fn create_issues(&self, bodies: &[IssueBody]) -> Result<Answer<Vec<BulkOutcome>>, CallError> {
        let mut call = Call::new(Endpoint::CreateIssues, &[]).body(&json!({ "issueUpdates": bodies }))?;
        call.reads_400 = true;
        let reply = self.send(&call).await?;
        let (status, refused) =
            (reply.status, serde_json::from_slice::<Value>(&reply.body).unwrap_or_default());
        let answer = understand(reply, |body| bulk(body, bodies.len()));
        match answer {
            // Refused as a whole: none of them was looked at.
            Err(error) if status.as_u16() == 400 => {
                Err(CallError { fault: Fault::Rejected(Box::new(Rejection::read(400, &refused))), ..error })
            }
            answer => answer,
        }
    }

    /// E2: fields and properties; the status stays.
    pub async fn edit_issue(&self, id: &str, body: &IssueBody) -> Result<Answer<()>, CallError> {
        let call = Call::of_issue(Endpoint::EditIssue, &[id]).body(body)?;
        self.send(&call).await.map(done)
    }

    /// E3, by id or by any key that it has had.
    pub async fn find_issue(&self, id: &str) -> Result<Answer<Issue>, CallError> {
        understand(self.send(&Self::finding(id)).await?, Issue::read)
    }

    /// E3 with who changed what and when.
    pub async fn find_issue_with_history(&self, id: &str) -> Result<Answer<Issue>, CallError> {
        let call = Self::finding(id).query("expand", "changelog");
        understand(self.send(&call).await?, Issue::read)
    }

    fn finding(id: &str) -> Call {
        let call = Call::of_issue(Endpoint::FindIssue, &[id]);
        call.query("fields", FIELDS.join(",")).query("properties", PROPERTY)
    }

    /// E11, by ids or keys, up to [`MAX_FETCHED`]: those that exist and may be seen, whatever the index knows.
    pub async fn fetch_issues(&self, ids: &[String]) -> Result<Answer<Vec<Issue>>, CallError> {
        let body = json!({ "issueIdsOrKeys": ids, "fields": FIELDS, "properties": [PROPERTY] });
        let call = Call::new(Endpoint::FetchIssues, &[]).body(&body)?;
        understand(self.send(&call).await?, issues)
    }

    /// E10: one page of a search, which lags behind.
    pub async fn search(
        &self,
        jql: &str,
        most: u32,
        next: Option<&str>,
    ) -> Result<Answer<SearchPage>, CallError> {
        let mut body = json!({ "jql": jql, "maxResults": most, "fields": FIELDS, "properties": [PROPERTY] });
        if let (Some(token), Some(body)) = (next, body.as_object_mut()) {
            body.insert("nextPageToken".to_owned(), json!(token));
        }
        let call = Call::new(Endpoint::Search, &[]).body(&body)?;
        understand(self.send(&call).await?, SearchPage::read)
    }

    /// E4: the ways out of the current status, with their fields. None if the account may take none.
    pub async fn list_transitions(&self, id: &str) -> Result<Answer<Vec<Transition>>, CallError> {
        let call = Call::of_issue(Endpoint::ListTransitions, &[id]).query("expand", "transitions.fields");
        let read =
            |body: &Value| Some(list(body, &["transitions"])?.iter().filter_map(Transition::read).collect());
        understand(self.send(&call).await?, read)
    }

    /// E5.
    pub async fn transition_issue(&self, id: &str, way: &Way) -> Result<Answer<()>, CallError> {
        let mut body = Map::from_iter([("transition".to_owned(), json!({ "id": way.id }))]);
        if !way.fields.is_empty() {
            body.insert("fields".to_owned(), Value::Object(way.fields.clone()));
        }
        let call = Call::of_issue(Endpoint::Transition, &[id]).body(&body)?;
        self.send(&call).await.map(done)
    }

    /// E6: makes or replaces the link with the body's `globalId`. Says whether it is new.
    pub async fn put_remote_link(&self, id: &str, link: &Value) -> Result<Answer<bool>, CallError> {
        let call = Call::of_issue(Endpoint::PutRemoteLink, &[id]).body(link)?;
        let reply = self.send(&call).await?;
        Ok(Answer { value: reply.status.as_u16() == 201, meta: reply.meta })
    }

    /// E7: the link with this `globalId`; `None` if there is none, or no such issue.
    pub async fn find_remote_link(
        &self,
        id: &str,
        global_id: &str,
    ) -> Result<Answer<Option<RemoteLink>>, CallError> {
        let call = Call::of_issue(Endpoint::FindRemoteLinks, &[id]).query("globalId", global_id);
        let is_it = |link: &RemoteLink| link.global_id.as_deref() == Some(global_id);
        match self.send(&call).await {
            Ok(reply) => understand(reply, |body| Some(RemoteLink::read_all(body)?.into_iter().find(is_it))),
            Err(error) => absent(error, None),
        }
    }

    /// E6d; a link that is not there counts as withdrawn.
    pub async fn delete_remote_link(&self, id: &str, global_id: &str) -> Result<Answer<()>, CallError> {
        let call = Call::of_issue(Endpoint::DeleteRemoteLink, &[id]).query("globalId", global_id);
        self.send(&call).await.map(done).or_else(|error| absent(error, ()))
    }

    /// E8: replaces the whole value. Says whether the property is new.
    pub async fn put_property(
        &self,
        id: &str,
        key: &str,
        value: &impl Serialize,
    ) -> Result<Answer<bool>, CallError> {
        let call = Call::of_issue(Endpoint::PutProperty, &[id, key]).body(value)?;
        let reply = self.send(&call).await?;
        Ok(Answer { value: reply.status.as_u16() == 201, meta: reply.meta })
    }

    /// E9; `None` if there is none, or no such issue.
    pub async fn find_property(&self, id: &str, key: &str) -> Result<Answer<Option<Value>>, CallError> {
        match self.send(&Call::of_issue(Endpoint::FindProperty, &[id, key])).await {
            Ok(reply) => understand(reply, |body| body.get("value").cloned().map(Some)),
            Err(error) => absent(error, None),
        }
    }

    /// E8d; a property that is not there counts as deleted.
    pub async fn delete_property(&self, id: &str, key: &str) -> Result<Answer<()>, CallError> {
        let deleted = self.send(&Call::of_issue(Endpoint::DeleteProperty, &[id, key])).await;
        deleted.map(done).or_else(|error| absent(error, ()))
    }

    /// E23: `body` is a document. Must not be repeated if it may have worked.
    pub async fn add_comment(&self, id: &str, body: &Value) -> Result<Answer<()>, CallError> {
        let call = Call::of_issue(Endpoint::AddComment, &[id]).body(&json!({ "body": body }))?;
        self.send(&call).await.map(done)
    }

    /// E24: links two issues, `inward` and `outward` by key, with a type such as `Duplicate`. Repeating it is harmless.
    pub async fn link_issues(
        &self,
        link_type: &str,
        inward: &str,
        outward: &str,
    ) -> Result<Answer<()>, CallError> {
        let body = json!({
            "type": { "name": link_type },
            "inwardIssue": { "key": inward },
            "outwardIssue": { "key": outward },
        });
        self.send(&Call::new(Endpoint::LinkIssues, &[]).body(&body)?).await.map(done)
    }
}

/// A 404 says that there is none.
fn absent<T>(error: CallError, none: T) -> Result<Answer<T>, CallError> {
    if error.fault != Fault::NotFound {
        return Err(error);
    }
    let meta = Meta { trace_id: error.trace_id, date_skew: error.date_skew, near_limit: false };
    Ok(Answer { value: none, meta })
}
