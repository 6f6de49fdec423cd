//! The simulator from outside: over HTTP, with a stand-in for the app where one is called.

use std::sync::LazyLock;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::fixtures::{descriptor, incident};
use super::*;
use crate::clock::{Clock, from_millis};
use crate::connect::jwt::{
    Claims, InstallKeyPair, SignedRequest, parse_authorization, sign_hs256, verify_hs256, verify_rs256,
};
use crate::connect::qsh;

const BULK: &str = "/rest/operations/1.0/bulk";
const LEEWAY: Duration = Duration::from_secs(1);

/// Generating one takes longer than the tests themselves.
static KEY: LazyLock<InstallKeyPair> = LazyLock::new(|| InstallKeyPair::generate("key-1").unwrap());

fn start() -> RunningSimulator {
    let clock = Clock::manual(from_millis(1_775_207_700_000));
    let options = SimulatorOptions { install_key: Some(KEY.clone()), ..SimulatorOptions::default() };
    Simulator::start(clock, "127.0.0.1:0".parse().unwrap(), options).unwrap()
}

/// Calls the site as the installed app would.
async fn call(
    simulator: &Simulator,
    method: Method,
    path: &str,
    body: Option<Value>,
) -> reqwest::Result<reqwest::Response> {
    let installation = simulator.find_installation().unwrap();
    let iat = simulator.0.clock.now().timestamp();
    let qsh = Some(qsh::hash(method.as_str(), path, ""));
    let claims = Claims { iss: installation.app_key, iat, exp: iat + 180, qsh, aud: Vec::new(), sub: None };
    let token = sign_hs256(&claims, installation.shared_secret.as_bytes()).unwrap();
    let client =
        reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let mut request = client
        .request(method, format!("{}{path}", simulator.url()))
        .timeout(Duration::from_millis(300))
        .header("Authorization", format!("JWT {token}"));
    if let Some(body) = body {
        request = request.json(&body);
    }
    request.send().await
}

async fn submit(simulator: &Simulator, id: &str) -> reqwest::Result<reqwest::Response> {
    call(simulator, Method::POST, BULK, Some(json!({ "incidents": [incident(id, 1)] }))).await
}

async fn control(simulator: &Simulator, method: Method, path: &str, body: Value) -> (u16, Value) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut request = client.request(method, format!("{}{path}", simulator.url()));
    if !body.is_null() {
        request = request.json(&body);
    }
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or_default())
}

/// An app at `/base` that accepts everything; `installed` is its answer to that event.
async fn start_app(installed: u16) -> (MockServer, String) {
    let app = MockServer::start().await;
    let base_url = format!("{}/base", app.uri());
    let answers = [
        ("GET", "/base/atlassian-connect.json", 200, descriptor(&base_url)),
        ("POST", "/base/connect/installed", installed, json!({})),
        ("POST", "/base/connect/uninstalled", 204, json!({})),
        ("POST", "/base/connect/enabled", 204, json!({})),
        ("POST", "/base/connect/disabled", 204, json!({})),
        ("GET", "/base/jira/containers/search", 200, json!({ "containers": [{ "id": "a b" }] })),
        ("PUT", "/base/jira/entities/associated", 200, json!({})),
    ];
    for (verb, route, status, body) in answers {
        let template = ResponseTemplate::new(status).set_body_json(body);
        Mock::given(method(verb)).and(path(route)).respond_with(template).mount(&app).await;
    }
    (app, base_url)
}

async fn find_request(app: &MockServer, route: &str) -> Request {
    let requests = app.received_requests().await.unwrap();
    requests.into_iter().rfind(|request| request.url.path() == route).unwrap()
}

fn authorization(request: &Request) -> &str {
    request.headers["authorization"].to_str().unwrap()
}

#[tokio::test]
async fn an_install_is_signed_with_the_key_that_the_site_serves() {
    let simulator = start();
    let (app, base_url) = start_app(204).await;
    let installation = simulator.install(&base_url).await.unwrap();

    let request = find_request(&app, "/base/connect/installed").await;
    let body: Value = request.body_json().unwrap();
    assert_eq!(body["sharedSecret"], installation.shared_secret.as_str());
    assert_eq!(body["clientKey"], installation.client_key.as_str());
    assert_eq!(body["baseUrl"], simulator.url());
    assert_eq!(body["eventType"], "installed");

    let token = parse_authorization(authorization(&request)).unwrap();
    let kid = token.peek().unwrap().kid.clone().unwrap();
    let pem = reqwest::get(format!("{}/{kid}", simulator.install_keys_url())).await.unwrap();
    let pem = pem.error_for_status().unwrap().text().await.unwrap();
    let signed = SignedRequest { method: "POST", target: "/base/connect/installed", base_path: "/base" };
    let now = simulator.0.clock.now();
    let proven = verify_rs256(&token, &pem, &base_url, &signed, now, LEEWAY).unwrap();
    assert_eq!(proven.claims().iss, installation.client_key);
    let unknown = reqwest::get(format!("{}/another", simulator.install_keys_url())).await.unwrap();
    assert_eq!(unknown.status(), 404);

    let request = find_request(&app, "/base/connect/enabled").await;
    let token = parse_authorization(authorization(&request)).unwrap();
    let signed = SignedRequest { method: "POST", target: "/base/connect/enabled", base_path: "/base" };
    verify_hs256(&token, &[installation.shared_secret.as_bytes()], &signed, now, LEEWAY).unwrap();
    let body: Value = request.body_json().unwrap();
    assert!(body.get("sharedSecret").is_none());
}

