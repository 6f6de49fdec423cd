//! A polled tool: the first sync, what follows it, and a cursor that survives.

use incident_bridge::simulator::EntityKind as Kind;
use incident_bridge::sync::{PollOutcome, Window};
use serde_json::{Value, json};
use wiremock::matchers::{header, method, path, query_param};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::harness::pagerduty::{incident, triggered};
use crate::harness::{Bridge, Setup, start_time};

/// PagerDuty's REST API with services, no teams, and no incidents yet.
pub(crate) async fn start_pagerduty() -> MockServer {
    let server = MockServer::start().await;
    let services = json!([{ "id": "PCHECKOUT", "name": "Checkout API", "type": "service", "description": "Takes money",
        "html_url": "https://acme.pagerduty.com/services/PCHECKOUT", "teams": [] }]);
    for (at, body) in [
        ("/services", json!({ "services": services, "more": false })),
        ("/priorities", json!({ "priorities": [] })),
    ] {
        Mock::given(method("GET"))
            .and(path(at))
            .respond_with(ResponseTemplate::new(200).set_body_json(body))
            .mount(&server)
            .await;
    }
    Mock::given(method("GET"))
        .and(path("/teams"))
        .respond_with(ResponseTemplate::new(402))
        .mount(&server)
        .await;
    server
}

pub(crate) fn page(incidents: &[Value], more: bool) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({ "incidents": incidents, "more": more, "total": 3 }))
}

fn told(id: &str, status: &str) -> Value {
    let mut incident = incident(id, &format!("Incident {id}"), status, "PCHECKOUT", start_time());
    incident["updated_at"] = "2026-09-14T08:00:00Z".into();
    incident
}

async fn start_bridge(server: &MockServer) -> Bridge {
    let sources = format!(
        "[[sources]]\nid = \"pd\"\ntype = \"pagerduty\"\nwebhook_secrets = [\"pagerduty-signs-with-this\"]\n\
         api_token = \"rest-token\"\napi_url = \"{}\"\n",
        server.uri()
    );
    let bridge = Setup::default().sources(&sources).start().await;
    bridge.install().await;
    bridge
}

async fn poll(bridge: &Bridge) -> PollOutcome {
    let source = bridge.engine.registry().find("pd").expect("it is configured").clone();
    let outcome = bridge.engine.inbound().poll(&source, |_, _| {}).await.expect("the store works");
    bridge.settle().await;
    outcome
}

