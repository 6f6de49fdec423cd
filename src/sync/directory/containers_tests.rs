//! Searches in the containers of a source, by example and against a search that checks one container at a
//! time.

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

fn containers(names: &[&str]) -> Containers {
    let containers: Vec<_> = names.iter().enumerate().map(|(id, name)| container(id, name, &[])).collect();
    Containers::new(&source(), Vec::new(), &containers)
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
    let containers = Containers::new(&source(), Vec::new(), &containers);
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