#[tokio::test]
async fn an_app_that_refuses_installed_is_not_installed() {
    let simulator = start();
    let (_app, base_url) = start_app(500).await;
    let refused = simulator.install(&base_url).await;
    assert!(matches!(refused, Err(CallError::Aborted { status: 500, .. })), "{refused:?}");
    assert!(simulator.find_installation().is_none());
    let missing = simulator.install(&format!("{base_url}/nowhere")).await;
    assert!(matches!(missing, Err(CallError::NoDescriptor(_))), "{missing:?}");
}

#[tokio::test]
async fn reinstalling_keeps_the_client_key_and_changes_the_secret() {
    let simulator = start();
    let (app, base_url) = start_app(200).await;
    let first = simulator.install(&base_url).await.unwrap();
    submit(&simulator, "a").await.unwrap();
    let second = simulator.reinstall().await.unwrap();
    assert_eq!(first.client_key, second.client_key);
    assert_ne!(first.shared_secret, second.shared_secret);
    assert!(simulator.incident("a").is_some());

    simulator.uninstall().await.unwrap();
    let uninstalled = find_request(&app, "/base/connect/uninstalled").await;
    let token = parse_authorization(authorization(&uninstalled)).unwrap();
    assert_eq!(token.peek().unwrap().alg, "RS256");
    assert!(simulator.incidents().is_empty());
    let third = simulator.install(&base_url).await.unwrap();
    assert_eq!(third.client_key, first.client_key);
}

#[tokio::test]
async fn actions_are_signed_for_the_apps_base_path_and_their_answers_checked() {
    let simulator = start();
    let (app, base_url) = start_app(200).await;
    let installation = simulator.install(&base_url).await.unwrap();
    let answer = simulator.search_containers("check out", Some("acct-1")).await.unwrap();
    assert_eq!(answer.status, 200);
    assert!(
        answer.problems.iter().any(|problem| problem.contains("`a b` is not a container id")),
        "{answer:?}"
    );

    let request = find_request(&app, "/base/jira/containers/search").await;
    let token = parse_authorization(authorization(&request)).unwrap();
    let signed = SignedRequest { method: "GET", target: request.url.as_str(), base_path: "/base" };
    let now = simulator.0.clock.now();
    verify_hs256(&token, &[installation.shared_secret.as_bytes()], &signed, now, LEEWAY).unwrap();

    simulator.associate("pd:a", "PAY-1").await.unwrap();
    let request = find_request(&app, "/base/jira/entities/associated").await;
    let body: Value = request.body_json().unwrap();
    assert_eq!((&body["entity"]["id"], &body["associatedWith"]["id"]), (&json!("pd:a"), &json!("PAY-1")));
}

#[tokio::test]
async fn scripted_answers_come_once_each_and_the_history_tells() {
    let simulator = start();
    simulator.install_without_call("app").unwrap();
    simulator.fail_next(
        Fault::rate_limited("jira-quota-global-based", Some(7))
            .header("X-RateLimit-Reset", "2026-04-03T10:00Z"),
    );
    simulator.fail_next(Fault::status(503).after_processing().on("POST", BULK));
    simulator.fail_next(Fault::empty_accept());
    simulator.fail_next(Fault::html());
    simulator.fail_next(Fault::renamed_to("https://new.example.com/"));
    simulator.fail_next(Fault::with_header("X-RateLimit-NearLimit", "true"));

    let limited = submit(&simulator, "a").await.unwrap();
    assert_eq!(limited.status(), 429);
    assert_eq!(limited.headers()["retry-after"], "7");
    assert_eq!(limited.headers()["ratelimit-reason"], "jira-quota-global-based");
    assert_eq!(limited.headers()["x-ratelimit-reset"], "2026-04-03T10:00Z");
    assert!(simulator.incident("a").is_none());
    assert_eq!(submit(&simulator, "a").await.unwrap().status(), 503);
    assert!(simulator.incident("a").is_some(), "the gateway gave up, the site did not");
    assert_eq!(submit(&simulator, "b").await.unwrap().text().await.unwrap(), "{}");
    assert_eq!(submit(&simulator, "c").await.unwrap().text().await.unwrap(), "<html>Log in</html>");
    assert_eq!(submit(&simulator, "c").await.unwrap().headers()["location"], "https://new.example.com/");
    let near = submit(&simulator, "c").await.unwrap();
    assert_eq!(
        (near.status().as_u16(), near.headers()["x-ratelimit-nearlimit"].as_bytes()),
        (202, &b"true"[..])
    );

    let statuses: Vec<u16> = simulator.requests().iter().map(|request| request.status).collect();
    assert_eq!(statuses, [429, 503, 202, 200, 301, 202]);
    assert_eq!(simulator.waiting_faults(), 0);
    assert_eq!(simulator.incidents().len(), 3);
}

