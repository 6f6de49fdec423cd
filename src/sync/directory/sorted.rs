//! Containers sorted by name and laid out for searches: lower-case names are in one text. Never changed; merging
//! two makes a third, which shares what is rendered.

use std::iter::Peekable;
use std::sync::Arc;

use super::found::{ContainerHit, Found, Query, SearchPosition};

/// A container that is not in any order yet.
#[derive(Debug)]
pub(super) struct Item {
    /// Lower-case.
    pub name: String,
    pub hit: Arc<ContainerHit>,
    /// The numbers of its workspaces.
    pub workspaces: Box<[usize]>,
}

#[derive(Debug)]
struct Entry {
    /// Where its name ends in `names`; it starts where the one before ends.
    end: usize,
    hit: Arc<ContainerHit>,
    workspaces: Box<[usize]>,
}

/// Containers in the order of lower-case name, then id. A place is a position in this order.
#[derive(Debug, Default)]
pub(super) struct Sorted {
    /// Lower-case names, one after the other.
    names: String,
    entries: Vec<Entry>,
    /// All places, in the order of the ids.
    by_id: Vec<usize>,
}

impl Sorted {
    pub fn new(mut items: Vec<Item>) -> Self {
        items.sort_by(|a, b| (&a.name, &a.hit.id).cmp(&(&b.name, &b.hit.id)));
        let mut sorted = Self::default();
        for Item { name, hit, workspaces } in items {
            sorted.push(&name, hit, workspaces);
        }
        sorted.index((0..sorted.len()).collect());
        sorted
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// The containers of both, without those of the first at hidden places.
    pub fn merge(&self, is_hidden: impl Fn(usize) -> bool, other: &Self) -> Self {
        let (mut merged, mut places) = (Self::default(), vec![None; self.len()]);
        let mut others = vec![None; other.len()];
        let mut own = (0..self.len()).filter(|place| !is_hidden(*place)).peekable();
        let mut more = (0..other.len()).peekable();
        while let Some(is_own) = self.comes_first(&mut own, other, &mut more) {
            let (from, next, places) =
                if is_own { (self, own.next(), &mut places) } else { (other, more.next(), &mut others) };
            let Some((place, entry)) = next.and_then(|at| Some((at, from.entries.get(at)?))) else { break };
            if let Some(moved) = places.get_mut(place) {
                *moved = Some(merged.len());
            }
            merged.push(from.name(place), entry.hit.clone(), entry.workspaces.clone());
        }
        // Two runs that are in order already, so that sorting only merges them.
        let of = |sorted: &Self, places: &[Option<usize>]| -> Vec<usize> {
            sorted.by_id.iter().filter_map(|place| places.get(*place).copied().flatten()).collect()
        };
        let by_id = [of(self, &places), of(other, &others)].concat();
        merged.index(by_id);
        merged
    }

    /// Whether the next container is one of ours; `None` at the end of both.
    fn comes_first(
        &self,
        own: &mut Peekable<impl Iterator<Item = usize>>,
        other: &Self,
        more: &mut Peekable<impl Iterator<Item = usize>>,
    ) -> Option<bool> {
        match (own.peek(), more.peek()) {
            (Some(own), Some(more)) => {
                Some((self.name(*own), self.id(*own)) <= (other.name(*more), other.id(*more)))
            }
            (own, more) => own.or(more).map(|_| own.is_some()),
        }
    }

    fn push(&mut self, name: &str, hit: Arc<ContainerHit>, workspaces: Box<[usize]>) {
        self.names.push_str(name);
        self.entries.push(Entry { end: self.names.len(), hit, workspaces });
    }

    fn index(&mut self, mut by_id: Vec<usize>) {
        by_id.sort_by(|a, b| self.id(*a).cmp(self.id(*b)));
        self.by_id = by_id;
        self.by_id.shrink_to_fit();
        self.entries.shrink_to_fit();
        self.names.shrink_to_fit();
    }

    /// The place of the container with this id.
    pub fn find(&self, id: &str) -> Option<usize> {
        let found = self.by_id.binary_search_by(|place| self.id(*place).cmp(id)).ok()?;
        self.by_id.get(found).copied()
    }

    /// The first `limit` containers after `after` that are shown and whose names start with or contain the
    /// text, those that start with it first. `workspace` is a number.
    pub fn search<'a>(
        &'a self,
        query: &'a Query<'a>,
        workspace: Option<usize>,
        is_hidden: impl Fn(usize) -> bool + 'a,
        after: Option<&'a SearchPosition>,
        limit: usize,
    ) -> impl Iterator<Item = Found<'a>> {
        self.matches(query)
            .filter(move |(_, place)| !is_hidden(*place))
            .filter_map(|(rank, place)| Some((rank, place, self.entries.get(place)?)))
            .filter(move |(.., entry)| workspace.is_none_or(|number| entry.workspaces.contains(&number)))
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

    fn id(&self, place: usize) -> &str {
        self.entries.get(place).map_or("", |entry| &entry.hit.id)
    }
}
