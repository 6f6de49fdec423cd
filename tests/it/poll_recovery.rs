//! A polled tool that fails for an hour, on the test's clock: how it is asked meanwhile, and that everything that waits
//! is in Jira soon after it is back.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::TimeDelta;
use incident_bridge::clock::Timestamp;
use incident_bridge::sync::{Next, Task};
use serde_json::json;
use wiremock::matchers::{any, path, path_regex};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::harness::pagerduty::{incident, triggered};
use crate::harness::{Bridge, Setup, pick_port, start_time};

/// Longest time between a tool's return and everything in Jira.
const BACK_WITHIN: i64 = 30;
/// Longest wait between two requests to a tool that fails, with the second that the test's clock rounds up.
const ASKED_WITHIN: i64 = 16;
const HOUR: i64 = 3600;

/// PagerDuty at an address of its own, so that it can go and come back.
struct Tool {
    port: u16,
    server: Option<MockServer>,
    /// Requests that arrived.
    asked: Arc<AtomicUsize>,
}

impl Tool {
    fn new() -> Self {
        Self { port: pick_port(), server: None, asked: Arc::default() }
    }

    /// Answers like this from now on: one incident that is listed and one that can be fetched.
    async fn works(&mut self) {
        self.start().await;
        let shown = |id: &str| incident(id, "Incident", "triggered", "PCHECKOUT", start_time());
        self.answer("/services", json!({ "services": [], "more": false })).await;
        self.answer("/priorities", json!({ "priorities": [] })).await;
        self.answer("/teams", json!({ "teams": [], "more": false })).await;
        self.answer("/log_entries", json!({ "log_entries": [], "more": false })).await;
        self.answer("/incidents", json!({ "incidents": [shown("QLISTED")], "more": false })).await;
        self.answer("/incidents/QNAMED", json!({ "incident": shown("QNAMED") })).await;
    }

    async fn answer(&self, at: &str, body: serde_json::Value) {
        let asked = self.asked.clone();
        let respond = move |_: &Request| {
            asked.fetch_add(1, Ordering::SeqCst);
            ResponseTemplate::new(200).set_body_json(&body)
        };
        Mock::given(path(at)).respond_with(respond).mount(self.server()).await;
    }

    /// Everything below `under` fails like this from now on.
    async fn fails(&self, under: &str, with: ResponseTemplate) {
        let asked = self.asked.clone();
        let respond = move |_: &Request| {
            asked.fetch_add(1, Ordering::SeqCst);
            with.clone()
        };
        let failing = Mock::given(any()).and(path_regex(under)).respond_with(respond);
        failing.with_priority(1).mount(self.server()).await;
    }

    /// A server that answers nothing yet.
    async fn start(&mut self) {
        if let Some(server) = &self.server {
            server.reset().await;
            return;
        }
        let address = SocketAddr::from(([127, 0, 0, 1], self.port));
        let listener = TcpListener::bind(address).expect("the port is free");
        self.server = Some(MockServer::builder().listener(listener).start().await);
    }

    fn server(&self) -> &MockServer {
        self.server.as_ref().expect("it runs")
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

/// The bridge's two tasks for one tool, run as the runner does it, but on the test's clock.
struct Tasks<'a> {
    bridge: &'a Bridge,
    tasks: Vec<(Arc<dyn Task>, Option<Timestamp>)>,
}

impl<'a> Tasks<'a> {
    fn new(bridge: &'a Bridge) -> Self {
        let now = Some(bridge.clock.now());
        let tasks = ["poll pd", "fetch pd"].map(|name| (bridge.task(name), now));
        Self { bridge, tasks: tasks.into() }
    }

    /// Lets a second pass and runs what is due; the source is polled every five minutes.
    async fn next_second(&mut self) {
        self.bridge.advance(1);
        let now = self.bridge.clock.now();
        for (nth, (task, due)) in self.tasks.iter_mut().enumerate() {
            let is_scheduled = nth == 0 && (now - start_time()).num_seconds() % 300 == 0;
            if is_scheduled || due.is_some_and(|due| due <= now) {
                *due = match task.run().await.expect("the store works") {
                    Next::AtInterval => None,
                    Next::After(wait) => Some(now + TimeDelta::from_std(wait).expect("it is short")),
                };
            }
        }
    }

