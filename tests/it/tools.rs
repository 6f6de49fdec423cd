//! Several tools at once, each with its own signature: into one site, and one tool into two.

use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use crate::harness::pagerduty::triggered;
use crate::harness::place::command;
use crate::harness::{Bridge, Setup};

/// PagerDuty for both sites, the others for the first.
const THREE: &str = r#"
[[sources]]
id = "pd"
type = "pagerduty"
webhook_secrets = ["pagerduty-signs-with-this"]
[[sources]]
id = "inc"
type = "incident_io"
sites = ["{site0}"]
webhook_secrets = ["whsec_aW5jaWRlbnQtaW8tc2lnbnMtd2l0aC10aGlz"]
[[sources]]
id = "irm"
type = "grafana"
sites = ["{site0}"]
webhook_secrets = ["grafana-signs-with-this"]
"#;

const OF_INCIDENT_IO: &str = "inc:01JD0000000000000000000481";
const OF_GRAFANA: &str = "irm:219";

fn sign(key: &[u8], message: &[u8]) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message)
}

fn sample(provider: &str, file: &str) -> String {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/providers");
    std::fs::read_to_string(root.join(provider).join(file)).expect("the sample is there")
}

/// By Standard Webhooks, as incident.io signs.
async fn post_incident_io(bridge: &Bridge, key: &[u8]) -> u16 {
    let body = sample("incident_io", "webhook-incident-created.json");
    let at = bridge.clock.now().timestamp().to_string();
    let signature = BASE64.encode(sign(key, format!("msg_1.{at}.{body}").as_bytes()));
    let headers = [
        ("webhook-id", "msg_1"),
        ("webhook-timestamp", &at),
        ("webhook-signature", &format!("v1,{signature}")),
    ];
    bridge.post_webhook("inc", body, &headers).await.status
}

/// With `Gi-Signature`, as Grafana IRM signs: over the base64 of the body's hash.
async fn post_grafana(bridge: &Bridge, key: &[u8]) -> u16 {
    let body = sample("grafana", "irm-webhook-incident-created.json");
    let at = bridge.clock.now().timestamp().to_string();
    let hash = BASE64.encode(digest::digest(&digest::SHA256, body.as_bytes()));
    let signature = hex::encode(sign(key, format!("{hash}:{at}:v1").as_bytes()));
    bridge.post_webhook("irm", body, &[("Gi-Signature", &format!("t={at},v1={signature}"))]).await.status
}

/// Both sites installed, and an incident from each tool.
async fn start() -> Bridge {
    let bridge = Setup::default().sites(2).sources(THREE).start().await;
    for site in 0..2 {
        bridge.install_on(site).await;
    }
    // Each key is accepted for its own source only.
    assert_eq!(post_incident_io(&bridge, b"grafana-signs-with-this").await, 401);
    assert_eq!(post_grafana(&bridge, b"pagerduty-signs-with-this").await, 401);
    bridge.pagerduty(&triggered("Q1")).await;
    assert_eq!(post_incident_io(&bridge, b"incident-io-signs-with-this").await, 202);
    assert_eq!(post_grafana(&bridge, b"grafana-signs-with-this").await, 202);
    bridge.settle().await;
    bridge
}

fn ids(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["id"].as_str().expect("an id")).collect()
}

fn sources_of(ids: &[&str]) -> Vec<String> {
    let mut sources: Vec<String> =
        ids.iter().map(|id| id.split(':').next().unwrap_or_default().to_owned()).collect();
    sources.sort();
    sources.dedup();
    sources
}

#[tokio::test]
async fn three_tools_fill_one_site_and_one_of_them_fills_two() {
    let bridge = start().await;
    assert_eq!(ids(&bridge.sites[0].incidents()), [OF_INCIDENT_IO, OF_GRAFANA, "pd:Q1"]);
    assert_eq!(ids(&bridge.sites[1].incidents()), ["pd:Q1"]);
    let severities =
        bridge.sites[0].incidents().iter().map(|it| it["severity"]["level"].clone()).collect::<Vec<_>>();
    assert_eq!(severities, ["P2", "P1", "P2"]);
    for (site, sources) in [(0, vec!["inc", "irm", "pd"]), (1, vec!["pd"])] {
        assert_eq!(sources_of(&ids(&bridge.sites[site].components())), sources);
        let linked: Vec<String> = bridge.sites[site].linked_workspaces().into_iter().collect();
        assert_eq!(linked, sources.iter().map(|source| format!("{source}:account")).collect::<Vec<_>>());
    }
    // What one site did not accept delays no other.
    bridge.advance(60);
    bridge.sites[1].refuse("pd:Q1", "not this one");
    bridge.pagerduty(&triggered("Q1").resolved()).await;
    bridge.settle().await;
    assert_eq!(bridge.sites[0].incident("pd:Q1").expect("it is there")["status"], "resolved");
    assert_eq!(bridge.sites[1].incident("pd:Q1").expect("it is there")["status"], "open");
    bridge.finish().await;
}

#[tokio::test]
async fn what_jira_asks_is_answered_from_the_asking_sites_tools_only() {
    let bridge = start().await;
    let asked = ["inc:account", "irm:account", "pd:account"];
    for (site, own) in [(0, &asked[..]), (1, &asked[2..])] {
        let answer = bridge.sites[site].fetch_workspaces(&asked).await.expect("an answer");
        assert_eq!(ids(answer.body["workspaces"].as_array().expect("a list")), own);
        for workspace in asked {
            let answer = bridge.sites[site].search_containers("", Some(workspace)).await.expect("an answer");
            let found = answer.body["containers"].as_array().expect("a list");
            assert_eq!(!found.is_empty(), own.contains(&workspace), "site {site}: {workspace}");
        }
        let answer = bridge.sites[site].search_containers("checkout-api", None).await.expect("an answer");
        let found = sources_of(&ids(answer.body["containers"].as_array().expect("a list")));
        assert_eq!(found.is_empty(), site == 1, "incident.io's and Grafana's service: {found:?}");
    }
    bridge.finish().await;
}

#[tokio::test]
async fn the_operator_sees_each_incident_at_the_sites_that_may_have_it() {
    let bridge = start().await;
    let hosts: Vec<String> = bridge.sites.iter().map(|site| site.addr().to_string()).collect();
    let files = bridge.config_files();
    let say = async |arguments: &[&str]| {
        let mut all = arguments.to_vec();
        all.extend(files.iter().flat_map(|file| ["--config", file.as_str()]));
        let said = command(&all, None).await;
        assert_eq!(said.code, Some(0), "{said:?}");
        said.out
    };
    for (id, sites) in [(OF_INCIDENT_IO, [true, false]), (OF_GRAFANA, [true, false]), ("pd:Q1", [true, true])]
    {
        let story = say(&["explain", id]).await;
        let named = hosts.iter().map(|host| story.contains(host.as_str())).collect::<Vec<_>>();
        assert_eq!(named, sites, "{id}: {story}");
    }
    let rows: Value = serde_json::from_str(&say(&["installations", "--json"]).await).expect("JSON");
    let workspaces = |host: &String| {
        let row =
            rows["installations"].as_array().expect("a list").iter().find(|row| row["site"] == json!(host));
        row.expect("its line")["linked_workspaces"].clone()
    };
    assert_eq!((workspaces(&hosts[0]), workspaces(&hosts[1])), (json!(3), json!(1)), "{rows}");
    bridge.finish().await;
}
