//! Searches in the containers of a source, by example and against a search that checks one container at a
//! time; and containers that change in parts, against those that are laid out at once.

use proptest::prelude::*;

use std::sync::Arc;

use super::*;
use crate::clock::from_millis;
use crate::config::{SourceConfig, WorkspaceMode};
use crate::domain::{Component, SourceId};
use crate::sources::{BuildContext, build};

fn source() -> SourceRuntime {
    let mut config = SourceConfig::new(SourceId::parse("pd").unwrap(), "pagerduty").unwrap();
    config.workspaces = WorkspaceMode::Teams;
    let adapter = build(BuildContext { config: config.clone(), http: reqwest::Client::new() }).unwrap();
    let url = url::Url::parse("https://example.com").unwrap();
    let profile = crate::destinations::SourceProfile::new(config.id.clone(), url.clone(), &url);
    SourceRuntime { audience: Vec::new(), config, adapter, profile, signals: Arc::default() }
}

fn container(id: usize, name: &str, teams: &[&str]) -> Container {
    let provider_id = format!("P{id}");
    Container {
        source: "pd".to_owned(),
        id: EntityId::from_text(format!("pd:{provider_id}")),
        workspace: teams.iter().min().copied().unwrap_or("account").to_owned(),
        component: Component {
            provider_id,
            name: name.to_owned(),
            description: String::new(),
            url: String::new(),
            avatar_url: None,
            tier: None,
            component_type: None,
            updated_at: from_millis(0),
            workspaces: teams.iter().map(|team| (*team).to_owned()).collect(),
        },
        updated_at: from_millis(0),
    }
}

fn all(listed: &[Container]) -> Containers {
    let mut containers = Containers::default();
    let items = containers.prepare(&source(), listed);
    containers.with_all(items)
}

fn containers(names: &[&str]) -> Containers {
    let containers: Vec<_> = names.iter().enumerate().map(|(id, name)| container(id, name, &[])).collect();
    all(&containers)
}

fn name_of(found: &Found<'_>) -> String {
    let json: serde_json::Value = serde_json::from_str(found.hit.json()).unwrap();
    assert_eq!(json["id"], found.id);
    json["name"].as_str().unwrap().to_owned()
}

fn find(containers: &Containers, text: &str) -> Vec<String> {
    let query = Query::new(text);
    containers.search(&query, None, None, 10).map(|found| name_of(&found)).collect()
}

#[test]
fn names_that_start_with_the_text_come_before_names_that_contain_it() {
    let containers = containers(&["Web API", "Ledger", "API gateway", "api", "Billing api"]);
    assert_eq!(find(&containers, "api"), ["api", "API gateway", "Billing api", "Web API"]);
    assert_eq!(find(&containers, "kafka"), Vec::<String>::new());
}

#[test]
fn a_text_that_lies_across_two_names_finds_neither() {
    let containers = containers(&["aab", "bcc", "xabbcy"]);
    assert_eq!(find(&containers, "bb"), ["xabbcy"]);
    assert_eq!(find(&containers, "abbc"), ["xabbcy"]);
}

#[test]
fn a_container_is_found_in_each_of_its_workspaces_and_in_no_other() {
    let containers = [container(1, "Checkout", &["T1", "T2"]), container(2, "Cart", &["T2"])];
    let containers = all(&containers);
    let names = |workspace: &str| {
        let query = Query::new("c");
        let found = containers.search(&query, Some(workspace), None, 10);
        found.map(|found| name_of(&found)).collect::<Vec<_>>()
    };
    assert_eq!(names("pd:T1"), ["Checkout"]);
    assert_eq!(names("pd:T2"), ["Cart", "Checkout"]);
    assert_eq!(names("other:T1"), Vec::<String>::new());
}

/// The same search, one container at a time.
fn search_slowly(names: &[String], text: &str) -> Vec<(u8, String, String)> {
    let rank = |name: &str| name.find(text).map(|at| u8::from(at > 0));
    let names = names.iter().enumerate().map(|(id, name)| (name.to_lowercase(), format!("pd:P{id}")));
    let mut found: Vec<_> = names.filter_map(|(name, id)| Some((rank(&name)?, name, id))).collect();
    found.sort();
    found
}

proptest! {
    #[test]
    fn pages_put_together_are_what_a_search_one_by_one_finds(
        names in prop::collection::vec("[abAÄß]{1,5}", 0..30),
        text in "[abäß]{0,3}",
        limit in 1..5_usize,
    ) {
        let containers = containers(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let query = Query::new(&text);
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let page: Vec<_> = containers.search(&query, None, after.as_ref(), limit).collect();
            let Some(last) = page.last() else { break };
            let next = SearchPosition::from(last);
            found.extend(page.iter().map(|found| (found.rank, found.name.to_owned(), found.id.to_owned())));
            after = Some(next);
        }
        prop_assert_eq!(found, search_slowly(&names, &text));
    }

}

proptest! {
    // Each case is a story of many steps, each of which lays everything out anew.
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn containers_that_change_in_parts_are_found_as_if_they_were_laid_out_at_once(
        story in prop::collection::vec(prop::collection::vec(change(), 1..12), 1..40),
    ) {
        let (mut parts, mut now) = (Containers::default(), BTreeMap::new());
        for changes in story {
            let mut ids = BTreeSet::new();
            for (id, name) in changes {
                ids.insert(EntityId::from_text(format!("pd:P{id}")));
                let team = ["T1", "T2"][id % 2];
                now.insert(id, name.map(|name| container(id, &name, &[team])));
            }
            let listed: Vec<_> = now.values().flatten().filter(|it| ids.contains(&it.id)).cloned().collect();
            parts = parts.changed(&source(), &ids, &listed);
            let whole = all(&now.values().flatten().cloned().collect::<Vec<_>>());
            for (text, workspace) in [("", None), ("a", None), ("ab", Some("pd:T1")), ("b", Some("pd:T2"))] {
                prop_assert_eq!(page_through(&parts, text, workspace), page_through(&whole, text, workspace));
            }
        }
    }
}

/// One of a few containers gets a name, or goes.
fn change() -> impl Strategy<Value = (usize, Option<String>)> {
    (0..150_usize, prop::option::weighted(0.8, "[ab]{1,3}"))
}

/// All pages, as the directory puts them together.
fn page_through(containers: &Containers, text: &str, workspace: Option<&str>) -> Vec<(u8, String, String)> {
    const LIMIT: usize = 3;
    let query = Query::new(text);
    let (mut pages, mut after) = (Vec::new(), None);
    loop {
        let mut page: Vec<_> = containers.search(&query, workspace, after.as_ref(), LIMIT).collect();
        page.sort_by(|a, b| a.order().cmp(&b.order()));
        page.truncate(LIMIT);
        let Some(last) = page.last() else { return pages };
        let next = SearchPosition::from(last);
        pages.extend(page.iter().map(|found| (found.rank, name_of(found), found.id.to_owned())));
        after = Some(next);
    }
}
