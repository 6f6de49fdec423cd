//! The containers of one source, for searches by name.
//!
//! Jira searches with every letter that a user types, so everything that can be done once is done when the
//! list is read: answers are rendered, and names are sorted. A change costs what has changed: it is kept beside
//! the many that have not, until it pays to merge them. Knows no sites: which sources may be searched is decided
//! in `directory`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::found::{ContainerHit, Found, Query, Rendered, SearchPosition};
use super::sorted::{Item, Sorted};
use crate::destinations::text;
use crate::domain::EntityId;
use crate::store::{Container, StoredWorkspace};
use crate::sync::registry::SourceRuntime;

/// As many changes are always kept beside the others.
const MOST_RECENT: usize = 64;

/// The workspaces and containers of one source. Cheap to clone: what does not change is shared.
#[derive(Debug, Clone, Default)]
pub(in crate::sync) struct Containers {
    pub workspaces: Arc<Vec<StoredWorkspace>>,
    /// Nearly all containers.
    base: Arc<Sorted>,
    /// Places of `base` whose containers have changed since or are gone.
    hidden: Arc<BTreeSet<usize>>,
    /// Containers that are new or have changed since. Few: a change copies them all.
    recent: Arc<Sorted>,
    workspace_numbers: Arc<BTreeMap<EntityId, usize>>,
}

impl Containers {
    /// What is to be laid out, with the numbers of its workspaces.
    pub fn prepare(&mut self, source: &SourceRuntime, listed: &[Container]) -> Vec<Item> {
        let item = |container: &Container| {
            let workspaces = workspaces_of(source, container).map(|id| self.number(id)).collect();
            let (name, hit) = render(container, source)?;
            Some(Item { name: name.to_lowercase(), hit: Arc::new(hit), workspaces })
        };
        listed.iter().filter_map(item).collect()
    }

    /// The same with these containers, of which there were none.
    #[must_use]
    pub fn with_all(self, items: Vec<Item>) -> Self {
        Self { base: Arc::new(Sorted::new(items)), ..self }
    }

    /// The same after the containers with these ids have become what is `listed`; those that are not listed are
    /// gone.
    #[must_use]
    pub fn changed(&self, source: &SourceRuntime, ids: &BTreeSet<EntityId>, listed: &[Container]) -> Self {
        let mut next = self.clone();
        let fresh = Sorted::new(next.prepare(source, listed));
        let replaced: BTreeSet<usize> = ids.iter().filter_map(|id| self.recent.find(id.as_str())).collect();
        let recent = self.recent.merge(|place| replaced.contains(&place), &fresh);
        Arc::make_mut(&mut next.hidden).extend(ids.iter().filter_map(|id| self.base.find(id.as_str())));
        if recent.len().max(next.hidden.len()) <= MOST_RECENT.max(self.base.len().isqrt()) {
            return Self { recent: Arc::new(recent), ..next };
        }
        let base = Arc::new(self.base.merge(|place| next.hidden.contains(&place), &recent));
        Self { base, hidden: Arc::default(), recent: Arc::default(), ..next }
    }

    fn number(&mut self, workspace: EntityId) -> usize {
        if let Some(number) = self.workspace_numbers.get(&workspace) {
            return *number;
        }
        let number = self.workspace_numbers.len();
        Arc::make_mut(&mut self.workspace_numbers).insert(workspace, number);
        number
    }

    /// Containers after `after` whose names start with or contain the text, among them the first `limit`; in no
    /// order. `workspace` is an id in Jira.
    pub fn search<'a>(
        &'a self,
        query: &'a Query<'a>,
        workspace: Option<&str>,
        after: Option<&'a SearchPosition>,
        limit: usize,
    ) -> impl Iterator<Item = Found<'a>> {
        // Of a workspace that is not known, the number that none has.
        let find = |id: &str| self.workspace_numbers.get(&EntityId::from_text(id.to_owned())).copied();
        let wanted = workspace.map(|id| find(id).unwrap_or(self.workspace_numbers.len()));
        let is_hidden = |place| self.hidden.contains(&place);
        let base = self.base.search(query, wanted, is_hidden, after, limit);
        base.chain(self.recent.search(query, wanted, |_| false, after, limit))
    }
}

/// Ids of the workspaces that a container is in.
fn workspaces_of<'a>(
    source: &'a SourceRuntime,
    container: &'a Container,
) -> impl Iterator<Item = EntityId> + 'a {
    let teams = source.has_teams().then_some(&container.component.workspaces);
    let ids = std::iter::once(&container.workspace).chain(teams.into_iter().flatten());
    ids.map(|id| EntityId::new(source.id(), id))
}

/// Its name, and the container as Jira shows it: with the source's own address and icon where the tool gave none.
fn render(container: &Container, source: &SourceRuntime) -> Option<(String, ContainerHit)> {
    let (component, profile) = (&container.component, &source.profile);
    let id = EntityId::new(source.id(), &component.provider_id);
    let name = text::find_line(&component.name).unwrap_or_else(|| id.to_string());
    let avatar_url = component.avatar_url.as_deref().and_then(text::find_url);
    let hit = ContainerHit::render(&Rendered {
        id: id.as_str(),
        name: &name,
        url: text::find_url(&component.url).unwrap_or_else(|| text::uri(&profile.home_url)),
        avatar_url: avatar_url.unwrap_or_else(|| profile.avatar_url.clone()),
        last_updated_date: text::timestamp(component.updated_at),
    })?;
    Some((name, hit))
}

#[cfg(test)]
#[path = "containers_tests.rs"]
mod tests;
