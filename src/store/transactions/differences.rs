//! Adds to the history of each new version how it differs from the one before, while both are at hand.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::domain::{Entity, differences};
use crate::store::Store;
use crate::store::db::Tx;
use crate::store::entities::versions::Key;
use crate::store::error::StoreError;
use crate::store::timeline::event::TimelineEvent;
use crate::store::transactions::changes::Changes;

impl Store {
    /// Must be called before the versions are written.
    pub(super) async fn note_differences(
        &self,
        tx: &mut Tx,
        changes: &mut Changes<'_>,
    ) -> Result<(), StoreError> {
        let mut found = HashMap::new();
        let replaced = changes.versions.iter().filter(|new| new.replaces && new.content.is_some());
        let replaced: Vec<Key> = replaced.map(|new| (new.kind, new.id.clone())).collect();
        let stored = self.entities().list_readable(tx, &replaced).await?;
        let mut before: HashMap<Key, Cow<'_, Entity>> =
            stored.into_iter().map(|(key, entity)| (key, Cow::Owned(entity))).collect();
        for new in &changes.versions {
            let key = (new.kind, new.id.clone());
            let Some(content) = &new.content else {
                before.remove(&key);
                continue;
            };
            let earlier = before.remove(&key);
            let version = (new.kind, new.id.clone(), new.version);
            found.insert(version, differences(earlier.as_deref(), content));
            before.insert(key, Cow::Borrowed(&**content));
        }
        for event in &mut changes.events {
            if let TimelineEvent::Stored { version, changes, .. } = &mut event.event {
                let version = (event.kind, event.entity_id.clone(), *version);
                *changes = found.remove(&version).unwrap_or_default();
            }
        }
        Ok(())
    }
}
