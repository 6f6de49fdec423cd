//! What Jira's calls need, in memory: who may call, which workspaces and containers they may see.
//!
//! A snapshot is immutable; a change in the store, by this process or another, replaces it. Isolation of
//! tenants is decided here and nowhere else: every answer starts from the sources of one site.

pub(in crate::sync) mod containers;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use secrecy::SecretString;

use crate::clock::Timestamp;
use crate::domain::{ClientKey, DestinationId, EntityId};
use crate::store::{
    Container, DestinationRef, Installation, InstallationState, Store, StoreError, StoredWorkspace,
};
use crate::sync::directory::containers::{Catalogue, ContainerHit, Query, SearchPosition};
use crate::sync::registry::{Registry, SourceRuntime};

/// One installed site as requests from and to it need it.
#[derive(Debug)]
pub struct SiteAccess {
    pub client_key: ClientKey,
    pub site: String,
    pub base_url: String,
    pub enabled: bool,
    /// The site as a destination; tells this installation of it from the next, which has another secret.
    pub destination: DestinationRef,
    secret: SecretString,
    previous: Option<(SecretString, Timestamp)>,
    /// The sources it may see.
    pub sources: Vec<Arc<SourceRuntime>>,
}

impl SiteAccess {
    /// The secret that signs requests to the site.
    #[must_use]
    pub fn secret(&self) -> &SecretString {
        &self.secret
    }

    /// The secrets that may have signed a request from the site: the current one, then the one before it
    /// while requests signed with that may still be under way.
    pub fn secrets_at(&self, now: Timestamp) -> impl Iterator<Item = &SecretString> {
        let previous = self.previous.as_ref().filter(|(_, until)| now < *until).map(|(secret, _)| secret);
        std::iter::once(&self.secret).chain(previous)
    }

    #[must_use]
    pub fn sees(&self, source: &str) -> bool {
        self.sources.iter().any(|visible| visible.id().as_str() == source)
    }
}

/// One page of a search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerPage {
    pub hits: Vec<Arc<ContainerHit>>,
    /// Where the next page starts; `None` on the last.
    pub next: Option<SearchPosition>,
}

/// Everything at one moment.
#[derive(Debug, Default)]
pub struct Snapshot {
    generation: i64,
    sites: HashMap<ClientKey, Arc<SiteAccess>>,
    catalogues: BTreeMap<String, Catalogue>,
}

impl Snapshot {
    #[must_use]
    pub fn find_site(&self, client_key: &ClientKey) -> Option<&Arc<SiteAccess>> {
        self.sites.get(client_key)
    }

    pub fn sites(&self) -> impl Iterator<Item = &Arc<SiteAccess>> {
        self.sites.values()
    }

    /// The workspaces that the site may see.
    pub fn workspaces<'a>(&'a self, site: &'a SiteAccess) -> impl Iterator<Item = &'a StoredWorkspace> {
        self.catalogues_of(site).flat_map(|catalogue| &catalogue.workspaces)
    }

    /// Searches the names of the site's containers: case-insensitive, any part of the name, those that
    /// start with the text first, then by name. `workspace` is an id in Jira.
    #[must_use]
    pub fn search(
        &self,
        site: &SiteAccess,
        text: &str,
        workspace: Option<&str>,
        after: Option<&SearchPosition>,
        limit: usize,
    ) -> ContainerPage {
        let text = text.trim().to_lowercase();
        let query = Query::new(&text);
        let mut found: Vec<_> = self
            .catalogues_of(site)
            .flat_map(|catalogue| {
                let found = catalogue.search(&query, workspace, after, limit.saturating_add(1));
                found.map(move |found| (found, catalogue))
            })
            .collect();
        found.sort_by(|(a, _), (b, _)| a.cmp(b));
        let more = found.len() > limit;
        found.truncate(limit);
        let next = found.last().filter(|_| more).map(|(found, _)| SearchPosition::from(found));
        ContainerPage { hits: found.iter().map(|(found, catalogue)| catalogue.hit(found)).collect(), next }
    }

