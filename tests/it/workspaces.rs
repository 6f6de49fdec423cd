//! Workspaces by account or by team: which entity belongs where, and what happens when the configuration or
//! the tool changes that.

use incident_bridge::config::WorkspaceMode;
use incident_bridge::simulator::EntityKind as Kind;
use serde_json::{Value, json};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::harness::pagerduty::incident;
use crate::harness::{Bridge, Setup, start_time};

const DAY: i64 = 24 * 3600;

/// PagerDuty with these teams; the first of them has an incident, and another one has none.
async fn start_pagerduty(teams: &[&str]) -> MockServer {
    let server = MockServer::start().await;
    let team = |id: &&str| json!({ "id": id, "type": "team", "name": format!("Team {id}"), "summary": format!("Team {id}") });
    let teams: Vec<Value> = teams.iter().map(team).collect();
    let mut of_team = incident("Q1", "Checkout is down", "triggered", "PCHECKOUT", start_time());
    of_team["teams"] = json!(teams[..teams.len().min(1)]);
    let mut incidents = vec![of_team, incident("Q2", "Nobody's", "triggered", "PCHECKOUT", start_time())];
    for incident in &mut incidents {
        incident["updated_at"] = "2026-09-14T08:00:00Z".into();
    }
    for (at, body) in [
        ("/services", json!({ "services": [], "more": false })),
        ("/priorities", json!({ "priorities": [] })),
        ("/teams", json!({ "teams": teams, "more": false })),
        ("/incidents", json!({ "incidents": incidents, "more": false, "total": 2 })),
    ] {
        let answer = ResponseTemplate::new(200).set_body_json(body);
        Mock::given(method("GET")).and(path(at)).respond_with(answer).mount(&server).await;
    }
    server
}

async fn start_bridge(server: &MockServer, mode: &str) -> Bridge {
    let sources = format!(
        "[[sources]]\nid = \"pd\"\ntype = \"pagerduty\"\nwebhook_secrets = [\"secret\"]\nworkspaces = \"{mode}\"\n\
         api_token = \"rest-token\"\napi_url = \"{}\"\n",
        server.uri()
    );
    let bridge = Setup::default().sources(&sources).start().await;
    bridge.install().await;
    poll(&bridge).await;
    bridge
}

async fn poll(bridge: &Bridge) {
    let source = bridge.engine.registry().find("pd").expect("it is configured").clone();
    bridge.engine.inbound().poll(&source, |_, _| {}).await.expect("the store works");
    bridge.settle_after(5).await;
}

async fn nightly(bridge: &Bridge) {
    bridge.engine.run_nightly().await.expect("the store works");
    bridge.settle_after(5).await;
}

/// The workspaces linked with the site, and the one that the incident was sent with.
fn seen(bridge: &Bridge, incident: &str) -> (Vec<String>, String) {
    let linked = bridge.jira().linked_workspaces().into_iter().collect();
    let held = bridge.jira().find_stored(Kind::Incident, incident).expect("the incident is there");
    (linked, held.properties["workspace"].clone())
}

#[tokio::test]
async fn each_team_is_a_workspace_and_the_account_holds_what_names_none() {
    let server = start_pagerduty(&["PT1", "PT2"]).await;
    let bridge = start_bridge(&server, "teams").await;
    let all = ["pd:PT1", "pd:PT2", "pd:account"].map(str::to_owned).to_vec();
    assert_eq!(seen(&bridge, "pd:Q1"), (all.clone(), "pd:PT1".to_owned()));
    assert_eq!(seen(&bridge, "pd:Q2"), (all, "pd:account".to_owned()));
    bridge.finish().await;
}

#[tokio::test]
async fn incidents_move_when_teams_are_kept_apart_no_more_and_the_teams_go_after_the_grace_period() {
    let server = start_pagerduty(&["PT1", "PT2"]).await;
    let mut bridge = start_bridge(&server, "teams").await;
    let before = bridge.delivery("pd:Q1").await.wanted;
    let untouched = bridge.delivery("pd:Q2").await.wanted;
    bridge.config.sources[0].workspaces = WorkspaceMode::Account;
    bridge.restart().await;
    nightly(&bridge).await;
    let (linked, workspace) = seen(&bridge, "pd:Q1");
    assert_eq!(workspace, "pd:account");
    assert_eq!(linked.len(), 3, "a mistake must not cost the links at once");
    assert!(bridge.delivery("pd:Q1").await.wanted > before);
    assert_eq!(bridge.delivery("pd:Q2").await.wanted, untouched, "it stood there already");
    let planned = bridge.engine.outbound().plan_removals().await.expect("the store works");
    let planned = planned.iter().map(|removal| removal.workspace.as_ref().expect("one workspace").as_str());
    assert_eq!(planned.collect::<Vec<_>>(), ["pd:PT1", "pd:PT2"]);
    bridge.advance(DAY);
    nightly(&bridge).await;
    assert_eq!(seen(&bridge, "pd:Q1"), (vec!["pd:account".to_owned()], "pd:account".to_owned()));
    // And back: what moved once moves again, with a higher version.
    let there = bridge.delivery("pd:Q1").await.wanted;
    bridge.config.sources[0].workspaces = WorkspaceMode::Teams;
    bridge.restart().await;
    bridge.advance(DAY);
    poll(&bridge).await;
    assert_eq!(seen(&bridge, "pd:Q1").1, "pd:PT1");
    assert!(seen(&bridge, "pd:Q1").0.contains(&"pd:PT1".to_owned()));
    assert!(bridge.delivery("pd:Q1").await.wanted > there);
    bridge.finish().await;
}

#[tokio::test]
async fn a_team_that_the_tool_dissolves_is_unlinked_and_its_incidents_stay() {
    let server = start_pagerduty(&["PT1", "PT2"]).await;
    let bridge = start_bridge(&server, "teams").await;
    server.reset().await;
    let teams = json!({ "teams": [{ "id": "PT2", "type": "team", "name": "Team PT2" }], "more": false });
    for (at, body) in [
        ("/services", json!({ "services": [], "more": false })),
        ("/priorities", json!({ "priorities": [] })),
        ("/teams", teams),
        ("/incidents", json!({ "incidents": [], "more": false, "total": 0 })),
    ] {
        let answer = ResponseTemplate::new(200).set_body_json(body);
        Mock::given(method("GET")).and(path(at)).respond_with(answer).mount(&server).await;
    }
    bridge.advance(2 * 3600);
    poll(&bridge).await;
    nightly(&bridge).await;
    bridge.advance(DAY);
    nightly(&bridge).await;
    let linked: Vec<String> = bridge.jira().linked_workspaces().into_iter().collect();
    assert_eq!(linked, ["pd:PT2", "pd:account"]);
    assert!(bridge.jira().incident("pd:Q1").is_some());
    bridge.finish().await;
}
