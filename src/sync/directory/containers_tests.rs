//! Searches in a catalogue, by example and against a search that looks at one container at a time.

use proptest::prelude::*;

use super::*;
use crate::clock::from_millis;
use crate::config::{SourceConfig, WorkspaceMode};
use crate::domain::{Component, SourceId};
use crate::sources::{BuildContext, build};

fn source() -> SourceRuntime {
    let mut config = SourceConfig::new(SourceId::parse("pd").unwrap(), "pagerduty");
    config.workspaces = WorkspaceMode::Teams;
    let http =
        crate::destinations::operations::client::http_client(std::time::Duration::from_secs(30)).unwrap();
    let source = build(BuildContext { config: config.clone(), http }).unwrap();
    let url = url::Url::parse("https://example.com").unwrap();
    let mapping = crate::destinations::MappingContext::new(config.id.clone(), url.clone(), &url);
    SourceRuntime {
        config,
        source,
        mapping,
        polling: tokio::sync::Mutex::default(),
        named: tokio::sync::Notify::default(),
    }
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

fn catalogue(names: &[&str]) -> Catalogue {
    let containers: Vec<_> = names.iter().enumerate().map(|(id, name)| container(id, name, &[])).collect();
    Catalogue::new(&source(), Vec::new(), &containers)
}

fn find(catalogue: &Catalogue, text: &str) -> Vec<String> {
    let query = Query::new(text);
    catalogue.search(&query, None, None, 10).map(|found| catalogue.hit(&found).name.clone()).collect()
}

#[test]
fn names_that_start_with_the_text_come_before_names_that_contain_it() {
    let catalogue = catalogue(&["Web API", "Ledger", "API gateway", "api", "Billing api"]);
    assert_eq!(find(&catalogue, "api"), ["api", "API gateway", "Billing api", "Web API"]);
    assert_eq!(find(&catalogue, "kafka"), Vec::<String>::new());
}

#[test]
fn a_text_that_lies_across_two_names_finds_neither() {
    let catalogue = catalogue(&["aab", "bcc", "xabbcy"]);
    assert_eq!(find(&catalogue, "bb"), ["xabbcy"]);
    assert_eq!(find(&catalogue, "abbc"), ["xabbcy"]);
}

#[test]
fn a_container_is_found_in_each_of_its_workspaces_and_in_no_other() {
    let containers = [container(1, "Checkout", &["T1", "T2"]), container(2, "Cart", &["T2"])];
    let catalogue = Catalogue::new(&source(), Vec::new(), &containers);
    let names = |workspace: &str| {
        let query = Query::new("c");
        let found = catalogue.search(&query, Some(workspace), None, 10);
        found.map(|found| catalogue.hit(&found).name.clone()).collect::<Vec<_>>()
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
        let catalogue = catalogue(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let query = Query::new(&text);
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let page: Vec<_> = catalogue.search(&query, None, after.as_ref(), limit).collect();
            let Some(last) = page.last() else { break };
            let next = SearchPosition::from(last);
            found.extend(page.iter().map(|found| (found.rank, found.name.to_owned(), found.id.to_owned())));
            after = Some(next);
        }
        prop_assert_eq!(found, search_slowly(&names, &text));
    }
}
