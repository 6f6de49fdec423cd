//! What Jira's calls need, in memory: who may call, which workspaces and containers they may see.
//!
//! A snapshot is immutable; a change in the store, by this process or another, replaces it.

mod access;
mod callers;
mod containers;
mod snapshot;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use self::callers::Callers;
use self::containers::Containers;
use super::registry::Registry;
use crate::config::{DestinationConfig, Live};
use crate::store::{Container, Store, StoreError, StoredWorkspace};

pub use access::DestinationAccess;
pub(in crate::sync) use access::INSTALLED;
pub use containers::{ContainerHit, SearchPosition};
pub use snapshot::{ContainerPage, Snapshot};

/// The current snapshot, and how to renew it.
#[derive(Debug)]
pub struct Directory {
    store: Store,
    registry: Arc<Live<Registry>>,
    /// The destinations of the configuration.
    pub(in crate::sync) declared: Live<Vec<DestinationConfig>>,
    current: RwLock<Arc<Snapshot>>,
    renewing: tokio::sync::Mutex<()>,
    pub(in crate::sync) callers: Callers,
}

impl Directory {
    #[must_use]
    pub fn new(store: Store, registry: Arc<Live<Registry>>, declared: Vec<DestinationConfig>) -> Self {
        let (current, renewing) = (RwLock::default(), tokio::sync::Mutex::default());
        let declared = Live::new(declared);
        Self { store, registry, declared, current, renewing, callers: Callers::default() }
    }

    #[must_use]
    pub fn current(&self) -> Arc<Snapshot> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads everything again.
    ///
    /// # Errors
    /// When the database fails; the old snapshot stays.
    pub async fn refresh(&self) -> Result<(), StoreError> {
        let _one_at_a_time = self.renewing.lock().await;
        let (registry, declared) = (self.registry.current(), self.declared.current());
        // The number first: a change made while reading then causes another renewal instead of being missed.
        let generation = self.store.sites().directory_generation().await?;
        let installed = self.store.sites().list_installations().await?;
        let served = self.store.sites().list_declared().await?;
        let locked = installed
            .iter()
            .filter_map(|site| Some((site.site.clone(), site.sealed.as_ref()?.to_string())))
            .collect();
        let installed =
            installed.into_iter().filter_map(|site| DestinationAccess::installed(site, &registry));
        let served = served.iter().filter_map(|served| {
            let config = declared.iter().find(|config| config.id == served.id.as_str())?;
            Some(DestinationAccess::declared(served, config, &registry))
        });
        let all = installed.chain(served).map(|access| (access.id.clone(), Arc::new(access)));
        let destinations: HashMap<_, _> = all.collect();
        let containers = self.read_containers(&registry).await?;
        let snapshot = Snapshot { generation, destinations, containers, locked };
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(snapshot);
        Ok(())
    }

    /// Reads everything again if anything has changed.
    ///
    /// # Errors
    /// As for [`Directory::refresh`].
    pub async fn refresh_if_changed(&self) -> Result<bool, StoreError> {
        let changed = self.store.sites().directory_generation().await? != self.current().generation;
        if changed {
            self.refresh().await?;
        }
        Ok(changed)
    }

    async fn read_containers(&self, registry: &Registry) -> Result<BTreeMap<String, Containers>, StoreError> {
        let mut read: BTreeMap<String, (Vec<StoredWorkspace>, Vec<Container>)> = BTreeMap::new();
        for workspace in self.store.entities().list_workspaces().await? {
            read.entry(workspace.source.clone()).or_default().0.push(workspace);
        }
        for container in self.store.entities().list_containers().await? {
            read.entry(container.source.clone()).or_default().1.push(container);
        }
        // The data of a source that has left the configuration is not shown to any site.
        let configured = read.into_iter().filter_map(|(id, read)| Some((registry.find(&id)?, read)));
        Ok(configured
            .map(|(source, (workspaces, containers))| {
                (source.id().to_string(), Containers::new(&source, workspaces, &containers))
            })
            .collect())
    }
}
