//! What the site holds and what it has received, for assertions. Changes nothing.

use std::collections::BTreeSet;

use serde_json::Value;

use super::entities::{EntityKind, StoredEntity};
use super::handle::Simulator;
use super::history::{RequestRecord, SchemaViolation, Submission};

/// What the site holds.
impl Simulator {
    /// The visible incident, exactly as it was sent.
    pub fn incident(&self, id: &str) -> Option<Value> {
        self.entity(EntityKind::Incident, id)
    }

    /// All visible incidents in the order of their ids.
    pub fn incidents(&self) -> Vec<Value> {
        self.entities(EntityKind::Incident)
    }

    /// All visible components in the order of their ids.
    pub fn components(&self) -> Vec<Value> {
        self.entities(EntityKind::Component)
    }

    /// All visible reviews in the order of their ids.
    pub fn reviews(&self) -> Vec<Value> {
        self.entities(EntityKind::Review)
    }

    /// A visible entity, exactly as it was sent.
    pub fn entity(&self, kind: EntityKind, id: &str) -> Option<Value> {
        self.find_stored(kind, id).map(|entity| entity.json)
    }

    /// A visible entity with its sequence number and labels.
    pub fn find_stored(&self, kind: EntityKind, id: &str) -> Option<StoredEntity> {
        self.settled().site.entities(kind).find(id).cloned()
    }

    /// How many entities of a kind are visible.
    pub fn count(&self, kind: EntityKind) -> usize {
        self.settled().site.entities(kind).count()
    }

    fn entities(&self, kind: EntityKind) -> Vec<Value> {
        self.settled().site.entities(kind).iter().map(|(_, entity)| entity.json.clone()).collect()
    }

    /// Workspaces that the app has linked.
    pub fn linked_workspaces(&self) -> BTreeSet<String> {
        self.settled().site.workspaces().clone()
    }

    /// Writes that were accepted but are not visible yet.
    pub fn queued(&self) -> usize {
        self.settled().site.queued()
    }

    /// What `/_edge/tenant_info` answers.
    pub fn cloud_id(&self) -> String {
        self.lock().site.cloud_id.clone()
    }

    /// Every sequence number accepted for an entity, in the order of arrival.
    pub fn submitted_versions(&self, kind: EntityKind, id: &str) -> Vec<i64> {
        self.submissions(kind, id).iter().map(|submission| submission.sequence).collect()
    }

    /// The same with the instants of acceptance.
    pub fn submissions(&self, kind: EntityKind, id: &str) -> Vec<Submission> {
        self.lock().history.submissions(kind, id).to_vec()
    }

    /// Every sequence number that became visible for an entity, in that order.
    pub fn stored_versions(&self, kind: EntityKind, id: &str) -> Vec<i64> {
        self.settled().site.entities(kind).stored_versions(id).to_vec()
    }

    /// Every remembered request to the site, oldest first.
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.lock().history.requests().cloned().collect()
    }

    /// How many requests the site has ever received.
    pub fn request_count(&self) -> u64 {
        self.lock().history.total()
    }

    /// Everything the site received that broke Jira's published rules.
    pub fn schema_violations(&self) -> Vec<SchemaViolation> {
        self.lock().history.violations().to_vec()
    }
}
