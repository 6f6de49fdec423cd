//! The metrics as operators use them: what the manual and the alert rules say of them is true.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use incident_bridge::simulator::Fault;
use incident_bridge::telemetry::Metrics;
use serde_json::Value;

use crate::architecture::document::{Document, list_names};
use crate::harness::pagerduty::triggered;
use crate::harness::pagerduty_account::Account;
use crate::harness::{Bridge, Setup};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The metrics of the manual, each with its labels.
fn documented() -> BTreeMap<String, BTreeSet<String>> {
    let document = Document::read(root(), "docs/OPERATING.md");
    let rows = document.read_table("### Metrics", &["metric", "labels", "meaning"]).expect("the table");
    let row =
        |cells: &[String]| (list_names(&cells[0]).concat(), list_names(&cells[1]).into_iter().collect());
    rows.iter().map(|row_of_table| row(&row_of_table.cells)).collect()
}

/// The name without what a histogram appends.
fn base_name<'a>(name: &'a str, known: &BTreeMap<String, BTreeSet<String>>) -> &'a str {
    let suffixes = ["_bucket", "_sum", "_count"];
    let base =
        suffixes.iter().find_map(|suffix| name.strip_suffix(suffix).filter(|it| known.contains_key(*it)));
    base.unwrap_or(name)
}

/// Names and labels of the series in an answer to Prometheus.
fn series(text: &str) -> impl Iterator<Item = (&str, BTreeSet<String>)> {
    text.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let (name, labels) = line.split_once('{').unwrap_or((line.split(' ').next().unwrap_or(line), ""));
        let labels = labels.rsplit_once('}').map_or("", |(labels, _)| labels).split("\",");
        let names = labels.filter_map(|label| label.split_once("=\"").map(|(name, _)| name.to_owned()));
        (name, names.filter(|name| name != "le").collect())
    })
}

fn value(text: &str, start: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(start)?.trim().parse().ok())
}

async fn scrape(bridge: &Bridge) -> String {
    bridge.get_as_operator("/metrics").await.text
}

#[test]
fn the_manual_lists_every_metric_and_no_other() {
    let known: BTreeSet<String> = Metrics::default().names().iter().cloned().collect();
    assert_eq!(documented().into_keys().collect::<BTreeSet<_>>(), known);
}

#[test]
fn the_alert_rules_are_well_formed_and_name_metrics_and_labels_that_exist() {
    let text = fs::read_to_string(root().join("config/alerts.yml")).expect("the file");
    let file: Value = serde_saphyr::from_str(&text).expect("YAML");
    let (known, mut names) = (documented(), BTreeSet::new());
    for group in file["groups"].as_array().expect("groups") {
        for rule in group["rules"].as_array().expect("rules") {
            let name = rule["alert"].as_str().expect("a name");
            assert!(names.insert(name.to_owned()), "{name} is there twice");
            assert!(
                ["page", "ticket"].contains(&rule["labels"]["severity"].as_str().unwrap_or_default()),
                "{name}"
            );
            assert!(rule["annotations"]["summary"].is_string(), "{name}");
            let expression = rule["expr"].as_str().expect("an expression");
            let words = expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            let metrics: Vec<&str> = words
                .filter(|word| word.starts_with("incident_bridge_") || word.starts_with("process_"))
                .collect();
            assert!(!metrics.is_empty(), "{name}");
            for metric in metrics {
                let labels = known.get(base_name(metric, &known));
                let labels = labels.unwrap_or_else(|| panic!("{name} names {metric}, which does not exist"));
                let selector =
                    expression.split_once(&format!("{metric}{{")).and_then(|(_, rest)| rest.split_once('}'));
                let used = selector.map_or("", |(selector, _)| selector).split(',');
                for label in used.filter_map(|part| part.split(['=', '!']).next()).filter(|it| !it.is_empty())
                {
                    assert!(
                        label == "job" || labels.contains(label.trim()),
                        "{name}: {metric} has no label {label}"
                    );
                }
            }
        }
    }
}

#[test]
fn no_stranger_can_wake_the_operator() {
    let text = fs::read_to_string(root().join("config/alerts.yml")).expect("the file");
    let file: Value = serde_saphyr::from_str(&text).expect("YAML");
    // What a request without a credential can raise.
    let open = [
        "result=\"rejected\"",
        "webhooks_unknown_source",
        "webhook-refused",
        "token-refused",
        "actions_total",
    ];
    for rule in file["groups"][0]["rules"].as_array().expect("rules") {
        let expression = rule["expr"].as_str().expect("an expression");
        if rule["labels"]["severity"] == "page" {
            assert!(open.iter().all(|part| !expression.contains(part)), "{expression}");
        }
    }
}

