//! What Jira asks while people use it: workspaces, containers, associations, reviews.

use incident_bridge::domain::{DestinationId, EntityId};
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::pagerduty::triggered;
use crate::harness::{Bridge, Setup};

/// One source for each of two sites.
const SEPARATE: &str = r#"
[[sources]]
id = "pd"
type = "pagerduty"
sites = ["{site0}"]
webhook_secrets = ["pagerduty-signs-with-this"]
[[sources]]
id = "am"
type = "alertmanager"
sites = ["{site1}"]
webhook_token = "alertmanager-token"
"#;

async fn with_services(names: &[(&str, &str)]) -> Bridge {
    let bridge = Bridge::installed().await;
    for (n, (id, name)) in names.iter().enumerate() {
        let body = bridge.service_event(&format!("Q{n}"), id, name);
        let signature = crate::harness::pagerduty::sign(&body);
        let answer = bridge.post_webhook("pd", body, &[("X-PagerDuty-Signature", &signature)]).await;
        assert_eq!(answer.status, 202, "{answer:?}");
    }
    bridge.settle().await;
    bridge
}

fn names(answer: &Value) -> Vec<&str> {
    let containers = answer["containers"].as_array().expect("a list of containers");
    containers.iter().map(|container| container["name"].as_str().expect("a name")).collect()
}

async fn search(bridge: &Bridge, query: &str, workspace: Option<&str>) -> Value {
    let answer = bridge.jira().search_containers(query, workspace).await.expect("an answer");
    assert_eq!((answer.status, &answer.problems), (200, &Vec::new()), "{:?}", answer.body);
    answer.body
}

#[tokio::test]
async fn workspaces_get_their_names_and_unknown_ones_are_left_out() {
    let bridge = Bridge::installed().await;
    let asked = ["gen:account", "nobody:account", "pd:account"];
    let answer = bridge.jira().fetch_workspaces(&asked).await.expect("an answer");
    assert_eq!((answer.status, &answer.problems), (200, &Vec::new()));
    let workspaces = answer.body["workspaces"].as_array().expect("a list");
    let ids: Vec<&Value> = workspaces.iter().map(|workspace| &workspace["id"]).collect();
    assert_eq!(ids, ["gen:account", "pd:account"]);
    assert_eq!(workspaces[1]["name"], "pd");
    bridge.finish().await;
}

#[tokio::test]
async fn a_site_never_sees_workspaces_or_containers_of_another() {
    let bridge = Setup::default().sites(2).sources(SEPARATE).start().await;
    let first = bridge.install_on(0).await;
    bridge.install_on(1).await;
    bridge.pagerduty(&triggered("Q1")).await;
    bridge.settle().await;
    let asked = ["pd:account", "am:account"];
    for (site, own) in [(0, "pd:account"), (1, "am:account")] {
        let answer = bridge.sites[site].fetch_workspaces(&asked).await.expect("an answer");
        let workspaces = answer.body["workspaces"].as_array().expect("a list");
        assert_eq!(workspaces.len(), 1);
        assert_eq!(workspaces[0]["id"], own);
    }
    let answer = bridge.sites[1].search_containers("", None).await.expect("an answer");
    let ids: Vec<&Value> =
        answer.body["containers"].as_array().expect("a list").iter().map(|c| &c["id"]).collect();
    assert!(ids.iter().all(|id| id.as_str().is_some_and(|id| id.starts_with("am:"))), "{ids:?}");
    let answer = bridge.sites[1].search_containers("", Some("pd:account")).await.expect("an answer");
    assert_eq!(answer.body["containers"], json!([]));

    // An association with an incident of the other site is acknowledged but not kept.
    let answer = bridge.sites[1].associate("pd:Q1", "10001").await.expect("an answer");
    assert_eq!(answer.status, 200);
    let store = bridge.engine.store();
    let kept =
        store.entities().list_associations_of(&EntityId::from_text("pd:Q1")).await.expect("the store works");
    assert!(kept.is_empty());
    let own = store
        .entities()
        .list_associations(&DestinationId(first.client_key), &EntityId::from_text("pd:Q1"))
        .await;
    assert!(own.expect("the store works").is_empty());
    bridge.finish().await;
}

#[tokio::test]
async fn a_search_ignores_case_and_ranks_what_starts_with_the_text_first() {
    let bridge = with_services(&[
        ("P1", "Web checkout"),
        ("P2", "CHECKOUT API"),
        ("P3", "checkout worker"),
        ("P4", "Billing"),
    ])
    .await;
    assert_eq!(
        names(&search(&bridge, "ChEcK", None).await),
        ["CHECKOUT API", "checkout worker", "Web checkout"]
    );
    assert_eq!(names(&search(&bridge, "  bill ", None).await), ["Billing"]);
    assert_eq!(names(&search(&bridge, "nothing like it", None).await), Vec::<&str>::new());
    assert_eq!(names(&search(&bridge, "", None).await).len(), 7, "four services and three fallbacks");
    bridge.finish().await;
}

#[tokio::test]
async fn a_search_can_be_limited_to_a_workspace() {
    let bridge = with_services(&[("P1", "Checkout")]).await;
    assert_eq!(names(&search(&bridge, "", Some("pd:account")).await), ["Checkout", "Unassigned"]);
    assert_eq!(names(&search(&bridge, "", Some("gen:account")).await), ["Unassigned"]);
    assert_eq!(names(&search(&bridge, "", Some("nobody:account")).await), Vec::<&str>::new());
    bridge.finish().await;
}

