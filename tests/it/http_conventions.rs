//! What HTTP promises to every client: HEAD, challenges, request ids, and problems that explain themselves.

use std::collections::BTreeMap;

use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::place::{Place, SOURCE, read};
use crate::harness::requests::Answer;
use crate::harness::{Bridge, send};

/// Addresses that answer `GET`, with a status that a stranger gets.
const PUBLIC: [(&str, u16); 9] = [
    ("/", 200),
    ("/atlassian-connect.json", 200),
    ("/static/logo.svg", 200),
    ("/static/manual.css", 200),
    ("/docs", 308),
    ("/docs/", 200),
    ("/docs/sources/pagerduty", 200),
    ("/jira/containers/search", 401),
    ("/static/nothing", 404),
];
const FIRING: &str = include_str!("../fixtures/providers/alertmanager/webhook-firing-single.json");
const OPERATOR: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

/// The fields that must be the same for HEAD and GET.
fn fields(headers: &HeaderMap) -> BTreeMap<&str, &[u8]> {
    let differs = |name: &str| ["date", "x-request-id"].contains(&name);
    headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .filter(|(name, _)| !differs(name))
        .collect()
}

fn request_id(answer: &Answer) -> &str {
    answer.headers.get("x-request-id").unwrap_or_else(|| panic!("{answer:?}")).to_str().expect("plain")
}

#[tokio::test]
async fn head_is_answered_like_get_without_the_body() {
    let bridge = Bridge::installed().await;
    for (target, status) in PUBLIC {
        let get = bridge.get(target).await;
        let head = send(bridge.request(Method::HEAD, target)).await;
        assert_eq!((get.status, head.status), (status, status), "{target}");
        // A problem's length depends on its request id, which has the same length each time.
        assert_eq!(fields(&get.headers), fields(&head.headers), "{target}");
        assert_eq!(head.text, "", "{target}");
        assert_eq!(head.headers["content-length"], get.text.len().to_string(), "{target}");
    }
    for target in OPERATOR {
        let get = bridge.get_as_operator(target).await;
        let head = bridge.ask_as_operator(Method::HEAD, target).await;
        assert_eq!((get.status, head.status, head.text.as_str()), (200, 200, ""), "{target}");
        assert_eq!(get.headers["content-type"], head.headers["content-type"], "{target}");
        assert!(head.headers.contains_key("content-length"), "{target}");
    }
    let site = bridge.jira().find_installation().expect("it is installed");
    let search = bridge.call(&site, Method::HEAD, "/jira/containers/search", None).await;
    assert_eq!((search.status, search.text.as_str()), (200, ""));
    bridge.finish().await;
}

/// Sends a client's bytes in these pieces; returns the status of each answer until the connection ends.
async fn statuses(bridge: &Bridge, pieces: impl Iterator<Item = &[u8]>) -> Vec<String> {
    let address = bridge.base_url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.set_nodelay(true).expect("an option");
    for piece in pieces {
        stream.write_all(piece).await.expect("it takes bytes");
        tokio::task::yield_now().await;
    }
    let mut answers = String::new();
    stream.read_to_string(&mut answers).await.expect("the answers");
    let heads = answers.split("HTTP/1.1 ").skip(1);
    heads.map(|head| head.chars().take(3).collect()).collect()
}

#[tokio::test]
async fn requests_are_answered_in_their_order_however_their_bytes_arrive() {
    let bridge = Bridge::start().await;
    let get = "GET /atlassian-connect.json HTTP/1.1\r\nHost: x\r\n";
    let long = format!("{get}X-Padding: {}\r\n\r\n", "a".repeat(6_000));
    let gets = format!("{get}\r\n{long}{get}\r\n{get}Connection: close\r\n\r\n");
    let body = format!("{FIRING}{}", " ".repeat(5_000));
    let post = format!(
        "POST /webhooks/am HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer alertmanager-token\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    for size in [gets.len(), 4_096, 1_000, 61] {
        let answers = statuses(&bridge, gets.as_bytes().chunks(size)).await;
        assert_eq!(answers, ["200", "200", "200", "200"], "{size}");
        assert_eq!(statuses(&bridge, post.as_bytes().chunks(size)).await, ["202"], "{size}");
    }
    bridge.finish().await;
}

