//! A new configuration without a restart: what takes effect, what a mistake changes (nothing), who may ask for it,
//! and that no webhook notices.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};
use wiremock::Mock;
use wiremock::matchers::path;

use crate::harness::Bridge;
use crate::harness::pagerduty::{sign, triggered};
use crate::harness::place::{Place, SOURCE, command, read};
use crate::harness::program::eventually;
use crate::poll::{page, start_pagerduty};

/// Webhooks that are sent while the configuration changes again and again.
const SENDERS: usize = 4;

fn more(id: &str) -> String {
    format!(
        "[[sources]]\nid = \"{id}\"\ntype = \"alertmanager\"\nwebhook_token = \"{id}-token-of-enough-bytes\"\n"
    )
}

async fn alert(bridge: &Bridge, source: &str) -> u16 {
    let token = format!("Bearer {source}-token-of-enough-bytes");
    bridge.post_webhook(source, "{}", &[("Authorization", &token)]).await.status
}

#[tokio::test]
async fn sources_come_change_and_go_without_a_restart() {
    let bridge = Bridge::installed().await;
    let text = bridge.config_text();
    assert_eq!(alert(&bridge, "new").await, 404);
    let answer = bridge.reload(&format!("{text}{}", more("new"))).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(
        answer.body,
        json!({ "changed": ["sources.new"], "needs_restart": [], "warnings": answer.body["warnings"] })
    );
    assert_ne!(alert(&bridge, "new").await, 404);
    bridge.pagerduty(&triggered("Q1")).await;

    let other = text.replace(
        "[\"pagerduty-signs-with-this\"]",
        "[\"another-secret-of-pagerduty\", \"pagerduty-signs-with-this\"]",
    );
    let answer = bridge.reload(&other).await;
    assert_eq!(answer.body["changed"], json!(["sources.new", "sources.pd.webhook_secrets"]), "{answer:?}");
    assert_eq!(alert(&bridge, "new").await, 404);
    bridge.pagerduty(&triggered("Q2")).await;
    bridge.reload(&other.replace(", \"pagerduty-signs-with-this\"]", "]")).await;
    assert_eq!(bridge.post_pagerduty(&triggered("Q3")).await.status, 401);
    bridge.settle().await;
    for id in ["pd:Q1", "pd:Q2"] {
        assert!(bridge.jira().incident(id).is_some(), "{id}");
    }
    bridge.finish().await;
}

#[tokio::test]
async fn a_mistake_leaves_everything_as_it_was_and_each_is_told() {
    let bridge = Bridge::installed().await;
    let text = bridge.config_text();
    let wrong = text
        .replace("id = \"pd\"", "id = \"pdd\"\ncolour = 1")
        .replace("type = \"generic\"", "type = \"genric\"");
    let answer = bridge.reload(&wrong).await;
    assert_eq!(answer.status, 422, "{answer:?}");
    let problems = answer.body["problems"].to_string();
    assert!(problems.contains("colour") && problems.contains("genric"), "{problems}");
    bridge.pagerduty(&triggered("Q1")).await;
    bridge.tell_generic("G1", "It works").await;
    let answer = bridge.reload(&text).await;
    assert_eq!((answer.status, &answer.body["changed"]), (200, &json!([])), "{answer:?}");
    bridge.settle().await;
    assert!(bridge.jira().incident("pd:Q1").is_some());
    bridge.finish().await;
}

#[tokio::test]
async fn what_needs_a_restart_is_named_and_not_in_force() {
    let bridge = Bridge::installed().await;
    let text = bridge.config_text().replace("shutdown_grace = \"1s\"", "shutdown_grace = \"2s\"");
    let answer = bridge.reload(&text).await;
    assert_eq!(answer.body["needs_restart"], json!(["server.shutdown_grace"]), "{answer:?}");
    assert_eq!(answer.body["changed"], json!([]));
    bridge.finish().await;
}

