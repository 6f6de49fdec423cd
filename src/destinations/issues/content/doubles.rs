//! Finds several work items that stand for one incident, and which of them stays.
//!
//! Must never ask for a deletion: what is too much is marked.

use std::collections::BTreeMap;

use super::issue::Issue;
use super::workflow::Category;

/// One incident with more than one work item.
#[derive(Debug, Clone, PartialEq)]
pub struct Double {
    pub keep: Issue,
    /// The lowest id first.
    pub extra: Vec<Issue>,
}

/// The doubles among work items. `linked` are the ids that our rows name: such a one stays; else an open one rather than a
/// resolved one, and then the one with the lowest id. Work items of others are left alone.
#[must_use]
pub fn find_doubles(issues: Vec<Issue>, linked: impl Fn(&Issue) -> bool) -> Vec<Double> {
    let mut by_identity: BTreeMap<String, Vec<Issue>> = BTreeMap::new();
    for issue in issues {
        if let Some(identity) = issue.identity() {
            let same = by_identity.entry(identity.digest()).or_default();
            // One search may give an issue twice, when it changes between two pages.
            if !same.iter().any(|known| known.id == issue.id) {
                same.push(issue);
            }
        }
    }
    let several = by_identity.into_values().filter(|same| same.len() > 1);
    several
        .filter_map(|mut same| {
            same.sort_by_key(|issue| {
                (!linked(issue), issue.category() == Some(Category::Done), issue.numeric_id())
            });
            let mut same = same.into_iter();
            let keep = same.next()?;
            let mut extra: Vec<Issue> = same.collect();
            extra.sort_by_key(Issue::numeric_id);
            Some(Double { keep, extra })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::destinations::issues::content::identity::Identity;
    use crate::destinations::issues::content::identity::tests::identity;

    fn issue(id: u64, category: &str, identity: &Identity) -> Issue {
        Issue::read(&json!({
            "id": id.to_string(), "key": format!("OPS-{id}"),
            "fields": { "status": { "statusCategory": { "key": category } } },
            "properties": { "incident-bridge": identity.to_value() },
        }))
        .unwrap()
    }

    fn doubles(issues: Vec<Issue>, linked: &str) -> Vec<(String, Vec<String>)> {
        let found = find_doubles(issues, |issue| issue.id == linked);
        let ids = |issues: Vec<Issue>| issues.into_iter().map(|issue| issue.id).collect();
        found.into_iter().map(|double| (double.keep.id, ids(double.extra))).collect()
    }

    fn expect(keep: &str, extra: &[&str]) -> Vec<(String, Vec<String>)> {
        vec![(keep.to_owned(), extra.iter().map(|id| (*id).to_owned()).collect())]
    }

    #[test]
    fn the_linked_one_stays_else_an_open_one_else_the_lowest() {
        let three = || {
            vec![issue(11, "new", &identity()), issue(9, "done", &identity()), issue(10, "new", &identity())]
        };
        assert_eq!(doubles(three(), "9"), expect("9", &["10", "11"]));
        assert_eq!(doubles(three(), ""), expect("10", &["9", "11"]));
        let done = vec![issue(100, "done", &identity()), issue(99, "done", &identity())];
        assert_eq!(doubles(done, ""), expect("99", &["100"]));
    }

    #[test]
    fn different_episodes_and_work_items_of_others_are_no_doubles() {
        let later = Identity { episode: 2, ..identity() };
        let stranger = Issue::read(&json!({ "id": "3" })).unwrap();
        let issues = vec![issue(1, "new", &identity()), issue(2, "new", &later), stranger.clone(), stranger];
        assert_eq!(doubles(issues, ""), vec![]);
        assert_eq!(doubles(vec![issue(1, "new", &identity()), issue(1, "new", &identity())], ""), vec![]);
    }
}
