//! What only Alertmanager does: episodes over webhooks, replicas and polls.

use sha2::{Digest, Sha256};
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::domain::{IncidentStatus, Severity};
use crate::sources::Unmappable;
use crate::sources::tests::prelude::*;

const KEY: &str =
    "{}/{severity=~\"critical|warning\"}:{alertname=\"HighErrorRate\", service=\"checkout-api\"}";

fn alert(fingerprint: &str, starts_at: &str, ends_at: Option<&str>) -> Value {
    json!({
        "status": if ends_at.is_some() { "resolved" } else { "firing" },
        "labels": {"alertname": "HighErrorRate", "service": "checkout-api", "severity": "critical"},
        "annotations": {"summary": "Checkout fails"},
        "startsAt": format!("2026-09-14T{starts_at}:00Z"),
        "endsAt": ends_at.map_or("0001-01-01T00:00:00Z".to_owned(), |at| format!("2026-09-14T{at}:00Z")),
        "fingerprint": fingerprint,
    })
}

fn message(alerts: &[Value]) -> Value {
    let fires = alerts.iter().any(|alert| alert["status"] == "firing");
    json!({
        "version": "4", "groupKey": KEY, "receiver": "jira\\-sidecar", "truncatedAlerts": 0,
        "status": if fires { "firing" } else { "resolved" },
        "groupLabels": {"alertname": "HighErrorRate", "service": "checkout-api"},
        "externalURL": "http://am-1.example.com:9093", "alerts": alerts,
    })
}

/// One Alertmanager and what is stored about it.
struct Story {
    source: Arc<dyn Source>,
    server: Option<MockServer>,
    memory: Memory,
}

impl Story {
    fn new() -> Self {
        Self { source: sample_source("alertmanager", None), server: None, memory: Memory::default() }
    }

    async fn polled() -> Self {
        let server = MockServer::start().await;
        let source = sample_source("alertmanager", Some(&server.uri()));
        Self { source, server: Some(server), memory: Memory::default() }
    }

    /// Receives a message; the incident it gives, if any.
    fn hears(&mut self, at: &str, body: &Value) -> Option<Incident> {
        let webhook = verified(&[], body.to_string().as_bytes(), time(&format!("2026-09-14T{at}:30Z")));
        let needed = self.source.recall(&webhook);
        let kept = self.memory.with_prefix("").map(|(key, value)| (key.to_owned(), value.to_owned()));
        let kept = kept.filter(|(key, _)| needed.contains(key)).collect();
        let mut recalled = Memory::new(kept);
        let found = self.source.parse(&webhook, &mut recalled).expect("mappable");
        for (key, value) in recalled.changes() {
            match value {
                Some(value) => self.memory.set(key, value),
                None => self.memory.forget(key),
            }
        }
        assert_eq!(found.observations.is_empty(), found.ignored.is_some());
        found.observations.first().map(|observation| incident(observation).clone())
    }

    /// Polls groups, each a list of alerts under a receiver; the incidents it gives.
    async fn polls(&mut self, at: &str, groups: &[(&str, &[Value])]) -> Vec<Incident> {
        let groups = groups.iter().map(|(receiver, alerts)| {
            let labels = json!({"alertname": "HighErrorRate", "service": "checkout-api"});
            json!({"labels": labels, "receiver": {"name": receiver}, "alerts": alerts})
        });
        let answer = ResponseTemplate::new(200).set_body_json(Value::Array(groups.collect()));
        let server = self.server.as_ref().expect("a polled story");
        server.reset().await;
        Mock::given(path("/api/v2/alerts/groups")).respond_with(answer).mount(server).await;
        let now = time(&format!("2026-09-14T{at}:30Z"));
        let poller = self.source.poller().expect("configured");
        let page = poller.poll(request(None, &mut self.memory, now)).await.expect("a page");
        assert!(page.done);
        page.findings.observations.iter().map(|observation| incident(observation).clone()).collect()
    }
}