#[tokio::test]
async fn whatever_takes_get_says_that_it_takes_head() {
    let bridge = Bridge::start().await;
    let mut allowed = Vec::new();
    for target in PUBLIC.iter().map(|(target, _)| *target).chain(["/jira/reviews/create"]) {
        allowed.push((target, send(bridge.request(Method::PATCH, target)).await));
    }
    for target in OPERATOR {
        allowed.push((target, bridge.ask_as_operator(Method::PATCH, target).await));
    }
    for (target, answer) in allowed {
        assert_eq!((answer.status, answer.problem()), (405, "method-not-allowed"), "{target}");
        let allow = answer.headers["allow"].to_str().expect("plain");
        assert!(allow.starts_with("GET, HEAD"), "{target}: {allow}");
    }
    bridge.finish().await;
}

#[tokio::test]
async fn every_401_names_what_is_taken_and_reveals_no_source() {
    let bridge = Bridge::start().await;
    for (method, target, expected) in [
        (Method::POST, "/webhooks/pd", &["X-PagerDuty-Signature"][..]),
        (Method::POST, "/webhooks/am", &["Bearer"]),
        (Method::PUT, "/webhooks/gen/wrong", &["Bearer"]),
        (Method::GET, "/jira/containers/search", &["JWT"]),
        (Method::POST, "/jira/workspaces/fetch", &["JWT"]),
        (Method::POST, "/connect/installed", &["JWT"]),
        (Method::POST, "/connect/disabled", &["JWT"]),
    ] {
        let answer = send(bridge.request(method, target)).await;
        assert_eq!(answer.status, 401, "{target}");
        let challenges: Vec<_> = answer.headers.get_all("www-authenticate").iter().collect();
        assert_eq!(challenges, expected, "{target}");
    }
    let unknown = send(bridge.request(Method::POST, "/webhooks/nothing")).await;
    let elsewhere = send(bridge.request(Method::POST, "/nothing")).await;
    assert_eq!((unknown.status, unknown.problem()), (404, "not-found"));
    assert_eq!(unknown.body["detail"], elsewhere.body["detail"]);
    assert_eq!(fields(&unknown.headers), fields(&elsewhere.headers));
    bridge.finish().await;
}

#[tokio::test]
async fn every_answer_has_the_callers_request_id_or_a_new_one() {
    let bridge = Bridge::installed().await;
    let mut seen = Vec::new();
    for (target, _) in PUBLIC {
        let asked = bridge.request(Method::GET, target).header("x-request-id", "call-1");
        assert_eq!(request_id(&send(asked).await), "call-1", "{target}");
        let spoilt = bridge.request(Method::GET, target).header("x-request-id", "call 1\"{}");
        seen.push(request_id(&send(spoilt).await).to_owned());
    }
    seen.push(request_id(&bridge.get_as_operator("/healthz").await).to_owned());
    seen.push(request_id(&bridge.get_as_operator_under("evil.example", "/healthz").await).to_owned());
    seen.push(request_id(&send(bridge.request(Method::PATCH, "/")).await).to_owned());
    let known = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), known, "two requests have one id");
    assert!(seen.iter().all(|id| !id.contains("call")), "{seen:?}");
    bridge.finish().await;
}

