//! Everything that Jira's calls need at one moment. Immutable.
//!
//! Isolation of tenants is decided here: every answer starts from the sources of one site.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::access::{DestinationAccess, Locked};
use super::containers::Containers;
use super::found::{ContainerHit, Query, SearchPosition};
use crate::domain::{DestinationId, EntityId};
use crate::store::{KnownSite, StoredWorkspace};
use crate::sync::registry::Registry;

/// One page of a search.
#[derive(Debug, Clone)]
pub struct ContainerPage {
    pub hits: Vec<Arc<ContainerHit>>,
    /// Where the next page starts; `None` on the last.
    pub next: Option<SearchPosition>,
}

/// Everything at one moment. Cheap to clone: what does not change is shared.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    pub(super) generation: i64,
    pub(super) destinations: Arc<Destinations>,
    pub(super) containers: Arc<BTreeMap<String, Containers>>,
}

/// The destinations, and the installed sites that cannot be served.
#[derive(Debug, Clone, Default)]
pub(super) struct Destinations {
    pub by_id: HashMap<DestinationId, Arc<DestinationAccess>>,
    pub locked: BTreeMap<DestinationId, Locked>,
}

impl Destinations {
    /// Adds sites as the store has them.
    pub fn add(&mut self, sites: Vec<KnownSite>, registry: &Registry) {
        for site in sites {
            let id = DestinationId::from(&site.client_key);
            match DestinationAccess::installed(site, registry) {
                Ok(access) => drop(self.by_id.insert(id, Arc::new(access))),
                Err(locked) => drop(self.locked.insert(id, locked)),
            }
        }
    }

    /// Leaves these out.
    pub fn remove(&mut self, ids: &BTreeSet<DestinationId>) {
        for id in ids {
            self.by_id.remove(id);
            self.locked.remove(id);
        }
    }
}

impl Snapshot {
    #[must_use]
    pub fn find(&self, id: &DestinationId) -> Option<&Arc<DestinationAccess>> {
        self.destinations.by_id.get(id)
    }

    /// Installed sites that cannot be served because the vault does not open their secret, each with the reason.
    pub fn locked(&self) -> impl Iterator<Item = &Locked> {
        self.destinations.locked.values()
    }

    pub fn destinations(&self) -> impl Iterator<Item = &Arc<DestinationAccess>> {
        self.destinations.by_id.values()
    }

    /// The workspaces that the destination may see.
    pub fn workspaces<'a>(
        &'a self,
        access: &'a DestinationAccess,
    ) -> impl Iterator<Item = &'a StoredWorkspace> {
        self.containers_of(access).flat_map(|containers| containers.workspaces.iter())
    }

    /// The workspaces among `ids` that the site may see, in the order asked.
    #[must_use]
    pub fn find_workspaces(&self, access: &DestinationAccess, ids: &[String]) -> Vec<StoredWorkspace> {
        let visible: HashMap<&EntityId, &StoredWorkspace> =
            self.workspaces(access).map(|workspace| (&workspace.id, workspace)).collect();
        let found = ids.iter().filter_map(|id| visible.get(&EntityId::from_text(id.as_str())));
        found.map(|workspace| (*workspace).clone()).collect()
    }

    /// Searches the names of the site's containers: case-insensitive, any part of the name, those that
    /// start with the text first, then by name. `workspace` is an id in Jira.
    #[must_use]
    pub fn search(
        &self,
        site: &DestinationAccess,
        text: &str,
        workspace: Option<&str>,
        after: Option<&SearchPosition>,
        limit: usize,
    ) -> ContainerPage {
        let text = text.trim().to_lowercase();
        let query = Query::new(&text);
        let mut found: Vec<_> = self
            .containers_of(site)
            .flat_map(|containers| containers.search(&query, workspace, after, limit.saturating_add(1)))
            .collect();
        found.sort_unstable_by(|a, b| a.order().cmp(&b.order()));
        let more = found.len() > limit;
        found.truncate(limit);
        let next = found.last().filter(|_| more).map(SearchPosition::from);
        ContainerPage { hits: found.iter().map(|found| found.hit.clone()).collect(), next }
    }

    fn containers_of<'a>(&'a self, access: &'a DestinationAccess) -> impl Iterator<Item = &'a Containers> {
        access.sources.iter().filter_map(|source| self.containers.get(source.id().as_str()))
    }
}
