//! Looks for a work item whose creation was not answered, by the keys that it may have got.
//!
//! Reads by key do not depend on the search index, which lags. Must not take a few free numbers for the end: Jira counts
//! on when it refuses a work item.

use super::identity::Identity;
use super::issue::Issue;

/// Keys of one page: as many as Jira reads at once.
const PAGE: u64 = 100;

/// Pages in a row without any work item that are the end, and pages at most.
const EMPTY_PAGES: u32 = 3;
const MAX_PAGES: u32 = 20;

/// A walk over the keys of one project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyWalk {
    project: String,
    next: u64,
    pages: u32,
    empty_in_a_row: u32,
}

impl KeyWalk {
    /// Starts after the highest number that is known to be older.
    #[must_use]
    pub fn new(project: &str, highest: u64) -> Self {
        let next = highest.saturating_add(1);
        Self { project: project.to_owned(), next, pages: 0, empty_in_a_row: 0 }
    }

    /// The keys to read now; `None` at the end.
    #[must_use]
    pub fn keys(&self) -> Option<Vec<String>> {
        let is_over = self.empty_in_a_row >= EMPTY_PAGES || self.pages >= MAX_PAGES;
        let numbers = self.next..self.next.saturating_add(PAGE);
        (!is_over).then(|| numbers.map(|number| format!("{}-{number}", self.project)).collect())
    }

    /// Takes what was found of the keys, and goes on. An issue that has moved away is there under another key.
    pub fn note(&mut self, found: &[Issue]) {
        self.next = self.next.saturating_add(PAGE);
        self.pages = self.pages.saturating_add(1);
        self.empty_in_a_row = if found.is_empty() { self.empty_in_a_row.saturating_add(1) } else { 0 };
    }
}

/// The work item that stands for this incident; of several, the one with the lowest id.
#[must_use]
pub fn find_own<'i>(found: &'i [Issue], identity: &Identity) -> Option<&'i Issue> {
    let own = found.iter().filter(|issue| issue.identity().is_some_and(|found| found.is_same(identity)));
    own.min_by_key(|issue| issue.numeric_id())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::destinations::issues::content::identity::tests::identity;

    fn issue(id: u64, identity: Option<&Identity>) -> Issue {
        let properties = identity.map(|identity| json!({ "incident-bridge": identity.to_value() }));
        Issue::read(&json!({ "id": id.to_string(), "key": format!("OPS-{id}"), "properties": properties }))
            .unwrap()
    }

    #[test]
    fn a_walk_begins_after_the_known_keys_and_ends_after_three_empty_pages() {
        let mut walk = KeyWalk::new("OPS", 41);
        let keys = walk.keys().unwrap();
        assert_eq!((keys.len(), keys[0].as_str(), keys[99].as_str()), (100, "OPS-42", "OPS-141"));
        for found in [vec![], vec![], vec![issue(300, None)], vec![], vec![], vec![]] {
            assert!(walk.keys().is_some());
            walk.note(&found);
        }
        assert_eq!(walk.keys(), None);
    }

    #[test]
    fn a_walk_in_a_busy_project_ends_too() {
        let mut walk = KeyWalk::new("OPS", 0);
        let pages = (0..100).take_while(|_| {
            walk.keys().is_some_and(|_| {
                walk.note(&[issue(1, None)]);
                true
            })
        });
        assert_eq!(pages.count(), 20);
    }

    #[test]
    fn only_our_own_work_item_is_adopted() {
        let other = Identity { bridge: "other".to_owned(), ..identity() };
        let later = Identity { seq: 9, ..identity() };
        let found =
            [issue(9, Some(&identity())), issue(7, Some(&other)), issue(8, Some(&later)), issue(1, None)];
        assert_eq!(find_own(&found, &identity()).unwrap().id, "8");
        assert_eq!(find_own(&found, &Identity { episode: 2, ..identity() }), None);
    }
}