#[tokio::test]
async fn broken_connections_and_silence_reach_the_client_as_errors() {
    let simulator = start();
    simulator.install_without_call("app").unwrap();
    simulator.fail_next(Fault::truncated());
    let truncated = submit(&simulator, "a").await.unwrap();
    assert_eq!(truncated.status(), 202);
    assert!(truncated.bytes().await.is_err());
    assert!(simulator.incident("a").is_some());
    simulator.fail_next(Fault::dropped());
    assert!(!submit(&simulator, "c").await.unwrap_err().is_timeout());
    assert!(simulator.incident("c").is_some());
    simulator.fail_next(Fault::hang());
    assert!(submit(&simulator, "b").await.unwrap_err().is_timeout());
    assert!(simulator.incident("b").is_none());
    assert_eq!(submit(&simulator, "b").await.unwrap().status(), 202);
    simulator.stop().await.unwrap();
}

#[tokio::test]
async fn every_rest_call_waits_for_its_answer_as_long_as_ordered() {
    let simulator = start();
    let (_app, base_url) = start_app(200).await;
    simulator.install(&base_url).await.unwrap();
    simulator.set_answer_delay(Duration::from_mins(1));
    assert!(submit(&simulator, "a").await.unwrap_err().is_timeout());
    let open = reqwest::get(format!("{}/_edge/tenant_info", simulator.url())).await.unwrap();
    assert_eq!(open.status(), 200);
    simulator.set_answer_delay(Duration::ZERO);
    assert_eq!(submit(&simulator, "a").await.unwrap().status(), 202);
    simulator.stop().await.unwrap();
}

#[tokio::test]
async fn the_date_header_is_the_sites_own_and_the_cloud_id_is_open() {
    let simulator = start();
    let response = reqwest::get(format!("{}/_edge/tenant_info", simulator.url())).await.unwrap();
    assert_eq!(response.headers()["date"], "Fri, 03 Apr 2026 09:15:00 GMT");
    let body: Value = response.json().await.unwrap();
    assert_eq!(body, json!({ "cloudId": simulator.cloud_id() }));
}

#[tokio::test]
async fn two_sites_know_nothing_of_each_other() {
    let (one, two) = (start(), start());
    one.install_without_call("app").unwrap();
    two.install_without_call("app").unwrap();
    submit(&one, "a").await.unwrap();
    assert!(one.incident("a").is_some() && two.incident("a").is_none());
    assert_ne!(one.url(), two.url());
}

#[tokio::test]
async fn the_control_api_does_from_a_shell_what_tests_do_in_process() {
    let simulator = start();
    let (_app, base_url) = start_app(200).await;
    let (status, body) =
        control(&simulator, Method::POST, "/simulator/install", json!({ "baseUrl": base_url })).await;
    assert_eq!((status, &body["appKey"]), (200, &json!("com.example.incident-bridge")));
    let fault = json!({ "effect": "answer", "status": 502, "times": 1, "headers": [["X-Why", "test"]] });
    assert_eq!(control(&simulator, Method::POST, "/simulator/faults", fault).await.0, 204);
    assert_eq!(submit(&simulator, "a").await.unwrap().status(), 502);
    submit(&simulator, "a").await.unwrap();

    let (_, shown) = control(&simulator, Method::GET, "/simulator/incidents.json", Value::Null).await;
    assert_eq!(shown["counts"]["open"], 1);
    assert_eq!(shown["incidents"][0]["components"], json!([{ "name": "svc-checkout", "known": false }]));
    let (_, state) = control(&simulator, Method::GET, "/simulator/state.json", Value::Null).await;
    assert_eq!(state["incidents"], 1);
    assert!(!state.to_string().contains(&simulator.find_installation().unwrap().shared_secret));
    let (_, history) = control(&simulator, Method::GET, "/simulator/history.json?limit=1", Value::Null).await;
    assert_eq!((&history["total"], &history["requests"][0]["status"]), (&json!(2), &json!(202)));
    let (_, found) = control(&simulator, Method::POST, "/simulator/search?query=x", Value::Null).await;
    assert_eq!(found["body"]["containers"][0]["id"], "a b");

    let page = reqwest::get(simulator.url()).await.unwrap();
    assert!(page.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
    assert!(page.text().await.unwrap().contains("Post-incident reviews"));
    assert_eq!(control(&simulator, Method::POST, "/simulator/uninstall", Value::Null).await.0, 200);
    assert_eq!(control(&simulator, Method::POST, "/simulator/uninstall", Value::Null).await.0, 502);
}