#[tokio::test]
async fn a_site_may_install_as_soon_as_it_is_in_the_list() {
    let bridge = crate::harness::Setup::default().strangers(1).start().await;
    let (known, stranger) = (bridge.sites[0].addr().to_string(), bridge.sites[1].addr().to_string());
    assert!(bridge.sites[1].install(&bridge.base_url).await.is_err());
    let one = format!("sites = [\"{known}\"]\ninsecure");
    let text = bridge.config_text();
    assert!(text.contains(&one), "{text}");
    let answer =
        bridge.reload(&text.replace(&one, &format!("sites = [\"{known}\", \"{stranger}\"]\ninsecure"))).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    bridge.install_on(1).await;
    bridge.pagerduty(&triggered("Q1")).await;
    bridge.settle().await;
    assert!(bridge.sites[1].incident("pd:Q1").is_some(), "the sources without a list of their own follow");
    bridge.finish().await;
}

#[tokio::test]
async fn the_key_is_rotated_without_a_restart() {
    let bridge = Bridge::installed().await;
    let text = bridge.config_text();
    let old = text.lines().find_map(|line| line.strip_prefix("key = ")).expect("it has a key").to_owned();
    let new = "\"MTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTE=\"";
    let rotated = text.replace(&format!("key = {old}"), &format!("key = {new}\nprevious_keys = [{old}]"));
    assert_eq!(bridge.reload(&rotated).await.body["changed"], json!(["vault.key", "vault.previous_keys"]));
    while bridge.engine.operator().reseal_next_site().await.expect("the store works").is_some() {}
    let answer = bridge.reload(&rotated.replace(&format!("\nprevious_keys = [{old}]"), "")).await;
    assert_eq!(answer.body["changed"], json!(["vault.previous_keys"]), "{answer:?}");
    bridge.pagerduty(&triggered("Q1")).await;
    bridge.settle().await;
    assert!(bridge.jira().incident("pd:Q1").is_some(), "the site's secret still opens");
    bridge.finish().await;
}

#[tokio::test]
async fn no_page_in_a_browser_can_cause_a_reload() {
    let bridge = Bridge::start().await;
    let json = ("content-type", "application/json");
    for (headers, status) in [
        (&[][..], 415),
        (&[("content-type", "text/plain")], 415),
        (&[("content-type", "application/x-www-form-urlencoded")], 415),
        (&[json, ("origin", "https://evil.example")], 403),
        (&[json, ("origin", "null")], 403),
        (&[json, ("host", "evil.example")], 421),
        (&[json], 200),
    ] {
        assert_eq!(bridge.post_as_operator("/reload", headers).await.status, status, "{headers:?}");
    }
    assert_eq!(bridge.get_as_operator("/reload").await.status, 405);
    assert_eq!(
        bridge.request(reqwest::Method::POST, "/reload").send().await.expect("it answers").status(),
        404
    );
    bridge.finish().await;
}

