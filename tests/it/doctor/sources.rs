//! The tools: one page of each is read, so that nothing that a poll would meet is called well; and what waits.

use serde_json::json;
use wiremock::matchers::{any, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::{examine, is_private, nobody, trust};
use crate::harness::pagerduty::{sign, triggered};
use crate::harness::place::{Place, command};
use crate::harness::program::{Program, eventually};
use crate::harness::tls::{Certificate, TlsServer};
use crate::poll::{page, start_pagerduty};

const TOKEN: &str = "rest-token-of-the-tool";

/// A bridge with one polled source.
fn polled(kind: &str, url: &str) -> Place {
    Place::with(
        &[],
        &format!(
            "[[sources]]\nid = \"it\"\ntype = \"{kind}\"\napi_token = \"{TOKEN}\"\napi_url = \"{url}\"\n"
        ),
    )
}

async fn tool(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(answer).mount(&server).await;
    server
}

const POLLED: [&str; 3] = ["pagerduty", "alertmanager", "grafana"];

#[tokio::test]
async fn a_tool_that_answers_is_well_and_a_page_of_it_was_read() {
    let server = start_pagerduty().await;
    Mock::given(method("GET")).and(path("/incidents")).respond_with(page(&[], false)).mount(&server).await;
    let examined = examine(&polled("pagerduty", &server.uri())).await;
    examined.is_well("sources");
    let asked = server.received_requests().await.expect("recorded");
    assert!(asked.iter().any(|request| request.url.path() == "/incidents"), "a page was read");
}

#[tokio::test]
async fn a_token_that_was_revoked_is_named_with_its_key() {
    let server = tool(ResponseTemplate::new(401)).await;
    for kind in POLLED {
        let examined = examine(&polled(kind, &server.uri())).await;
        examined.must_fix("tool-refuses", &["401"], &["set `api_token` to"]);
        is_private(&examined.said, TOKEN);
    }
}

#[tokio::test]
async fn a_tool_that_is_not_there_is_named_with_host_and_port() {
    let address = nobody();
    for kind in POLLED {
        let examined = examine(&polled(kind, &format!("http://{address}"))).await;
        let cause = format!("{address} refuses the connection");
        let found: Vec<_> = examined.checks.iter().filter(|check| check["group"] == "sources").collect();
        assert_eq!(
            (&found[0]["code"], found[0]["cause"].as_str()),
            (&json!("connection-refused"), Some(&*cause))
        );
        assert!(found[0]["fix"].as_str().is_some_and(|fix| fix.contains("`api_url`")), "{found:?}");
    }
    let examined = examine(&polled("pagerduty", "https://no-such-host.invalid")).await;
    examined.must_fix("name-not-found", &["no-such-host.invalid:443"], &["`api_url`", "DNS"]);
}

#[tokio::test]
async fn a_certificate_of_a_tool_says_why_it_is_refused() {
    let server = TlsServer::start(Certificate::SelfSigned, "[]").await;
    let host = server.url.trim_start_matches("https://");
    let cause = format!("the certificate of {host} is not trusted");
    let examined = examine(&polled("pagerduty", &server.url)).await;
    examined.must_fix("certificate-not-trusted", &[&cause], &["`http.ca_file`"]);
    let server = TlsServer::start(Certificate::Issued { until: 2020 }, "[]").await;
    let place = polled("alertmanager", &server.url);
    trust(&place, &server.authority);
    examine(&place).await.must_fix("certificate-expired", &["has expired"], &["renew its certificate"]);
}

#[tokio::test]
async fn an_error_that_is_answered_as_200_is_no_answer() {
    let error = json!({ "error": { "message": "Access denied", "code": 2006 } });
    let server = tool(ResponseTemplate::new(200).set_body_json(error)).await;
    for kind in POLLED {
        let examined = examine(&polled(kind, &server.uri())).await;
        examined.must_fix("tool-unreadable", &["answered"], &["`api_url`", "login page"]);
    }
    let page = tool(ResponseTemplate::new(200).set_body_raw("<html>Log in</html>", "text/html")).await;
    examine(&polled("alertmanager", &page.uri())).await.must_fix(
        "tool-unreadable",
        &["no JSON"],
        &["login page"],
    );
}

#[tokio::test]
async fn a_source_that_can_receive_and_ask_nothing_is_no_source() {
    let place = Place::with(&[], "[[sources]]\nid = \"pd\"\ntype = \"pagerduty\"\n");
    let fixes = ["`webhook_secrets`", "incident-bridge sources show"];
    examine(&place).await.must_fix("source-without-credentials", &["no credential at all"], &fixes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn webhooks_that_never_came_are_told_with_what_to_check_until_one_comes() {
    let place = Place::new();
    let _bridge = place.serve().await;
    let address = format!("{}/webhooks/pd", place.base_url);
    examine(&place).await.warns(
        "webhook-never-received",
        &["none has ever come"],
        &[&address, "delivery log"],
    );
    assert_eq!(place.post("Q1").await, 202);
    let examined = examine(&place).await;
    examined.is_well("sources");
    assert!(examined.said.out.contains("the last one came"), "{:?}", examined.said);
}

async fn post(place: &Place, body: &str) -> u16 {
    let request = reqwest::Client::new().post(format!("{}/webhooks/pd", place.base_url));
    let request = request.header("X-PagerDuty-Signature", sign(body)).body(body.to_owned());
    request.send().await.expect("the bridge answers").status().as_u16()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_word_gets_the_very_line_to_write() {
    let place = Place::new();
    let _bridge = place.serve().await;
    let body =
        triggered("Q1").body(&incident_bridge::clock::Clock::system()).replace("\"P2\"", "\"Blocker\"");
    assert_eq!(post(&place, &body).await, 202);
    let found = async || {
        let examined = examine(&place).await;
        examined.said.out.contains("word-without-meaning").then_some(examined)
    };
    let examined = eventually("doctor knows the word", found).await;
    let fixes = ["below [sources.severity] write: \"Blocker\" = "];
    examined.must_fix("word-without-meaning", &["\"Blocker\" has no meaning"], &fixes);
}

/// What was refused and set aside by a bridge that runs.
async fn with_leftovers() -> (Place, Program) {
    let place = Place::new();
    let bridge = place.serve().await;
    place.site.install(&place.base_url).await.expect("it installs");
    place.site.refuse("pd:Q2", "the summary displeases");
    assert_eq!(place.post("Q2").await, 202);
    assert_eq!(post(&place, "{\"event\": {\"event_type\": \"incident.triggered\"}").await, 400);
    eventually("Jira refuses it", async || {
        let said = command(&["deliveries", "list", "--failed", "--json"], Some(&place.file)).await;
        said.out.contains("pd:Q2").then_some(())
    })
    .await;
    (place, bridge)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_refused_or_set_aside_is_told_with_the_command_to_run() {
    let (place, _bridge) = with_leftovers().await;
    let examined = examine(&place).await;
    examined.must_fix("deliveries-refused", &["1 refused"], &["incident-bridge deliveries list --failed"]);
    examined.must_fix("webhooks-quarantined", &["1 quarantined"], &["incident-bridge quarantine list"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poll_that_failed_or_is_paused_is_told_with_the_command_to_run() {
    let server = tool(ResponseTemplate::new(401)).await;
    let place = polled("pagerduty", &server.uri());
    assert_eq!(command(&["migrate"], Some(&place.file)).await.code, Some(0));
    command(&["sync", "--source", "it"], Some(&place.file)).await;
    examine(&place).await.warns("poll-failed", &["failed", "401"], &["incident-bridge sync --source it"]);
    let paused = command(&["sync", "--pause", "it"], Some(&place.file)).await;
    assert_eq!(paused.code, Some(0), "{paused:?}");
    examine(&place).await.warns("poll-paused", &["paused"], &["incident-bridge sync --resume it"]);
}