    fn catalogues_of<'a>(&'a self, site: &'a SiteAccess) -> impl Iterator<Item = &'a Catalogue> {
        site.sources.iter().filter_map(|source| self.catalogues.get(source.id().as_str()))
    }
}

/// The current snapshot, and how to renew it.
#[derive(Debug)]
pub struct Directory {
    store: Store,
    registry: Registry,
    current: RwLock<Arc<Snapshot>>,
    renewing: tokio::sync::Mutex<()>,
}

impl Directory {
    #[must_use]
    pub fn new(store: Store, registry: Registry) -> Self {
        Self { store, registry, current: RwLock::default(), renewing: tokio::sync::Mutex::default() }
    }

    #[must_use]
    pub fn current(&self) -> Arc<Snapshot> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads everything anew.
    ///
    /// # Errors
    /// When the database fails; the old snapshot stays.
    pub async fn refresh(&self) -> Result<(), StoreError> {
        let _one_at_a_time = self.renewing.lock().await;
        // The number first: a change made while reading then shows as one more renewal, not as none.
        let generation = self.store.sites().directory_generation().await?;
        let sites = self.store.sites().list_installations().await?;
        let sites = sites
            .into_iter()
            .filter_map(|site| self.access(site))
            .map(|site| (site.client_key.clone(), site));
        let snapshot =
            Snapshot { generation, sites: sites.collect(), catalogues: self.read_catalogues().await? };
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(snapshot);
        Ok(())
    }

    /// Reads everything anew if anybody changed something.
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

    fn access(&self, installation: Installation) -> Option<Arc<SiteAccess>> {
        let enabled = match installation.state {
            InstallationState::Enabled => true,
            InstallationState::Disabled => false,
            InstallationState::Uninstalled | InstallationState::Replaced => return None,
        };
        if installation.secrets.is_empty() {
            let why =
                installation.parked.as_deref().unwrap_or("its secret is missing; install the app again");
            tracing::error!(site = %installation.site, "the site cannot be served: {why}");
        }
        let mut secrets = installation.secrets.into_iter();
        Some(Arc::new(SiteAccess {
            secret: secrets.next()?,
            previous: secrets.next().map(|secret| (secret, installation.previous_until)),
            sources: self.registry.visible_to(&installation.site).cloned().collect(),
            destination: DestinationRef {
                id: DestinationId::from(&installation.client_key),
                since: installation.installed_at,
            },
            client_key: installation.client_key,
            site: installation.site,
            base_url: installation.base_url,
            enabled,
        }))
    }

    async fn read_catalogues(&self) -> Result<BTreeMap<String, Catalogue>, StoreError> {
        let mut read: BTreeMap<String, (Vec<StoredWorkspace>, Vec<Container>)> = BTreeMap::new();
        for workspace in self.store.entities().list_workspaces().await? {
            read.entry(workspace.source.clone()).or_default().0.push(workspace);
        }
        for container in self.store.entities().list_containers().await? {
            read.entry(container.source.clone()).or_default().1.push(container);
        }
        // What a source left behind that is not configured any more belongs to nobody.
        let configured = read.into_iter().filter_map(|(id, read)| Some((self.registry.find(&id)?, read)));
        Ok(configured
            .map(|(source, (workspaces, containers))| {
                (source.id().to_string(), Catalogue::new(source, workspaces, &containers))
            })
            .collect())
    }

    /// The workspaces among `ids` that the site may see, in the order asked.
    #[must_use]
    pub fn find_workspaces(&self, site: &SiteAccess, ids: &[String]) -> Vec<StoredWorkspace> {
        let snapshot = self.current();
        let visible: HashMap<&EntityId, &StoredWorkspace> =
            snapshot.workspaces(site).map(|workspace| (&workspace.id, workspace)).collect();
        ids.iter()
            .filter_map(|id| visible.get(&EntityId::from_text(id.clone())).map(|found| (*found).clone()))
            .collect()
    }
}
