//! What concerns more than one table: defaults that come from elsewhere, ids that must be unique or exist.
//!
//! Works on the layered values before they are typed, so that a mistake in one table hides none of these.

use std::collections::BTreeSet;

use config::{Map, Value, ValueKind};

use super::kind::read_list;
use super::nearest::nearest;
use super::section::{find_id, one_of};

/// The tables of the list `name`, in order; anything else is left out.
pub(super) fn tables_mut<'v>(
    values: &'v mut Map<String, Value>,
    name: &str,
) -> impl Iterator<Item = &'v mut Map<String, Value>> {
    let tables = match values.get_mut(name).map(|list| &mut list.kind) {
        Some(ValueKind::Array(tables)) => tables.as_mut_slice(),
        _ => &mut [],
    };
    tables.iter_mut().filter_map(|table| match &mut table.kind {
        ValueKind::Table(table) => Some(table),
        _ => None,
    })
}

/// Adds to every table of a list the defaults that it does not set.
pub(super) fn fill_list(values: &mut Map<String, Value>, name: &str, defaults: &Map<String, Value>) {
    for table in tables_mut(values, name) {
        for (key, value) in defaults {
            table.entry(key.clone()).or_insert_with(|| value.clone());
        }
    }
}

/// A source that names no sites may be seen by all that may install, if these are named one by one.
pub(super) fn fill_sites(values: &mut Map<String, Value>) {
    let connect = values.get("connect").and_then(|connect| connect.clone().into_table().ok());
    let Some(all) = connect.and_then(|mut connect| read_list(connect.remove("sites")?).ok()) else { return };
    if all.iter().any(|site| site.contains('*')) {
        return;
    }
    let sites = Value::new(Some(&"connect.sites".to_owned()), all);
    for source in tables_mut(values, "sources") {
        source.entry("sites".to_owned()).or_insert_with(|| sites.clone());
    }
}

/// A project that has no other name is called by its key.
pub(super) fn fill_ids(values: &mut Map<String, Value>) {
    for table in tables_mut(values, "jira_issues").filter(|table| !table.contains_key("id")) {
        let Some(project) = table.get("project").and_then(|project| project.clone().into_string().ok())
        else {
            continue;
        };
        let id = project.trim().to_lowercase().replace('_', "-");
        table.insert("id".to_owned(), Value::new(Some(&"project".to_owned()), id));
    }
}

/// Lists of tables that are destinations, so that their ids must differ.
const DESTINATIONS: [&str; 2] = ["destinations", "jira_issues"];

/// Whether the ids of each list are unique, and the sources exist that destinations name.
pub(super) fn check_ids(values: &mut Map<String, Value>, problems: &mut Vec<String>) {
    let mut sources = BTreeSet::new();
    note_ids(values, "sources", &mut sources, problems);
    let mut destinations = BTreeSet::new();
    for list in DESTINATIONS {
        note_ids(values, list, &mut destinations, problems);
        check_sources(values, list, &sources, problems);
    }
}

fn check_sources(
    values: &mut Map<String, Value>,
    list: &str,
    sources: &BTreeSet<String>,
    problems: &mut Vec<String>,
) {
    let one = one_of(list);
    let known: Vec<&str> = sources.iter().map(String::as_str).collect();
    for destination in tables_mut(values, list) {
        let itself = find_id(destination).unwrap_or_default();
        let named = destination.get("sources").cloned().and_then(|value| read_list(value).ok());
        for id in named.unwrap_or_default().iter().filter(|id| !sources.contains(*id)) {
            let hint = match (nearest(id, &known), known.is_empty()) {
                (Some(near), _) => format!("did you mean {near:?}?"),
                (None, true) => "there is no source yet".to_owned(),
                (None, false) => format!("the sources are: {}", known.join(", ")),
            };
            problems.push(format!("{one} {itself:?}: sources: {id:?} is not the id of a source; {hint}"));
        }
    }
}

fn note_ids(
    values: &mut Map<String, Value>,
    name: &str,
    ids: &mut BTreeSet<String>,
    problems: &mut Vec<String>,
) {
    let one = one_of(name);
    for id in tables_mut(values, name).filter_map(|table| find_id(table)) {
        if !ids.insert(id.clone()) {
            let other = if one == "source" { one } else { "destination" };
            problems.push(format!("{one} {id:?}: id: is already the id of another {other}"));
        }
    }
}

/// A source is polled at an interval or by a cron expression: `poll` replaces the default interval.
pub(super) fn choose_polls(values: &mut Map<String, Value>, problems: &mut Vec<String>) {
    for source in tables_mut(values, "sources").filter(|source| source.contains_key("poll")) {
        let interval = source.remove("poll_interval");
        if interval.is_some_and(|interval| interval.origin().is_some()) {
            let id = find_id(source).unwrap_or_default();
            problems.push(format!("source {id:?}: poll: is given beside poll_interval; keep one of them"));
        }
    }
}
