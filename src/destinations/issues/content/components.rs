//! Affected components of an incident as components of a project.
//!
//! Must never create a component, never take one away that people put there, and never put one back that they took away.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::screen::{Named, is_same_name};

/// What the project has for the tool's names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Matched {
    pub found: Vec<Named>,
    /// Names that the project has not, or more than once.
    pub unmatched: Vec<String>,
}

/// The project's components of these names, whatever the case; a name must fit exactly one.
#[must_use]
pub fn match_components(names: &[String], offered: &[Named]) -> Matched {
    let mut matched = Matched::default();
    for name in names {
        let mut hits = offered.iter().filter(|component| is_same_name(&component.name, name));
        match (hits.next(), hits.next()) {
            (Some(hit), None) if !matched.found.contains(hit) => matched.found.push(hit.clone()),
            (Some(_), None) => {}
            _ => matched.unmatched.push(name.clone()),
        }
    }
    matched
}

/// How the field changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ComponentChange {
    /// Operations of `update.components`; empty if there is nothing to do.
    pub operations: Vec<Value>,
    /// Ids that we answer for afterwards: those that we added, whether or not people have taken them away since.
    pub ours: BTreeSet<String>,
}

/// From what is there (`current`) to what the tool says (`wanted`); `ours` are the ids that we added before.
#[must_use]
pub fn change_components(
    wanted: &BTreeSet<String>,
    ours: &BTreeSet<String>,
    current: &BTreeSet<String>,
) -> ComponentChange {
    let added: BTreeSet<&String> = wanted.difference(current).filter(|id| !ours.contains(*id)).collect();
    let removed = ours.difference(wanted).filter(|id| current.contains(*id));
    let add = added.iter().map(|id| json!({ "add": { "id": id } }));
    let operations = add.chain(removed.map(|id| json!({ "remove": { "id": id } }))).collect();
    let kept = ours.intersection(wanted);
    ComponentChange { operations, ours: kept.chain(added.iter().copied()).cloned().collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer() -> Vec<Named> {
        let named = |(id, name): (&str, &str)| Named { id: id.to_owned(), name: name.to_owned() };
        [("1", "Checkout"), ("2", "Search"), ("3", "search"), ("4", "API")].map(named).to_vec()
    }

    fn ids(ids: &[&str]) -> BTreeSet<String> {
        ids.iter().map(|id| (*id).to_owned()).collect()
    }

    fn change(wanted: &[&str], ours: &[&str], current: &[&str]) -> (String, Vec<String>) {
        let change = change_components(&ids(wanted), &ids(ours), &ids(current));
        (json!(change.operations).to_string(), change.ours.into_iter().collect())
    }

    #[test]
    fn a_name_must_fit_exactly_one_component() {
        let names = ["checkout ", "CHECKOUT", "Search", "Billing", "api"].map(str::to_owned);
        let matched = match_components(&names, &offer());
        assert_eq!(matched.found.iter().map(|c| c.id.as_str()).collect::<Vec<_>>(), ["1", "4"]);
        assert_eq!(matched.unmatched, ["Search", "Billing"]);
    }

    #[test]
    fn only_what_we_added_is_taken_away() {
        assert_eq!(
            change(&["2"], &["1"], &["1", "9"]),
            (r#"[{"add":{"id":"2"}},{"remove":{"id":"1"}}]"#.to_owned(), vec!["2".to_owned()])
        );
        assert_eq!(change(&[], &[], &["9"]), ("[]".to_owned(), vec![]));
    }

    #[test]
    fn what_people_put_there_first_stays_theirs() {
        assert_eq!(change(&["1"], &[], &["1"]), ("[]".to_owned(), vec![]));
        assert_eq!(change(&[], &[], &["1"]), ("[]".to_owned(), vec![]));
    }

    #[test]
    fn what_people_took_away_is_not_put_back() {
        let (operations, ours) = change(&["1"], &["1"], &[]);
        assert_eq!((operations.as_str(), ours), ("[]", vec!["1".to_owned()]));
        assert_eq!(change(&[], &["1"], &[]), ("[]".to_owned(), vec![]));
    }
}