/// Requests for incidents since the start, as `statuses, offset`.
async fn asked(server: &MockServer) -> Vec<String> {
    let requests = server.received_requests().await.expect("it records");
    let value = |request: &Request, name: &str| {
        request
            .url
            .query_pairs()
            .filter(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
            .collect::<Vec<_>>()
            .join("+")
    };
    requests
        .iter()
        .filter(|request| request.url.path() == "/incidents")
        .map(|request| {
            format!("{} {}", value(request, "statuses[]"), value(request, "offset")).trim().to_owned()
        })
        .collect()
}

/// A first sync of two pages, the second of which fails once, and the two queries that follow up on it.
async fn mount_first_sync(server: &MockServer) {
    let backfill = || Mock::given(path("/incidents")).and(query_param("sort_by", "created_at:asc"));
    backfill()
        .and(query_param("total", "true"))
        .and(query_param("offset", "0"))
        .respond_with(page(&[told("Q1", "resolved"), told("Q2", "triggered")], true))
        .expect(1)
        .mount(server)
        .await;
    backfill()
        .and(query_param("total", "true"))
        .and(query_param("offset", "2"))
        .respond_with(ResponseTemplate::new(503))
        .up_to_n_times(1)
        .mount(server)
        .await;
    backfill()
        .and(query_param("total", "true"))
        .and(query_param("offset", "2"))
        .respond_with(page(&[told("Q3", "acknowledged")], false))
        .expect(1)
        .mount(server)
        .await;
    backfill()
        .and(query_param("date_range", "all"))
        .respond_with(page(&[told("Q2", "triggered"), told("Q3", "acknowledged")], false))
        .mount(server)
        .await;
    Mock::given(path("/incidents"))
        .and(query_param("sort_by", "resolved_at:desc"))
        .respond_with(page(&[told("Q1", "resolved")], false))
        .mount(server)
        .await;
}

#[tokio::test]
async fn the_first_sync_reads_all_pages_and_the_cursor_survives_a_restart() {
    let server = start_pagerduty().await;
    mount_first_sync(&server).await;
    let mut bridge = start_bridge(&server).await;
    let first = poll(&bridge).await;
    assert!(!first.done);
    assert_eq!(bridge.jira().count(Kind::Incident), 2);
    assert_eq!(poll(&bridge).await.pages, 0, "it waits before it asks again");
    bridge.restart().await;
    bridge.advance(600);
    let second = poll(&bridge).await;
    assert!(second.done, "{second:?}");
    assert_eq!(asked(&server).await, ["0", "2", "2", "triggered+acknowledged 0", "resolved 0"]);
    let statuses: Vec<Value> =
        bridge.jira().incidents().into_iter().map(|incident| incident["status"].clone()).collect();
    assert_eq!(statuses, ["resolved", "open", "open"]);
    let component = bridge.jira().entity(Kind::Component, "pd:PCHECKOUT").expect("it arrived");
    assert_eq!(
        (&component["name"], &component["description"]),
        (&json!("Checkout API"), &json!("Takes money"))
    );

    // The next run asks only for what may have changed, and changes nothing.
    bridge.advance(300);
    let third = poll(&bridge).await;
    assert_eq!((third.done, third.changed), (true, 0));
    assert_eq!(asked(&server).await[5..], ["triggered+acknowledged 0", "resolved 0"]);
    assert_eq!(bridge.jira().submitted_versions(Kind::Incident, "pd:Q2").len(), 1);
    bridge.finish().await;
}

#[tokio::test]
async fn a_poll_resolves_what_no_webhook_told() {
    let server = start_pagerduty().await;
    let open = Mock::given(path("/incidents"))
        .and(query_param("sort_by", "created_at:asc"))
        .respond_with(page(&[], false));
    open.mount(&server).await;
    let mut resolved = told("Q1", "resolved");
    resolved["updated_at"] = "2026-09-14T08:10:00Z".into();
    resolved["resolved_at"] = "2026-09-14T08:10:00Z".into();
    Mock::given(path("/incidents"))
        .and(query_param("sort_by", "resolved_at:desc"))
        .respond_with(page(&[resolved], false))
        .mount(&server)
        .await;
    let bridge = start_bridge(&server).await;
    bridge.pagerduty(&triggered("Q1")).await;
    bridge.settle().await;
    assert_eq!(bridge.jira().incident("pd:Q1").expect("it is there")["status"], "open");
    bridge.advance(900);
    assert!(poll(&bridge).await.done);
    assert_eq!(bridge.jira().incident("pd:Q1").expect("it is there")["status"], "resolved");
    bridge.finish().await;
}

#[tokio::test]
async fn an_entry_without_an_id_is_counted_and_does_not_hold_up_the_others() {
    let server = start_pagerduty().await;
    let nameless = json!({ "status": "triggered", "title": "Without an id" });
    let answer = page(&[nameless, told("Q2", "triggered")], false);
    Mock::given(path("/incidents")).respond_with(answer).mount(&server).await;
    let bridge = start_bridge(&server).await;
    assert!(poll(&bridge).await.done);
    assert!(bridge.jira().incident("pd:Q2").is_some());
    let metrics = bridge.get_as_operator("/metrics").await.text;
    let line = metrics.lines().find(|line| line.contains("result=\"unmappable\"")).expect("it is counted");
    assert!(line.starts_with("incident_bridge_statements_total{source=\"pd\""), "{line}");
    assert!(bridge.log.contains("the incident has no id"));
    bridge.finish().await;
}

#[tokio::test]
async fn a_run_after_the_clock_was_set_back_reads_what_was_resolved_meanwhile() {
    let server = start_pagerduty().await;
    let list = |sort| Mock::given(path("/incidents")).and(query_param("sort_by", sort));
    list("created_at:asc").respond_with(page(&[], false)).mount(&server).await;
    list("resolved_at:desc").respond_with(page(&[], false)).up_to_n_times(1).mount(&server).await;
    let bridge = start_bridge(&server).await;
    bridge.clock.set(chrono::TimeDelta::hours(1));
    assert!(poll(&bridge).await.done);
    bridge.clock.set(chrono::TimeDelta::hours(-1));
    for (offset, id, minute) in [("0", "Q1", 2), ("1", "Q2", 1)] {
        let mut resolved = told(id, "resolved");
        resolved["resolved_at"] = format!("2026-09-14T08:0{minute}:00Z").into();
        let found = list("resolved_at:desc").and(query_param("offset", offset));
        found.respond_with(page(&[resolved], offset == "0")).mount(&server).await;
    }
    bridge.advance(300);
    assert!(poll(&bridge).await.done);
    assert_eq!(bridge.jira().count(Kind::Incident), 2);
    bridge.finish().await;
}

#[tokio::test]
async fn a_refused_token_is_an_error_for_a_person_and_not_a_storm_of_requests() {
    let server = MockServer::start().await;
    Mock::given(header("authorization", "Token token=rest-token"))
        .respond_with(ResponseTemplate::new(401))
        .mount(&server)
        .await;
    let bridge = start_bridge(&server).await;
    assert!(!poll(&bridge).await.done);
    bridge.log.expect_error("api_token");
    let requests = server.received_requests().await.expect("it records").len();
    bridge.advance(60);
    assert!(!poll(&bridge).await.done);
    assert_eq!(server.received_requests().await.expect("it records").len(), requests);
    assert!(!bridge.log.contains("rest-token"), "the token stands in the log");
    bridge.finish().await;
}

#[tokio::test]
async fn no_header_of_a_tool_can_stop_polling_for_longer_than_two_hours() {
    for seconds in ["7300", "4000000000", "100000000000000", "18446744073709551615", "99999999999999999999"] {
        let server = start_pagerduty().await;
        let asks = ResponseTemplate::new(429).insert_header("Retry-After", seconds);
        Mock::given(path("/incidents")).respond_with(asks).up_to_n_times(1).mount(&server).await;
        Mock::given(path("/incidents"))
            .respond_with(page(&[told("Q1", "triggered")], false))
            .mount(&server)
            .await;
        let bridge = start_bridge(&server).await;
        assert!(!poll(&bridge).await.done);
        bridge.advance(2 * 3600);
        assert!(poll(&bridge).await.done, "{seconds}");
        assert!(bridge.jira().incident("pd:Q1").is_some());
        bridge.finish().await;
    }
}

/// Somebody wrote a note: PagerDuty names the incident without its content.
async fn annotate(bridge: &Bridge, id: &str) {
    let body = json!({ "event": {
        "id": format!("NOTE-{id}"), "event_type": "incident.annotated", "resource_type": "incident",
        "occurred_at": "2026-09-14T08:01:00Z",
        "data": { "id": "PNOTE", "type": "incident_note", "incident": { "id": id, "type": "incident_reference" } },
    }})
    .to_string();
    let signature = crate::harness::pagerduty::sign(&body);
    assert_eq!(bridge.post_webhook("pd", body, &[("X-PagerDuty-Signature", &signature)]).await.status, 202);
    bridge.settle().await;
}

#[tokio::test]
async fn an_event_without_the_incidents_state_makes_the_bridge_ask_for_it() {
    let server = start_pagerduty().await;
    Mock::given(path("/incidents")).respond_with(page(&[], false)).mount(&server).await;
    let changed = incident("Q1", "Changed by a person", "acknowledged", "PCHECKOUT", start_time());
    Mock::given(path("/incidents/Q1"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({ "incident": changed })))
        .expect(1)
        .mount(&server)
        .await;
    let bridge = start_bridge(&server).await;
    bridge.pagerduty(&triggered("Q1")).await;
    bridge.advance(60);
    annotate(&bridge, "Q1").await;
    assert!(poll(&bridge).await.done);
    assert_eq!(bridge.jira().incident("pd:Q1").expect("it is there")["summary"], "Changed by a person");
    bridge.finish().await;
}

#[tokio::test]
async fn incidents_are_read_although_the_list_of_services_is_refused() {
    let server = start_pagerduty().await;
    let services = Mock::given(path("/services"));
    services.respond_with(ResponseTemplate::new(403)).with_priority(1).mount(&server).await;
    let incidents = page(&[told("Q1", "triggered")], false);
    Mock::given(path("/incidents")).respond_with(incidents).mount(&server).await;
    let bridge = start_bridge(&server).await;
    assert!(poll(&bridge).await.done);
    bridge.log.expect_error("PagerDuty refuses /services");
    assert_eq!(bridge.jira().incident("pd:Q1").expect("it is there")["status"], "open");
    let source = bridge.engine.registry().find("pd").expect("it is configured").id().clone();
    let state = bridge.engine.store().polls().find(&source).await.expect("the store works").expect("there");
    assert!(state.failure.is_some_and(|told| told.contains("/services")), "the failure is still shown");
    bridge.finish().await;
}

#[tokio::test]
async fn an_incident_that_the_tool_refuses_keeps_no_other_from_being_fetched() {
    let server = start_pagerduty().await;
    let one = json!({ "incident": told("QB", "triggered") });
    for (at, answer) in [
        ("/incidents/QA", ResponseTemplate::new(403)),
        ("/incidents/QB", ResponseTemplate::new(200).set_body_json(one)),
        ("/incidents", page(&[], false)),
    ] {
        Mock::given(path(at)).respond_with(answer).mount(&server).await;
    }
    let bridge = start_bridge(&server).await;
    let source = bridge.engine.registry().find("pd").expect("it is configured").clone();
    for id in ["QA", "QB"] {
        annotate(&bridge, id).await;
    }
    poll(&bridge).await;
    bridge.log.expect_error("PagerDuty refuses /incidents/QA");
    assert!(bridge.jira().entity(Kind::Incident, "pd:QB").is_some());
    bridge.advance(15 * 60);
    let left = bridge.engine.store().polls().list_refetches(source.id(), 10).await.expect("the store works");
    let left = left.iter().map(|it| it.provider_id.as_str()).collect::<Vec<_>>();
    assert_eq!(left, ["QA"], "it is asked for again, but not at once");
    bridge.finish().await;
}

#[tokio::test]
async fn a_window_of_the_past_is_read_without_moving_the_place_where_polling_stands() {
    let server = start_pagerduty().await;
    let began = |id: &str, at: &str| {
        let mut incident = told(id, "resolved");
        incident["created_at"] = at.into();
        incident
    };
    let known = [
        began("Q1", "2025-03-31T23:59:59Z"),
        began("Q2", "2025-04-01T00:00:00Z"),
        began("Q3", "2025-06-30T23:59:59Z"),
        began("Q4", "2025-07-01T00:00:00Z"),
    ];
    let since = |since: &str| Mock::given(path("/incidents")).and(query_param("since", since));
    since("2025-04-01T00:00:00.000Z").respond_with(page(&known, false)).with_priority(1).mount(&server).await;
    Mock::given(path("/incidents")).respond_with(page(&[], false)).mount(&server).await;
    let bridge = start_bridge(&server).await;
    poll(&bridge).await;
    let source = bridge.engine.registry().find("pd").expect("it is configured").clone();
    let before = bridge.engine.store().polls().find(source.id()).await.expect("the store works");
    let [since, until] = ["2025-04-01T00:00:00Z", "2025-07-01T00:00:00Z"]
        .map(|text| incident_bridge::domain::parse_timestamp(text).expect("an instant"));
    let window = Window { since, until };
    let read = bridge.engine.inbound().read_window(&source, window, |_| {}).await.expect("the store works");
    assert_eq!(read.expect("PagerDuty answers").changed, 2);
    bridge.settle().await;
    let shown = bridge.jira().incidents();
    let shown = shown.iter().map(|incident| incident["id"].as_str().expect("an id")).collect::<Vec<_>>();
    assert_eq!(shown, ["pd:Q2", "pd:Q3"]);
    assert_eq!(bridge.engine.store().polls().find(source.id()).await.expect("the store works"), before);
    bridge.finish().await;
}
