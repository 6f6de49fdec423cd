//! The operations of both APIs, with their answers as types.
//!
//! Must take and give our ids and payloads only; `sync` decides what an outcome means for a delivery.

use serde_json::{Map, Value, json};

use super::endpoint::{Api, Endpoint};
use super::error::JiraError;
use super::request::{JiraClient, Reply};
use super::verdict::{Verdicts, strings};
use crate::destinations::jira::{Answer, Meta};
use crate::destinations::operations::payload::BulkRequest;
use crate::domain::{EntityId, EntityKind, SourceId};

/// Most ids that one request to link workspaces may carry.
pub const MAX_WORKSPACES_PER_REQUEST: usize = 100;

/// An entity as Jira holds it. Queued changes are not part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    pub update_sequence_number: Option<i64>,
    /// The entity in the shape in which it was sent.
    pub body: Map<String, Value>,
}

impl JiraClient {
    /// Sends 1 to 1000 entities of one kind and returns Jira's verdict on each. Accepted means queued.
    pub async fn submit(&self, request: &BulkRequest) -> Result<Answer<Verdicts>, JiraError> {
        let endpoint = Endpoint::Submit(api_of(request.batch.kind()));
        let mut call = self.call(endpoint, "");
        let body =
            serde_json::to_vec(request).map_err(|error| JiraError::unserializable(endpoint, &error))?;
        call.body = Some(body);
        call.items = request.batch.len();
        let reply = self.send(call).await?;
        understand(endpoint, reply, Verdicts::parse)
    }

    /// Reads one entity back. `None` when Jira does not hold it, or not yet: writes are queued.
    pub async fn find_entity(
        &self,
        kind: EntityKind,
        id: &EntityId,
    ) -> Result<Answer<Option<Stored>>, JiraError> {
        let endpoint = Endpoint::Find(kind);
        match self.send(self.call(endpoint, id.as_str())).await {
            Ok(reply) => understand(endpoint, reply, |body| parse_stored(body).map(Some)),
            Err(error) => none_when_absent(error, None),
        }
    }

    /// Queues the deletion of one entity; an id that Jira does not hold is not an error.
    pub async fn delete_entity(&self, kind: EntityKind, id: &EntityId) -> Result<Answer<()>, JiraError> {
        let reply = self.send(self.call(Endpoint::Delete(kind), id.as_str())).await?;
        Ok(Answer { value: (), meta: reply.meta })
    }

    /// Queues the deletion of everything that one API holds of a source, or of one workspace of it, by the
    /// properties that every submission carries.
    pub async fn delete_by_properties(
        &self,
        api: Api,
        source: &SourceId,
        workspace: Option<&EntityId>,
    ) -> Result<Answer<()>, JiraError> {
        let mut call = self.call(Endpoint::DeleteByProperties(api), "");
        call.url.query_pairs_mut().append_pair("source", source.as_str());
        if let Some(workspace) = workspace {
            call.url.query_pairs_mut().append_pair("workspace", workspace.as_str());
        }
        let reply = self.send(call).await?;
        Ok(Answer { value: (), meta: reply.meta })
    }

    /// Links 1 to 100 workspaces with the site and returns the ids that Jira accepted; ids already linked
    /// are skipped by Jira without an error.
    pub async fn link_workspaces(&self, ids: &[EntityId]) -> Result<Answer<Vec<EntityId>>, JiraError> {
        let endpoint = Endpoint::LinkWorkspaces;
        let mut call = self.call(endpoint, "");
        call.body = Some(json!({ "workspaceIds": ids }).to_string().into_bytes());
        call.items = ids.len();
        let reply = self.send(call).await?;
        understand(endpoint, reply, |body| parse_ids(body, "acceptedWorkspaceIds"))
    }

    /// Unlinks workspaces from the site; Jira deletes their data in time.
    pub async fn unlink_workspaces(&self, ids: &[EntityId]) -> Result<Answer<()>, JiraError> {
        let mut call = self.call(Endpoint::UnlinkWorkspaces, "");
        let list: Vec<&str> = ids.iter().map(EntityId::as_str).collect();
        call.url.query_pairs_mut().append_pair("workspaceIds", &list.join(","));
        call.items = ids.len();
        let reply = self.send(call).await?;
        Ok(Answer { value: (), meta: reply.meta })
    }

    /// The workspaces linked with the site, or whether `only` is among them. Queued changes do not show.
    pub async fn list_workspaces(&self, only: Option<&EntityId>) -> Result<Answer<Vec<EntityId>>, JiraError> {
        let endpoint = Endpoint::ListWorkspaces;
        let mut call = self.call(endpoint, "");
        if let Some(id) = only {
            call.url.query_pairs_mut().append_pair("workspaceId", id.as_str());
        }
        match self.send(call).await {
            Ok(reply) => understand(endpoint, reply, |body| parse_ids(body, "workspaceIds")),
            Err(error) => none_when_absent(error, Vec::new()),
        }
    }
}

fn api_of(kind: EntityKind) -> Api {
    match kind {
        EntityKind::Component => Api::Components,
        EntityKind::Incident | EntityKind::Review => Api::Operations,
    }
}

/// The documented 404 of the reading operations means that nothing is stored.
fn none_when_absent<T>(error: JiraError, none: T) -> Result<Answer<T>, JiraError> {
    if error.status == Some(404) {
        let meta = Meta { trace_id: error.trace_id, date_skew: error.date_skew, near_limit: false };
        Ok(Answer { value: none, meta })
    } else {
        Err(error)
    }
}

fn understand<T>(
    endpoint: Endpoint,
    reply: Reply,
    parse: impl FnOnce(&[u8]) -> Option<T>,
) -> Result<Answer<T>, JiraError> {
    let Reply { status, meta, body } = reply;
    match parse(&body) {
        Some(value) => Ok(Answer { value, meta }),
        None => Err(JiraError::not_documented(endpoint, status, meta)),
    }
}

fn parse_ids(body: &[u8], field: &str) -> Option<Vec<EntityId>> {
    let body: Map<String, Value> = serde_json::from_slice(body).ok()?;
    Some(strings(body.get(field)).map(EntityId::from_text).collect())
}

fn parse_stored(body: &[u8]) -> Option<Stored> {
    let body: Map<String, Value> = serde_json::from_slice(body).ok()?;
    let number = body.get("updateSequenceNumber");
    // Numbers beyond 53 bits are sometimes written as text for JavaScript's sake.
    let update_sequence_number = number.and_then(|n| n.as_i64().or_else(|| n.as_str()?.parse().ok()));
    Some(Stored { update_sequence_number, body })
}