/// Every sender posts one webhook after another and is told each time that it was stored.
async fn post_until(base_url: String, sender: usize, enough: Arc<AtomicBool>) -> Vec<String> {
    let (client, mut sent) = (reqwest::Client::new(), Vec::new());
    while !enough.load(Ordering::SeqCst) {
        let id = format!("Q{sender}X{}", sent.len());
        let body = triggered(&id).body(&incident_bridge::clock::Clock::system());
        let request =
            client.post(format!("{base_url}/webhooks/pd")).header("X-PagerDuty-Signature", sign(&body));
        let answer = request.body(body).send().await.expect("the bridge answers");
        assert_eq!(answer.status(), 202, "{id}");
        sent.push(id);
    }
    sent
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_webhook_is_lost_or_refused_while_sighup_reloads_again_and_again() {
    let place = Place::new();
    let mut bridge = place.serve().await;
    place.site.install(&place.base_url).await.expect("it installs");
    let enough = Arc::new(AtomicBool::default());
    let senders: Vec<_> =
        (0..SENDERS).map(|n| tokio::spawn(post_until(place.base_url.clone(), n, enough.clone()))).collect();
    let text = read(&place.file);
    for n in 0..10 {
        let secret = format!(
            "webhook_secrets = [\"another-secret-of-enough-bytes-{n}\", \"pagerduty-signs-with-this\"]"
        );
        let changed = text.replace("webhook_secrets = [\"pagerduty-signs-with-this\"]", &secret);
        std::fs::write(&place.file, changed + &more(&format!("new-{n}"))).expect("writable");
        bridge.signal("-HUP");
        eventually("it is reloaded", async || {
            let is_there = format!("sources.new-{n}");
            read(&place.log())
                .lines()
                .any(|line| line.contains("was reloaded") && line.contains(&is_there))
                .then_some(())
        })
        .await;
    }
    std::fs::write(&place.file, text.replace("type = \"pagerduty\"", "type = \"pagerdutty\"\ncolour = 1"))
        .expect("writable");
    bridge.signal("-HUP");
    eventually("the mistake is told", async || read(&place.log()).contains("was not reloaded").then_some(()))
        .await;
    enough.store(true, Ordering::SeqCst);
    let mut sent = Vec::new();
    for sender in senders {
        sent.extend(sender.await.expect("each webhook is answered 202"));
    }
    assert!(sent.len() > SENDERS * 10, "{}", sent.len());
    for id in &sent {
        eventually("everything arrives", async || place.site.incident(&format!("pd:{id}"))).await;
    }
    assert!(bridge.is_running());
    let said = command(&["reload"], Some(&place.file)).await;
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(said.err.contains("pagerdutty"), "{said:?}");
    std::fs::write(&place.file, &text).expect("writable");
    let said = command(&["reload"], Some(&place.file)).await;
    assert_eq!(
        (said.code, said.out.contains("reloaded: sources.pd.webhook_secrets")),
        (Some(0), true),
        "{said:?}"
    );
    bridge.signal("-TERM");
    assert!(bridge.ended().await.success());
}

async fn polls(place: &Place) -> Vec<String> {
    let (_, body) = place.readiness().await;
    let tasks = body["tasks"]["heartbeats"].as_array().cloned().unwrap_or_default();
    let names = tasks.iter().filter_map(|task| task["name"].as_str());
    names.filter(|name| name.starts_with("poll ")).map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_source_is_polled_at_once_and_a_removed_one_no_longer() {
    let (place, tool) = (Place::new(), start_pagerduty().await);
    let _bridge = place.serve().await;
    let text = read(&place.file);
    let polled = SOURCE.replace("\"pd\"", "\"two\"")
        + &format!("api_token = \"x\"\napi_url = \"{}\"\npoll_interval = \"1s\"\n", tool.uri());
    let reload = async |text: &str| {
        std::fs::write(&place.file, text).expect("writable");
        let said = command(&["reload", "--json"], Some(&place.file)).await;
        assert_eq!(said.code, Some(0), "{said:?}");
        serde_json::from_str::<Value>(&said.out).expect("it prints JSON")["changed"].clone()
    };
    Mock::given(path("/incidents")).respond_with(page(&[], false)).mount(&tool).await;
    let asked = async || {
        let requests = tool.received_requests().await.expect("it records");
        requests.iter().filter(|request| request.url.path() == "/incidents").count()
    };
    assert_eq!(reload(&format!("{text}{polled}")).await, json!(["sources.two"]));
    eventually("it is polled, and again", async || (asked().await > 2).then_some(())).await;
    assert_eq!(polls(&place).await, ["poll two"]);
    assert_eq!(reload(&text).await, json!(["sources.two"]));
    eventually("its task has ended", async || polls(&place).await.is_empty().then_some(())).await;
}

#[tokio::test]
async fn a_service_that_is_not_there_is_named_with_its_address() {
    let place = Place::new();
    let said = command(&["reload"], Some(&place.file)).await;
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("operator.listen") && said.err.contains("127.0.0.1:"), "{said:?}");
}