#[tokio::test]
async fn an_accepted_webhook_is_stored_with_its_request_id() {
    let bridge = Bridge::installed().await;
    let headers = [("Authorization", "Bearer generic-token"), ("x-request-id", "webhook-7")];
    let body = json!({ "id": "7", "title": "Disk full", "state": "open", "link": "https://tool.example/7",
        "opened": "2026-09-14T08:00:00Z", "changed": "2026-09-14T08:00:00Z" });
    let answer = bridge.post_webhook("gen", body.to_string(), &headers).await;
    assert_eq!((answer.status, request_id(&answer)), (202, "webhook-7"));
    let source = bridge.engine.registry().find("gen").expect("it is configured").id().clone();
    let kept = bridge.engine.store().inbox().list_new(&source, 10).await.expect("the store works");
    assert!(kept[0].headers.contains("[\"x-request-id\",\"webhook-7\"]"), "{}", kept[0].headers);
    bridge.finish().await;
}

#[tokio::test]
async fn the_type_of_a_problem_is_the_address_of_its_explanation() {
    let bridge = Bridge::start().await;
    for (method, target) in [
        (Method::GET, "/nothing"),
        (Method::PUT, "/"),
        (Method::POST, "/webhooks/pd"),
        (Method::POST, "/connect/installed"),
    ] {
        let problem = send(bridge.request(method, target)).await;
        let address = problem.body["type"].as_str().expect("a type");
        let (page, anchor) = address.split_once('#').expect("an anchor");
        let page = bridge.get(page.strip_prefix(&bridge.base_url).expect("our own address")).await;
        assert_eq!(page.status, 200, "{address}");
        assert!(page.text.contains(&format!("id=\"{anchor}\"")), "{address}");
        assert_ne!(problem.body["title"], "");
    }
    bridge.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_tells_the_operator_what_a_stranger_is_not_told() {
    let place = Place::with(&[], &format!("{SOURCE}[log]\nlevel = \"incident_bridge=debug\"\n"));
    let _program = place.serve().await;
    let client = reqwest::Client::new();
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let post = |target: &str, id: &str| {
        let request =
            client.post(format!("{}{target}", place.base_url)).header("x-request-id", id.to_owned());
        request.header("traceparent", trace).body("{}")
    };
    for (target, id) in [("/webhooks/pagerduty%1b%5b31m", "to-nobody"), ("/webhooks/pd", "unsigned")] {
        post(target, id).send().await.expect("it answers");
    }
    for _ in 0..100 {
        post("/webhooks/pagerduty", "again").send().await.expect("it answers");
    }
    assert_eq!(place.post("Q1").await, 202);
    let log = read(&place.log());
    let line =
        |part: &str| log.lines().find(|line| line.contains(part)).unwrap_or_else(|| panic!("{part}: {log}"));
    let unknown = line("to-nobody");
    assert!(unknown.contains(" WARN ") && unknown.contains("webhook for an unknown source"), "{unknown}");
    assert!(unknown.contains("source=\"pagerduty[31m\"") && unknown.contains("known=\"pd\""), "{unknown}");
    assert!(line("\"unsigned\"").contains("source=\"pd\""), "{log}");
    assert!(line("to-nobody").contains("trace_id=\"4bf92f3577b34da6a3ce929d0e0e4736\""), "{log}");
    assert!(line("status=202").contains("request_id="), "{log}");
    // The requests may have taken longer than the period in which ten lines are written.
    assert!(log.lines().filter(|line| line.contains("unknown source")).count() < 60, "{log}");
    assert!(!log.contains("Some("), "{log}");
    let (_, metrics) = place.ask_operator("/metrics").await;
    assert!(metrics.contains("incident_bridge_webhooks_unknown_source_total 101"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_start_says_which_version_runs_and_where_tools_must_post() {
    let place = Place::new();
    let _program = place.serve().await;
    let log = read(&place.log());
    for part in [
        &format!("version=\"{}\"", env!("CARGO_PKG_VERSION")),
        "roles=\"web,sync\"",
        "source=pd",
        &format!("webhooks=\"{}/webhooks/pd\"", place.base_url),
    ] {
        assert!(log.contains(part), "{part}: {log}");
    }
}
