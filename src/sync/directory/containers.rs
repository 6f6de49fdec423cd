//! The containers of one source, laid out for searches by name.
//!
//! Jira searches with every letter that a user types, so everything that can be done once is done when the
//! list is read: answers are rendered, and lower-case names are sorted and stored in one text. Knows no
//! sites: which sources may be searched is decided in `directory`.

use std::collections::BTreeMap;
use std::sync::Arc;

use memchr::memmem::Finder;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::destinations::text;
use crate::domain::EntityId;
use crate::store::{Container, StoredWorkspace};
use crate::sync::registry::SourceRuntime;

/// A container that a search found: what Jira shows of it, as JSON.
#[derive(Debug, Clone)]
pub struct ContainerHit {
    id: Box<str>,
    json: Box<RawValue>,
}

impl ContainerHit {
    /// JSON with the keys `id`, `name`, `url`, `avatarUrl` and `lastUpdatedDate`.
    #[must_use]
    pub fn json(&self) -> &str {
        self.json.get()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rendered<'a> {
    id: &'a str,
    name: &'a str,
    url: String,
    avatar_url: String,
    last_updated_date: String,
}

/// Where in the ranked list a page ended.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SearchPosition {
    /// 0 for names that start with the text, 1 for names that contain it.
    pub rank: u8,
    pub name: String,
    pub id: String,
}

/// A search text, ready to be looked for.
pub(in crate::sync) struct Query<'t> {
    text: &'t str,
    finder: Finder<'t>,
}

impl<'t> Query<'t> {
    /// `text` is lower-case.
    pub fn new(text: &'t str) -> Self {
        Self { text, finder: Finder::new(text) }
    }
}

/// A container in the order of a search: by rank, lower-case name, id.
#[derive(Debug)]
pub(in crate::sync) struct Found<'a> {
    pub rank: u8,
    pub name: &'a str,
    pub id: &'a str,
    pub hit: &'a Arc<ContainerHit>,
}

impl Found<'_> {
    /// What it is sorted by.
    pub fn order(&self) -> (u8, &str, &str) {
        (self.rank, self.name, self.id)
    }
}

impl From<&Found<'_>> for SearchPosition {
    fn from(found: &Found<'_>) -> Self {
        Self { rank: found.rank, name: found.name.to_owned(), id: found.id.to_owned() }
    }
}

#[derive(Debug)]
struct Entry {
    /// Where its name ends in `names`; it starts where the one before ends.
    end: usize,
    hit: Arc<ContainerHit>,
    /// Its workspaces, by their numbers in `workspace_numbers`.
    workspaces: Box<[usize]>,
}

/// The workspaces and containers of one source.
#[derive(Debug, Default)]
pub(in crate::sync) struct Containers {
    pub workspaces: Vec<StoredWorkspace>,
    /// Lower-case names, one after the other.
    names: String,
    /// Sorted by lower-case name, then id.
    entries: Vec<Entry>,
    workspace_numbers: BTreeMap<EntityId, usize>,
}

impl Containers {
    pub fn new(source: &SourceRuntime, workspaces: Vec<StoredWorkspace>, listed: &[Container]) -> Self {
        let mut containers = Self { workspaces, ..Self::default() };
        let mut entries = Vec::with_capacity(listed.len());
        for container in listed {
            let workspaces = workspaces_of(source, container).map(|id| containers.number(id)).collect();
            let Some((name, hit)) = render(container, source) else { continue };
            entries.push((name.to_lowercase(), Entry { end: 0, hit: Arc::new(hit), workspaces }));
        }
        entries.sort_by(|(a, x), (b, y)| (a, &x.hit.id).cmp(&(b, &y.hit.id)));
        for (name, mut entry) in entries {
            containers.names.push_str(&name);
            entry.end = containers.names.len();
            containers.entries.push(entry);
        }
        containers
    }

