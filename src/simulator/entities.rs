//! What the site stores per entity, and the rule by which a later write wins over an earlier one.
//!
//! Pure. Must not know HTTP, and must not decide whether an entity is acceptable: that is `submit`.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use crate::clock::Timestamp;

/// The three kinds of entity that an app can send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EntityKind {
    Component,
    Incident,
    Review,
}

impl EntityKind {
    pub const ALL: [Self; 3] = [Self::Component, Self::Incident, Self::Review];
}

/// Labels of a submission, kept with each of its entities for a later bulk delete.
pub type Properties = BTreeMap<String, String>;

/// One entity as the site holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredEntity {
    /// The JSON exactly as the app sent it.
    pub json: Value,
    pub sequence: i64,
    pub properties: Properties,
    pub stored_at: Timestamp,
}

/// The effect of a write once the queue reached it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteEffect {
    Stored,
    /// The stored sequence number was equal or larger: no effect, but not a failure.
    Ignored,
}

/// The visible entities of one kind, plus every version that ever became visible.
#[derive(Debug, Default)]
pub struct EntityStore {
    visible: BTreeMap<String, StoredEntity>,
    versions: HashMap<String, Vec<i64>>,
}

impl EntityStore {
    /// Stores the entity if nothing is stored or the stored sequence number is smaller.
    pub fn upsert(&mut self, id: &str, entity: StoredEntity) -> WriteEffect {
        if self.visible.get(id).is_some_and(|stored| stored.sequence >= entity.sequence) {
            return WriteEffect::Ignored;
        }
        self.versions.entry(id.to_owned()).or_default().push(entity.sequence);
        self.visible.insert(id.to_owned(), entity);
        WriteEffect::Stored
    }

    /// Removes the entity; unknown ids are not a failure. The sequence number is forgotten with it.
    pub fn delete(&mut self, id: &str) {
        self.visible.remove(id);
    }

    /// Removes every entity whose submission carried all of these labels with these values.
    pub fn delete_by_properties(&mut self, wanted: &Properties) {
        self.visible.retain(|_, entity| {
            !wanted.iter().all(|(name, value)| entity.properties.get(name) == Some(value))
        });
    }

    pub fn clear(&mut self) {
        self.visible.clear();
    }

    pub fn find(&self, id: &str) -> Option<&StoredEntity> {
        self.visible.get(id)
    }

    /// All visible entities in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &StoredEntity)> {
        self.visible.iter()
    }

    /// How many entities are visible.
    pub fn count(&self) -> usize {
        self.visible.len()
    }

    /// The sequence numbers that became visible for this id, in that order, across deletes.
    pub fn stored_versions(&self, id: &str) -> &[i64] {
        self.versions.get(id).map_or(&[], Vec::as_slice)
    }
}