#[test]
fn the_id_is_made_of_the_source_the_group_key_and_the_first_start() {
    let mut story = Story::new();
    let body = read_json("alertmanager", "webhook-firing-group.json");
    let found = story.hears("08:25", &body).expect("an incident");
    let hash = hex::encode(Sha256::digest(format!("test\n{KEY}")));
    assert_eq!(found.provider_id, format!("am-{}-1789374067", hash.get(..40).unwrap()));
    assert_eq!(found.summary, "Checkout 5xx ratio above 4%");
    assert!(found.url.starts_with("http://prometheus.example.com:9090/graph"));
    let expected = "5xx ratio is 4.7% for 5m.\n\n2 firing, 0 resolved\n\n\
                    Labels: alertname=HighErrorRate, service=checkout-api\n\nRunbook: https://wiki.example.com/rb/checkout";
    assert_eq!(found.description, expected);
}

#[test]
fn a_group_is_one_incident_until_its_last_alert_resolves() {
    let mut story = Story::new();
    let opened = story.hears("08:01", &message(&[alert("a", "08:00", None)])).expect("an incident");
    let grown = message(&[alert("b", "08:02", None), alert("a", "08:00", Some("08:05"))]);
    let grown = story.hears("08:06", &grown).expect("an incident");
    assert_eq!((&grown.provider_id, grown.status), (&opened.provider_id, IncidentStatus::Open));
    let resolved =
        story.hears("08:11", &message(&[alert("b", "08:02", Some("08:10"))])).expect("an incident");
    assert_eq!((&resolved.provider_id, resolved.status), (&opened.provider_id, IncidentStatus::Resolved));
    assert_eq!(resolved.updated_at, time("2026-09-14T08:10:00Z"));
    assert_eq!(resolved.created_at, time("2026-09-14T08:00:00Z"));

    let again = story.hears("09:01", &message(&[alert("a", "09:00", None)])).expect("an incident");
    assert_ne!(again.provider_id, opened.provider_id);
    assert_eq!(again.status, IncidentStatus::Open);
}

#[test]
fn late_repeats_of_the_other_replica_change_nothing() {
    let mut story = Story::new();
    let firing = message(&[alert("a", "08:00", None)]);
    let resolved = message(&[alert("a", "08:00", Some("08:10"))]);
    story.hears("08:01", &firing);
    story.hears("08:11", &resolved);
    assert_eq!(story.hears("08:12", &firing), None, "a resolved group does not reopen");
    assert_eq!(story.hears("08:12", &resolved), None);

    let second = story.hears("09:01", &message(&[alert("a", "09:00", None)])).expect("a new episode");
    assert_eq!(story.hears("09:02", &resolved), None, "the old resolution does not touch the new episode");
    let repeat = story.hears("09:03", &message(&[alert("a", "09:00", None)])).expect("still open");
    assert_eq!(repeat, second);
}

#[test]
fn an_alert_that_began_before_the_resolution_but_was_never_seen_reopens_the_group() {
    let mut story = Story::new();
    let opened = story.hears("08:01", &message(&[alert("a", "08:00", None)])).expect("an incident");
    story.hears("08:11", &message(&[alert("a", "08:00", Some("08:10"))]));
    let found = story.hears("08:12", &message(&[alert("b", "08:09", None)])).expect("an incident");
    assert_eq!((found.provider_id, found.status), (opened.provider_id, IncidentStatus::Open));
}

#[test]
fn a_cut_list_never_resolves() {
    let mut story = Story::new();
    story.hears("08:01", &message(&[alert("a", "08:00", None)]));
    let mut cut = message(&[alert("a", "08:00", Some("08:10"))]);
    cut["truncatedAlerts"] = json!(3);
    assert_eq!(story.hears("08:11", &cut), None);
}

#[test]
fn a_resolution_whose_beginning_was_lost_is_still_told() {
    let found =
        Story::new().hears("08:11", &message(&[alert("a", "08:00", Some("08:10"))])).expect("an incident");
    assert_eq!((found.status, found.severity), (IncidentStatus::Resolved, Severity::P1));
}