#[tokio::test]
async fn every_series_has_a_documented_name_and_its_documented_labels() {
    let (account, server) = Account::start().await;
    let source = format!(
        "[[sources]]\nid = \"pd\"\ntype = \"pagerduty\"\nwebhook_secrets = [\"pagerduty-signs-with-this\"]\n\
         api_token = \"rest-token\"\napi_url = \"{}\"\n",
        server.uri()
    );
    let bridge = Setup::default().sources(&source).start().await;
    bridge.install().await;
    bridge.pagerduty(&triggered("Q1")).await;
    bridge.jira().fail_next(Fault::rate_limited("jira-burst-based", Some(30)));
    bridge.settle().await;
    account.fail_next("/incidents", wiremock::ResponseTemplate::new(429));
    let polled = bridge.engine.registry().find("pd").expect("it is configured").clone();
    bridge.engine.inbound().poll(&polled, |_, _| {}).await.expect("the store works");
    bridge.settle_after(60).await;
    bridge.engine.inbound().poll(&polled, |_, _| {}).await.expect("the store works");
    bridge.settle_after(60).await;
    bridge.task("gauges").run().await.expect("the store works");
    let text = scrape(&bridge).await;
    let known = documented();
    let mut seen = BTreeSet::new();
    for (name, labels) in series(&text) {
        let base = base_name(name, &known);
        assert_eq!(known.get(base), Some(&labels), "{name}");
        seen.insert(base);
    }
    assert!(seen.len() > 20, "{seen:?}");
    for part in [
        "jira_requests_total{endpoint=\"POST /rest/operations/1.0/linkedWorkspaces/bulk\",outcome=\"ok\"}",
        "jira_requests_total{endpoint=\"POST /rest/operations/1.0/bulk\",outcome=\"ok\"}",
        "jira_requests_total{endpoint=\"GET /rest/operations/1.0/incidents/{id}\",outcome=\"ok\"}",
        "outcome=\"rate_limited\"",
        "tool_requests_total{source=\"pd\",endpoint=\"/incidents\",outcome=\"rate_limited\"}",
        "tool_requests_total{source=\"pd\",endpoint=\"/incidents\",outcome=\"ok\"}",
        "poll_last_success_timestamp_seconds{source=\"pd\"}",
        "webhook_last_received_timestamp_seconds{source=\"pd\"}",
        "delivery_last_success_timestamp_seconds{site=",
        "backfill_complete{source=\"pd\"} 1",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    bridge.finish().await;
}

#[tokio::test]
async fn gauges_keep_their_values_while_the_store_cannot_be_read() {
    let bridge = Bridge::installed().await;
    bridge.pagerduty(&triggered("Q1")).await;
    bridge.settle().await;
    let gauges = bridge.task("gauges");
    gauges.run().await.expect("the store works");
    let is_gauge = |line: &&str| ["deliveries{", "inbox{", "parked{"].iter().any(|it| line.contains(it));
    let lines = |text: String| text.lines().filter(is_gauge).map(str::to_owned).collect::<Vec<_>>();
    let before = lines(scrape(&bridge).await);
    assert_eq!(before.len(), 5 + 3 * 2 + 1, "{before:?}");
    bridge.engine.store().close().await;
    assert!(gauges.run().await.is_err());
    assert_eq!(lines(scrape(&bridge).await), before);
}

#[tokio::test]
async fn instants_and_durations_are_seconds() {
    let bridge = Bridge::installed().await;
    bridge.pagerduty(&triggered("Q1")).await;
    bridge.settle().await;
    let text = scrape(&bridge).await;
    let received = value(&text, "incident_bridge_webhook_last_received_timestamp_seconds{source=\"pd\"}");
    #[expect(clippy::cast_precision_loss, reason = "seconds since the epoch stay far below 2^53")]
    let now = bridge.clock.now().timestamp() as f64;
    assert_eq!(received, Some(now), "{text}");
    assert_eq!(value(&text, "process_start_time_seconds"), Some(now), "{text}");
    assert_eq!(value(&text, "incident_bridge_webhook_ingest_duration_seconds_count"), Some(1.0), "{text}");
    bridge.finish().await;
}
