//! How a snapshot is read: as a whole, or only what has changed since the one before. Both have the same result.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Directory;
use super::access::DestinationAccess;
use super::containers::Containers;
use super::snapshot::{Destinations, Snapshot};
use super::sorted::Item;
use super::unlinked::Candidates;
use crate::domain::EntityId;
use crate::store::{Container, DirectoryChanges, StoreError};
use crate::sync::registry::Registry;

/// Components that are read at once.
const STEP: usize = 1_000;

impl Directory {
    /// Reads everything.
    pub(super) async fn read(&self) -> Result<Arc<Snapshot>, StoreError> {
        // The number first: a change made while reading then causes a renewal instead of being missed.
        let generation = self.store.sites().directory_generation().await?;
        let registry = self.registry.current();
        let destinations = Arc::new(self.read_destinations(&registry).await?);
        let containers = Arc::new(self.read_containers(&registry).await?);
        Ok(self.publish(Snapshot { generation, destinations, containers }, Candidates::All))
    }

    async fn read_destinations(&self, registry: &Registry) -> Result<Destinations, StoreError> {
        let mut destinations = Destinations::default();
        destinations.add(self.store.sites().list_known().await?, registry);
        let declared = self.declared.current();
        for served in self.store.sites().list_declared().await? {
            if let Some(config) = declared.iter().find(|config| config.id == served.id.as_str()) {
                let access = DestinationAccess::declared(&served, config, registry);
                destinations.by_id.insert(served.id, Arc::new(access));
            }
        }
        Ok(destinations)
    }

    /// Those of sources that have left the configuration are not shown to any site.
    async fn read_containers(&self, registry: &Registry) -> Result<BTreeMap<String, Containers>, StoreError> {
        let mut read: BTreeMap<String, (Containers, Vec<Item>)> = BTreeMap::new();
        for workspace in self.store.entities().list_workspaces().await? {
            if registry.find(&workspace.source).is_some() {
                let (containers, _) = read.entry(workspace.source.clone()).or_default();
                Arc::make_mut(&mut containers.workspaces).push(workspace);
            }
        }
        let mut after = None;
        loop {
            let (listed, last) = self.store.entities().list_containers(after.as_ref(), STEP).await?;
            if last.is_none() {
                break;
            }
            after = last;
            for (source, listed) in by_source(listed) {
                let Some(runtime) = registry.find(&source) else { continue };
                let (containers, items) = read.entry(source).or_default();
                items.extend(containers.prepare(&runtime, &listed));
            }
        }
        Ok(read.into_iter().map(|(source, (it, items))| (source, it.with_all(items))).collect())
    }

    /// Reads what has changed since `before`, and says whose links that concerns; `None` when it is not known.
    pub(super) async fn renew(
        &self,
        before: &Snapshot,
        generation: i64,
    ) -> Result<Option<(Snapshot, Candidates)>, StoreError> {
        let changes = self.store.sites().list_directory_changes(before.generation, generation).await?;
        let Some(changes) = changes else { return Ok(None) };
        let registry = self.registry.current();
        let mut next = Snapshot { generation, ..before.clone() };
        if !changes.destinations.is_empty() {
            let sites = self.store.sites().list_known_among(&changes.destinations).await?;
            let destinations = Arc::make_mut(&mut next.destinations);
            destinations.remove(&changes.destinations);
            destinations.add(sites, &registry);
        }
        if !changes.workspaces.is_empty() || !changes.components.is_empty() {
            self.renew_containers(Arc::make_mut(&mut next.containers), &registry, &changes).await?;
        }
        let mut unlinked = changes.destinations;
        for source in &changes.workspaces {
            let seeing = next.destinations().filter(|access| access.sees(source));
            unlinked.extend(seeing.map(|access| access.id.clone()));
        }
        Ok(Some((next, Candidates::These(unlinked))))
    }

    async fn renew_containers(
        &self,
        containers: &mut BTreeMap<String, Containers>,
        registry: &Registry,
        changes: &DirectoryChanges,
    ) -> Result<(), StoreError> {
        for source in changes.workspaces.iter().filter_map(|source| registry.find(source)) {
            let workspaces = self.store.entities().list_workspaces_of(source.id()).await?;
            containers.entry(source.id().to_string()).or_default().workspaces = Arc::new(workspaces);
        }
        let mut listed = by_source(self.store.entities().list_containers_among(&changes.components).await?);
        let mut ids_of: BTreeMap<String, BTreeSet<EntityId>> = BTreeMap::new();
        for id in &changes.components {
            ids_of.entry(id.source().to_owned()).or_default().insert(id.clone());
        }
        for (source, ids) in ids_of {
            let Some(runtime) = registry.find(&source) else { continue };
            let listed = listed.remove(&source).unwrap_or_default();
            let containers = containers.entry(source).or_default();
            *containers = containers.changed(&runtime, &ids, &listed);
        }
        Ok(())
    }
}

fn by_source(listed: Vec<Container>) -> BTreeMap<String, Vec<Container>> {
    let mut sources: BTreeMap<String, Vec<Container>> = BTreeMap::new();
    for container in listed {
        sources.entry(container.source.clone()).or_default().push(container);
    }
    sources
}
