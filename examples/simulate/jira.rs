//! The Jira sites of the simulation, and the rules that every request to them must keep.
//!
//! Pure state: what goes wrong, and when, is decided in `virtual_site`.

use std::collections::{BTreeMap, BTreeSet};

use incident_bridge::clock::Timestamp;
use incident_bridge::destinations::Held;
use incident_bridge::domain::{DestinationId, EntityId, EntityKind};
use serde_json::Value;

use super::tool::{SOURCES, is_visible, mark};

/// Hosts of the sites.
pub const HOSTS: [&str; 3] = ["alpha.west.test", "beta.east.test", "gamma.east.test"];

pub type Key = (EntityKind, EntityId);

/// What a site was sent and has taken, but does not show yet.
#[derive(Debug, Clone)]
struct Queued {
    visible_at: Timestamp,
    key: Key,
    version: i64,
    body: Value,
}

/// One site.
#[derive(Debug, Default)]
pub struct Site {
    /// Of the current installation; empty when the app is not installed.
    pub client_key: String,
    pub secret: String,
    pub enabled: bool,
    shown: BTreeMap<Key, (i64, Value)>,
    queue: Vec<Queued>,
    pub links: BTreeSet<EntityId>,
    /// Newest version that ever arrived, with the body that it had.
    arrived: BTreeMap<Key, (i64, Value)>,
}

/// All sites, by host.
#[derive(Debug, Default)]
pub struct Jira {
    pub sites: BTreeMap<String, Site>,
    /// What each installation is asked now.
    in_flight: BTreeMap<DestinationId, String>,
    /// Requests so far.
    pub requests: u64,
}

/// What a request asks.
#[derive(Debug, Clone)]
pub enum Ask {
    Send { kind: EntityKind, workspace: EntityId, entities: Vec<(EntityId, i64, Value)> },
    Delete(Key),
    Read(Key),
    Remove { source: String, workspace: Option<EntityId> },
    Link(Vec<EntityId>),
    Unlink(Vec<EntityId>),
    ListLinks,
}

impl Ask {
    /// The ids that it names.
    fn ids(&self) -> Vec<&EntityId> {
        match self {
            Self::Send { workspace, entities, .. } => {
                entities.iter().map(|(id, ..)| id).chain([workspace]).collect()
            }
            Self::Delete((_, id)) | Self::Read((_, id)) => vec![id],
            Self::Link(ids) => ids.iter().collect(),
            Self::Remove { .. } | Self::Unlink(_) | Self::ListLinks => Vec::new(),
        }
    }

    /// One line for the trace.
    pub fn summary(&self) -> String {
        match self {
            Self::Send { kind, entities, .. } => {
                let versions = entities.iter().map(|(id, version, _)| format!("{id}@{version}"));
                format!("send {kind:?} {}", versions.collect::<Vec<_>>().join(" "))
            }
            Self::Remove { source, workspace } => format!("remove {source} {workspace:?}"),
            Self::Delete((_, id)) => format!("delete {id}"),
            Self::Read((kind, id)) => format!("read {kind:?} {id}"),
            Self::Link(ids) => format!("link {ids:?}"),
            Self::Unlink(ids) => format!("unlink {ids:?}"),
            Self::ListLinks => "list links".to_owned(),
        }
    }
}

impl Jira {
    /// A request arrives: checks every rule, and returns what is broken.
    pub fn arrive(&mut self, host: &str, id: &DestinationId, ask: &Ask) -> Vec<String> {
        self.requests += 1;
        let mut broken = Vec::new();
        if let Some(other) = self.in_flight.insert(id.clone(), ask.summary()) {
            broken.push(format!("{host} is asked {:?} while it is asked {other:?}", ask.summary()));
        }
        for id in ask.ids() {
            if !is_visible(id.source(), host) {
                broken.push(format!("{host} is asked about {id}, which it may not see"));
            }
        }
        if let Ask::Send { kind, entities, .. } = ask {
            let site = self.sites.entry(host.to_owned()).or_default();
            for (id, version, body) in entities {
                broken.extend(site.check_body(host, *kind, id, *version, body));
            }
        }
        broken
    }

    /// The request is over, or its process is dead.
    pub fn leave(&mut self, id: &DestinationId) {
        self.in_flight.remove(id);
    }
}

impl Site {
    fn check_body(
        &mut self,
        host: &str,
        kind: EntityKind,
        id: &EntityId,
        version: i64,
        body: &Value,
    ) -> Vec<String> {
        let mut broken = Vec::new();
        let text = body.to_string();
        let foreign = SOURCES.iter().filter(|source| source.id != id.source());
        for source in foreign.filter(|source| text.contains(&mark(source.id))) {
            broken.push(format!("{host} gets the word of {:?} in {id}", source.id));
        }
        if let Some((newest, same)) = self.arrived.get(&(kind, id.clone())) {
            if version < *newest {
                broken.push(format!("{host} gets {id} in version {version} after {newest}"));
            } else if version == *newest && same != body {
                broken.push(format!("{host} gets version {version} of {id} with two contents"));
            }
        }
        self.arrived.insert((kind, id.clone()), (version, body.clone()));
        broken
    }

    /// Takes a version, to be shown from `visible_at` on. Like Jira, ignores one that is not newer.
    pub fn take(&mut self, key: Key, version: i64, body: Value, visible_at: Timestamp) {
        self.queue.push(Queued { visible_at, key, version, body });
    }

    /// Shows what is due.
    pub fn settle(&mut self, now: Timestamp) {
        let (due, later) = std::mem::take(&mut self.queue).into_iter().partition(|it| it.visible_at <= now);
        self.queue = later;
        let due: Vec<Queued> = due;
        for Queued { key, version, body, .. } in due {
            if self.shown.get(&key).is_none_or(|(shown, _)| *shown < version) {
                self.shown.insert(key, (version, body));
            }
        }
    }

    /// Deletes an entity, shown or queued.
    pub fn delete(&mut self, key: &Key) {
        self.shown.remove(key);
        self.queue.retain(|queued| queued.key != *key);
    }

    /// Deletes everything of a source. A workspace is not told apart: none has anything when it is removed.
    pub fn remove(&mut self, source: &str) {
        self.shown.retain(|(_, id), _| id.source() != source);
        self.queue.retain(|queued| queued.key.1.source() != source);
    }

    pub fn read(&self, key: &Key) -> Option<Held> {
        let (version, body) = self.shown.get(key)?;
        Some(Held { version: Some(*version), body: body.as_object().cloned().unwrap_or_default() })
    }

    /// Ids of the incidents, and what each shows.
    pub fn incidents(&self) -> BTreeMap<&EntityId, &Value> {
        let incidents = self.shown.iter().filter(|((kind, _), _)| *kind == EntityKind::Incident);
        incidents.map(|((_, id), (_, body))| (id, body)).collect()
    }

    /// Loses one of the entities, as after a restore.
    pub fn lose(&mut self, nth: usize) -> Option<Key> {
        let key = self.shown.keys().nth(nth.checked_rem(self.shown.len())?).cloned()?;
        self.shown.remove(&key);
        Some(key)
    }

    /// The app was removed, with everything that it had sent.
    pub fn uninstall(&mut self) {
        self.secret.clear();
        self.shown.clear();
        self.queue.clear();
        self.links.clear();
    }
}
