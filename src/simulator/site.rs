//! The state of one Jira site: who is installed, what is linked, what is stored, and what is still queued.
//!
//! Pure: time comes in as an argument, so a test decides when a queued write becomes visible. Must not know
//! HTTP, tokens, or any type of the bridge: it follows Jira's contract alone, because a double that shares
//! the bridge's types would repeat the bridge's mistakes.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use chrono::TimeDelta;
use serde_json::Value;

use super::entities::{EntityKind, EntityStore, Properties, StoredEntity};
use super::options::SimulatorOptions;
use crate::clock::Timestamp;

/// The one app that is installed on the site.
#[derive(Clone)]
pub struct Installation {
    pub client_key: String,
    pub shared_secret: String,
    pub app_key: String,
    /// The descriptor's `baseUrl` without a trailing slash; empty when no app was called.
    pub app_base_url: String,
    pub enabled: bool,
    pub scopes: BTreeSet<String>,
    /// Names of the descriptor's modules.
    pub modules: BTreeSet<String>,
    /// Action name, prefixed by its module (`jiraOperationsInfoProvider.fetchWorkspaces`), to absolute URL.
    pub actions: BTreeMap<String, String>,
    pub lifecycle: BTreeMap<String, String>,
}

impl std::fmt::Debug for Installation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Installation")
            .field("client_key", &self.client_key)
            .field("app_key", &self.app_key)
            .field("enabled", &self.enabled)
            .finish_non_exhaustive()
    }
}

/// A change that was answered with 202 but is not applied yet.
#[derive(Debug)]
pub enum Change {
    Upsert { kind: EntityKind, id: String, json: Value, sequence: i64, properties: Properties },
    Delete { kind: EntityKind, id: String },
    DeleteByProperties { kinds: &'static [EntityKind], properties: Properties },
    LinkWorkspaces(Vec<String>),
    UnlinkWorkspaces(Vec<String>),
}

/// One Jira site.
#[derive(Debug)]
pub struct Site {
    pub options: SimulatorOptions,
    pub cloud_id: String,
    pub installation: Option<Installation>,
    /// The client key outlives an uninstall: Jira keeps it for the next one.
    pub client_key: String,
    pub visibility_delay: TimeDelta,
    /// Ids that Jira refuses, with the message it gives.
    pub refusals: BTreeMap<String, String>,
    /// Ids that Jira accepts and then never shows.
    pub hidden: BTreeSet<String>,
    /// Issues that users linked to an incident or review by hand: entity id to issue keys.
    pub issues: BTreeMap<String, BTreeSet<String>>,
    workspaces: BTreeSet<String>,
    components: EntityStore,
    incidents: EntityStore,
    reviews: EntityStore,
    queue: VecDeque<(Timestamp, Change)>,
}

impl Site {
    /// An empty site without an app.
    pub fn new(options: SimulatorOptions, cloud_id: String, client_key: String) -> Self {
        Self {
            visibility_delay: options.visibility_delay,
            options,
            cloud_id,
            installation: None,
            client_key,
            refusals: BTreeMap::new(),
            hidden: BTreeSet::new(),
            issues: BTreeMap::new(),
            workspaces: BTreeSet::new(),
            components: EntityStore::default(),
            incidents: EntityStore::default(),
            reviews: EntityStore::default(),
            queue: VecDeque::new(),
        }
    }

    /// Queues a change; it becomes visible after the site's delay, after everything queued earlier.
    pub fn enqueue(&mut self, now: Timestamp, change: Change) {
        let due = now + self.visibility_delay;
        let position = self.queue.partition_point(|(other, _)| *other <= due);
        self.queue.insert(position, (due, change));
        self.settle(now);
    }

    /// Applies every queued change that is due. Call before reading.
    pub fn settle(&mut self, now: Timestamp) {
        while self.queue.front().is_some_and(|(due, _)| *due <= now) {
            if let Some((due, change)) = self.queue.pop_front() {
                self.apply(due, change);
            }
        }
    }

    fn apply(&mut self, at: Timestamp, change: Change) {
        match change {
            Change::Upsert { kind, id, json, sequence, properties } => {
                if !self.hidden.contains(&id) {
                    let entity = StoredEntity { json, sequence, properties, stored_at: at };
                    self.entities_mut(kind).upsert(&id, entity);
                }
            }
            Change::Delete { kind, id } => self.entities_mut(kind).delete(&id),
            Change::DeleteByProperties { kinds, properties } => {
                for kind in kinds {
                    self.entities_mut(*kind).delete_by_properties(&properties);
                }
            }
            Change::LinkWorkspaces(ids) => self.workspaces.extend(ids),
            // Which entities belong to a workspace is not documented, so they are kept: an app that
            // relies on Jira to delete them would fail here.
            Change::UnlinkWorkspaces(ids) => self.workspaces.retain(|id| !ids.contains(id)),
        }
    }

    /// Removes the app together with everything it ever sent, queued changes included.
    pub fn uninstall(&mut self) -> Option<Installation> {
        self.queue.clear();
        self.workspaces.clear();
        self.issues.clear();
        for kind in EntityKind::ALL {
            self.entities_mut(kind).clear();
        }
        self.installation.take()
    }

    pub fn entities(&self, kind: EntityKind) -> &EntityStore {
        match kind {
            EntityKind::Component => &self.components,
            EntityKind::Incident => &self.incidents,
            EntityKind::Review => &self.reviews,
        }
    }

    fn entities_mut(&mut self, kind: EntityKind) -> &mut EntityStore {
        match kind {
            EntityKind::Component => &mut self.components,
            EntityKind::Incident => &mut self.incidents,
            EntityKind::Review => &mut self.reviews,
        }
    }

    pub fn workspaces(&self) -> &BTreeSet<String> {
        &self.workspaces
    }

    /// Changes that were accepted but are not visible yet.
    pub fn queued(&self) -> usize {
        self.queue.len()
    }

    /// Whether the site has a project with this key. Without a list every key is known.
    pub fn knows_project(&self, key: &str) -> bool {
        self.options.project_keys.as_ref().is_none_or(|keys| keys.contains(key))
    }
}