    fn number(&mut self, workspace: EntityId) -> usize {
        let next = self.workspace_numbers.len();
        *self.workspace_numbers.entry(workspace).or_insert(next)
    }

    /// The first `limit` containers after `after` whose names start with or contain the text, those that
    /// start with it first. `workspace` is an id in Jira.
    pub fn search<'a>(
        &'a self,
        query: &'a Query<'a>,
        workspace: Option<&str>,
        after: Option<&'a SearchPosition>,
        limit: usize,
    ) -> impl Iterator<Item = Found<'a>> {
        let wanted =
            workspace.map(|id| self.workspace_numbers.get(&EntityId::from_text(id.to_owned())).copied());
        self.matches(query)
            .filter_map(|(rank, place)| Some((rank, place, self.entries.get(place)?)))
            .filter(move |(.., entry)| {
                wanted.is_none_or(|number| number.is_some_and(|number| entry.workspaces.contains(&number)))
            })
            .map(|(rank, place, Entry { hit, .. })| Found { rank, name: self.name(place), id: &hit.id, hit })
            .skip_while(move |found| {
                after.is_some_and(|after| {
                    (found.rank, found.name, found.id) <= (after.rank, after.name.as_str(), after.id.as_str())
                })
            })
            .take(limit)
    }

    /// Rank and place of every match, in order.
    fn matches<'a>(&'a self, query: &'a Query<'a>) -> impl Iterator<Item = (u8, usize)> + use<'a> {
        // Names that start with the text are adjacent, because names are sorted.
        let start = self.lower_bound(|name| name < query.text);
        let end = self.lower_bound(|name| name < query.text || name.starts_with(query.text));
        let rest = [0..start, end..self.entries.len()];
        let inside = rest.into_iter().flat_map(|range| self.containing(query, range));
        (start..end).map(|place| (0, place)).chain(inside.map(|place| (1, place)))
    }

    /// Places within `range` whose names contain the text. The text is looked for in all names at once.
    fn containing<'a>(
        &'a self,
        query: &'a Query<'a>,
        range: std::ops::Range<usize>,
    ) -> impl Iterator<Item = usize> + use<'a> {
        let mut from = self.start_of(range.start);
        let until = self.start_of(range.end);
        std::iter::from_fn(move || {
            while from < until {
                let at = from.saturating_add(query.finder.find(self.names.as_bytes().get(from..until)?)?);
                let place = self.entries.partition_point(|entry| entry.end <= at);
                from = self.entries.get(place)?.end;
                // A match that spans two names does not count.
                if at.saturating_add(query.text.len()) <= from {
                    return Some(place);
                }
            }
            None
        })
    }

    fn lower_bound(&self, is_before: impl Fn(&str) -> bool) -> usize {
        let (mut low, mut high) = (0_usize, self.entries.len());
        while low < high {
            let middle = low.midpoint(high);
            if is_before(self.name(middle)) { low = middle.saturating_add(1) } else { high = middle }
        }
        low
    }

    fn start_of(&self, place: usize) -> usize {
        place.checked_sub(1).and_then(|before| self.entries.get(before)).map_or(0, |before| before.end)
    }

    fn name(&self, place: usize) -> &str {
        let end = self.entries.get(place).map(|entry| entry.end);
        end.and_then(|end| self.names.get(self.start_of(place)..end)).unwrap_or_default()
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
    let rendered = Rendered {
        id: id.as_str(),
        name: &name,
        url: text::find_url(&component.url).unwrap_or_else(|| text::uri(&profile.home_url)),
        avatar_url: component
            .avatar_url
            .as_deref()
            .and_then(text::find_url)
            .unwrap_or_else(|| profile.avatar_url.clone()),
        last_updated_date: text::timestamp(component.updated_at),
    };
    // Texts are always JSON.
    let json = serde_json::value::to_raw_value(&rendered).ok()?;
    Some((name, ContainerHit { id: id.as_str().into(), json }))
}

#[cfg(test)]
#[path = "containers_tests.rs"]
mod tests;