#[tokio::test]
async fn a_long_search_comes_in_pages_without_gap_or_repetition() {
    let services: Vec<(String, String)> =
        (0..23).map(|n| (format!("P{n}"), format!("Service {}", n % 7))).collect();
    let services: Vec<(&str, &str)> = services.iter().map(|(id, name)| (&**id, &**name)).collect();
    let bridge = with_services(&services).await;
    let site = bridge.jira().find_installation().expect("it is installed");
    let (mut seen, mut cursor) = (Vec::new(), None);
    for _ in 0..10 {
        let mut target = "/jira/containers/search?searchQuery=service&limit=5".to_owned();
        if let Some(cursor) = &cursor {
            target = format!("{target}&cursor={cursor}");
        }
        let answer = bridge.call(&site, Method::GET, &target, None).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let page = answer.body["containers"].as_array().expect("a list");
        assert!(page.len() <= 5);
        seen.extend(page.iter().map(|container| container["id"].as_str().expect("an id").to_owned()));
        cursor = answer.body["cursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), 23);
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 23);
    for bad in ["/jira/containers/search?cursor=nonsense", "/jira/containers/search?limit=many"] {
        assert_eq!(bridge.call(&site, Method::GET, bad, None).await.status, 400, "{bad}");
    }
    bridge.finish().await;
}

#[tokio::test]
async fn an_association_is_kept_and_stands_in_the_timeline() {
    let bridge = Bridge::installed().await;
    bridge.pagerduty(&triggered("Q1")).await;
    bridge.settle().await;
    let site = DestinationId(bridge.jira().find_installation().expect("it is installed").client_key);
    let id = EntityId::from_text("pd:Q1");
    assert_eq!(bridge.jira().associate("pd:Q1", "10001").await.expect("an answer").status, 200);
    let kept = async || {
        bridge.engine.store().entities().list_associations(&site, &id).await.expect("the store works")
    };
    assert_eq!(kept().await, ["10001"]);
    assert!(bridge.events("pd:Q1").await.contains(&"associated".to_owned()));
    assert_eq!(bridge.jira().disassociate("pd:Q1", "10001").await.expect("an answer").status, 200);
    assert_eq!(kept().await, Vec::<String>::new());
    assert_eq!(bridge.events("pd:Q1").await.last().map(String::as_str), Some("disassociated"));
    bridge.finish().await;
}

#[tokio::test]
async fn associations_are_taken_in_every_form_in_which_jira_may_tell_them() {
    let bridge = Bridge::installed().await;
    bridge.pagerduty(&triggered("Q1")).await;
    bridge.settle().await;
    let site = bridge.jira().find_installation().expect("it is installed");
    let target = "/jira/entities/associated";
    for (method, body) in [
        (Method::POST, json!({ "entity": { "id": "pd:Q1" }, "associatedWith": { "id": "1" } })),
        (
            Method::PUT,
            json!({ "entity": { "id": "pd:Q1" }, "associateWith": { "ari": "ari:cloud:jira:x:issue/2" } }),
        ),
    ] {
        assert_eq!(bridge.call(&site, method, target, Some(&body)).await.status, 200);
    }
    for body in [json!({ "entity": { "id": "pd:Q1" }, "associatedWith": {} }), json!([])] {
        assert_eq!(bridge.call(&site, Method::POST, target, Some(&body)).await.status, 400);
    }
    let (key, id) = (DestinationId(site.client_key.clone()), EntityId::from_text("pd:Q1"));
    let kept = bridge.engine.store().entities().list_associations(&key, &id).await.expect("the store works");
    assert_eq!(kept, ["1", "ari:cloud:jira:x:issue/2"]);
    bridge.finish().await;
}

#[tokio::test]
async fn associations_are_bounded_in_size_and_need_an_entity() {
    let bridge = Bridge::installed().await;
    bridge.pagerduty(&triggered("Q1")).await;
    bridge.settle().await;
    let site = bridge.jira().find_installation().expect("it is installed");
    let tell = async |entity: &str, issue: &str| {
        let body = json!({ "entity": { "id": entity }, "associatedWith": { "id": issue } });
        bridge.call(&site, Method::POST, "/jira/entities/associated", Some(&body)).await.status
    };
    let kept = async |id: &str| {
        let entities = bridge.engine.store().entities();
        entities.list_associations_of(&EntityId::from_text(id)).await.expect("the store works").len()
    };
    assert_eq!(tell("pd:nobody-has-reported-this", "1").await, 200);
    assert_eq!(kept("pd:nobody-has-reported-this").await, 0);
    assert!(bridge.events("pd:nobody-has-reported-this").await.is_empty());
    assert_eq!(tell("pd:Q1", &"1".repeat(1025)).await, 400);
    assert_eq!(tell(&format!("pd:{}", "Q".repeat(1025)), "1").await, 400);
    assert_eq!(kept("pd:Q1").await, 0);
    assert_eq!(tell("pd:Q1", &"1".repeat(1024)).await, 200);
    assert_eq!(kept("pd:Q1").await, 1);
    bridge.finish().await;
}

#[tokio::test]
async fn a_disabled_site_gets_no_answers() {
    let bridge = Bridge::installed().await;
    bridge.jira().disable().await.expect("it is installed");
    assert_eq!(bridge.jira().search_containers("", None).await.expect("an answer").status, 401);
    bridge.jira().enable().await.expect("it is installed");
    assert_eq!(bridge.jira().search_containers("", None).await.expect("an answer").status, 200);
    bridge.finish().await;
}