    /// A webhook named an incident: the task is woken.
    fn wake_fetch(&mut self) {
        self.tasks[1].1 = Some(self.bridge.clock.now());
    }
}

async fn start_bridge(tool: &Tool) -> Bridge {
    let sources = format!(
        "[[sources]]\nid = \"pd\"\ntype = \"pagerduty\"\nwebhook_secrets = [\"pagerduty-signs-with-this\"]\n\
         api_token = \"rest-token\"\napi_url = \"http://127.0.0.1:{}\"\n",
        tool.port
    );
    let bridge = Setup::default().sources(&sources).start().await;
    bridge.install().await;
    bridge
}

/// Somebody wrote a note: PagerDuty names the incident without its content.
async fn name(bridge: &Bridge, id: &str) {
    let event = json!({ "event": {
        "id": format!("NOTE-{id}"), "event_type": "incident.annotated", "resource_type": "incident",
        "occurred_at": "2026-09-14T08:00:01Z",
        "data": { "id": "PNOTE", "type": "incident_note", "incident": { "id": id, "type": "incident_reference" } },
    }})
    .to_string();
    let signature = crate::harness::pagerduty::sign(&event);
    assert_eq!(bridge.post_webhook("pd", event, &[("X-PagerDuty-Signature", &signature)]).await.status, 202);
    bridge.settle().await;
}

/// An hour during which the tool fails; returns for each second how many requests arrived.
async fn hour_of_failure(tool: &Tool, tasks: &mut Tasks<'_>) -> Vec<usize> {
    let mut asked = Vec::new();
    for _ in 0..HOUR {
        let before = tool.asked();
        tasks.next_second().await;
        asked.push(tool.asked() - before);
    }
    asked
}

/// Everything that waits is in Jira within half a minute.
async fn recovers(bridge: &Bridge, tasks: &mut Tasks<'_>, what: &str) {
    for second in 1..=BACK_WITHIN {
        tasks.next_second().await;
        bridge.settle().await;
        let shown = ["pd:QLISTED", "pd:QNAMED"].map(|id| bridge.jira().incident(id).is_some());
        if shown == [true, true] {
            eprintln!("{what}: everything is there after {second} s");
            return;
        }
    }
    panic!("{what}: not everything is there {BACK_WITHIN} s after the tool came back");
}

#[tokio::test]
async fn after_an_hour_of_any_outage_everything_is_read_within_half_a_minute() {
    let failures = [
        ("500", Some(ResponseTemplate::new(500))),
        ("503", Some(ResponseTemplate::new(503))),
        ("429 without a time", Some(ResponseTemplate::new(429))),
        ("408", Some(ResponseTemplate::new(408))),
        ("refused connections", None),
    ];
    for (what, failure) in failures {
        let mut tool = Tool::new();
        let bridge = start_bridge(&tool).await;
        if let Some(failure) = failure.clone() {
            tool.start().await;
            tool.fails("/", failure).await;
        }
        name(&bridge, "QNAMED").await;
        let mut tasks = Tasks::new(&bridge);
        let asked = hour_of_failure(&tool, &mut tasks).await;
        if failure.is_some() {
            let tries: Vec<usize> = (0..asked.len()).filter(|second| asked[*second] > 0).collect();
            let longest = tries.windows(2).map(|pair| pair[1] - pair[0]).max().expect("many tries");
            assert!(
                longest <= usize::try_from(ASKED_WITHIN).expect("small"),
                "{what}: {longest} s between two tries"
            );
            let total: usize = asked.iter().skip(60).sum();
            let tries = tries.iter().filter(|second| **second >= 60).count();
            assert_eq!(total, tries, "{what}: one request per try");
            assert!(tries < 600, "{what}: {tries} tries in an hour");
        }
        tool.works().await;
        recovers(&bridge, &mut tasks, what).await;
        bridge.finish().await;
    }
}

#[tokio::test]
async fn a_time_that_the_tool_names_is_obeyed_before_anything_else() {
    let mut tool = Tool::new();
    tool.works().await;
    let bridge = start_bridge(&tool).await;
    tool.fails("/", ResponseTemplate::new(429).insert_header("Retry-After", "1200")).await;
    name(&bridge, "QNAMED").await;
    let mut tasks = Tasks::new(&bridge);
    let asked = hour_of_failure(&tool, &mut tasks).await;
    let tries = asked.iter().filter(|asked| **asked > 0).count();
    assert!((3..=4).contains(&tries), "{tries} tries");
    bridge.finish().await;
}

#[tokio::test]
async fn what_fails_beside_its_pages_is_tried_less_and_less_often() {
    for (under, most) in [("^/services", 30), ("^/incidents/QNAMED", 600)] {
        let mut tool = Tool::new();
        tool.works().await;
        tool.fails(under, ResponseTemplate::new(503)).await;
        let bridge = start_bridge(&tool).await;
        name(&bridge, "QNAMED").await;
        let mut tasks = Tasks::new(&bridge);
        tasks.next_second().await;
        bridge.settle().await;
        assert!(bridge.jira().incident("pd:QLISTED").is_some(), "{under}: pages wait for nothing else");
        let counted = |requests: Vec<Request>| {
            let failing = regex(under);
            requests.iter().filter(|request| request.url.path().starts_with(failing)).count()
        };
        let source = bridge.engine.registry().find("pd").expect("it is configured").clone();
        for _ in 0..HOUR / 10 {
            for _ in 0..10 {
                tasks.next_second().await;
            }
            bridge.engine.inbound().poll(&source, |_, _| {}).await.expect("the store works");
        }
        let failed = counted(tool.server().received_requests().await.expect("it records"));
        assert!(
            (5..most).contains(&failed),
            "{under}: {failed} requests in an hour of polls every ten seconds"
        );
        tool.works().await;
        if under.contains("QNAMED") {
            recovers(&bridge, &mut tasks, under).await;
        }
        bridge.finish().await;
    }
}

fn regex(under: &str) -> &str {
    under.trim_start_matches('^')
}

#[tokio::test]
async fn an_incident_that_is_named_while_its_tool_fails_waits_for_no_schedule() {
    let mut tool = Tool::new();
    tool.works().await;
    let bridge = start_bridge(&tool).await;
    let mut tasks = Tasks::new(&bridge);
    tasks.next_second().await;
    tool.start().await;
    tool.fails("/", ResponseTemplate::new(503)).await;
    bridge.pagerduty(&triggered("Q1")).await;
    name(&bridge, "QNAMED").await;
    tasks.wake_fetch();
    for _ in 0..200 {
        tasks.next_second().await;
    }
    tool.works().await;
    recovers(&bridge, &mut tasks, "between two polls").await;
    bridge.finish().await;
}