#[test]
fn a_replaced_payload_says_what_to_remove() {
    let source = sample_source("alertmanager", None);
    let webhook = verified(&[], br#"{"text": "custom"}"#, time("2026-09-14T08:00:00Z"));
    assert!(matches!(source.inspect(&webhook), Err(Unmappable::Malformed(why)) if why.contains("`payload`")));
}

#[tokio::test]
async fn an_episode_that_two_polls_miss_is_resolved() {
    let mut story = Story::polled().await;
    let firing = [alert("a", "08:00", None)];
    let opened = story.polls("08:05", &[("jira-sidecar", &firing)]).await.remove(0);
    assert_eq!(opened.status, IncidentStatus::Open);
    assert!(story.polls("08:10", &[]).await.is_empty());
    story.polls("08:15", &[("jira-sidecar", &firing)]).await;
    assert!(story.polls("08:20", &[]).await.is_empty(), "it was seen in between");
    let resolved = story.polls("08:25", &[]).await.remove(0);
    assert_eq!((&resolved.provider_id, resolved.status), (&opened.provider_id, IncidentStatus::Resolved));
    assert!(story.polls("08:30", &[]).await.is_empty());

    // The resolution was only presumed, so the same alert reopens the same incident.
    let back = story.polls("08:35", &[("jira-sidecar", &firing)]).await.remove(0);
    assert_eq!((back.provider_id, back.status), (opened.provider_id, IncidentStatus::Open));
}

#[tokio::test]
async fn a_webhook_takes_over_the_episode_that_a_poll_opened() {
    let mut story = Story::polled().await;
    let firing = [alert("a", "08:00", None)];
    let polled = story.polls("08:00", &[("jira-sidecar", &firing)]).await.remove(0);
    let heard = story.hears("08:01", &message(&firing)).expect("an incident");
    assert_eq!(heard.provider_id, polled.provider_id);
    assert_eq!(story.memory.with_prefix("episode/").count(), 1);
    let again = story.polls("08:05", &[("jira-sidecar", &firing)]).await.remove(0);
    assert_eq!(again.provider_id, polled.provider_id);
    let resolved =
        story.hears("08:11", &message(&[alert("a", "08:00", Some("08:10"))])).expect("an incident");
    assert_eq!((resolved.provider_id, resolved.status), (polled.provider_id, IncidentStatus::Resolved));
    assert!(story.polls("08:12", &[("jira-sidecar", &firing)]).await.is_empty(), "a slower replica's view");
}

#[tokio::test]
async fn a_webhook_takes_over_although_an_earlier_episode_is_remembered() {
    let mut story = Story::polled().await;
    story.hears("08:01", &message(&[alert("a", "08:00", None)]));
    story.hears("08:11", &message(&[alert("a", "08:00", Some("08:10"))]));
    let firing = [alert("b", "09:00", None)];
    let polled = story.polls("09:01", &[("jira-sidecar", &firing)]).await.remove(0);
    let heard = story.hears("09:02", &message(&firing)).expect("an incident");
    assert_eq!(heard.provider_id, polled.provider_id);
    assert_eq!(story.hears("09:03", &message(&[alert("a", "08:00", Some("08:10"))])), None);
}

#[tokio::test]
async fn one_group_under_two_receivers_is_one_incident() {
    let mut story = Story::polled().await;
    let firing = [alert("a", "08:00", None)];
    let found = story.polls("08:05", &[("jira-sidecar", &firing), ("pager", &firing)]).await;
    assert_eq!(found.len(), 1);
}

#[tokio::test]
async fn a_group_whose_alerts_have_all_changed_stays_its_incident() {
    let mut story = Story::polled().await;
    let opened = story.hears("08:01", &message(&[alert("a", "08:00", None)])).expect("an incident");
    let found = story.polls("08:05", &[("jira-sidecar", &[alert("b", "08:03", None)])]).await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].provider_id, opened.provider_id);
}

#[tokio::test]
async fn episodes_are_forgotten_days_after_their_resolution() {
    let mut story = Story::polled().await;
    story.hears("08:11", &message(&[alert("a", "08:00", Some("08:10"))]));
    assert_eq!(story.memory.with_prefix("episode/").count(), 1);
    let later = time("2026-09-22T00:00:00Z");
    let none = ResponseTemplate::new(200).set_body_json(json!([]));
    let server = story.server.as_ref().expect("polled");
    Mock::given(path("/api/v2/alerts/groups")).respond_with(none).mount(server).await;
    let poller = story.source.poller().expect("configured");
    poller.poll(request(None, &mut story.memory, later)).await.expect("a page");
    assert_eq!(story.memory.with_prefix("episode/").count(), 0);
}
