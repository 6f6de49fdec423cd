//! Splunk On-Call: every case, both kinds of webhooks, every signature, and reports a minute apart.

use wiremock::{MockServer, ResponseTemplate};

use crate::domain::Severity;
use crate::sources::Findings;
use crate::sources::tests::prelude::*;

const KIND: &str = "splunk_oncall";
const FORM: &[(&str, &str)] = &[("content-type", "application/x-www-form-urlencoded")];
const NOW: &str = "2026-11-24T00:00:00Z";

fn parse(headers: &[(&str, &str)], body: &[u8], memory: &mut Memory) -> Findings {
    let source = sample_source(KIND, None);
    let webhook = verified(headers, body, sample_now());
    source.inspect(&webhook).expect("mappable");
    source.parse(&webhook, memory).expect("mappable")
}

async fn splunk(current: Value) -> (MockServer, Arc<dyn Source>) {
    let server = MockServer::start().await;
    mount(&server, "/api-public/v1/incidents", answer(current)).await;
    let report = read_json(KIND, "rest-reporting-v2-incidents.json");
    mount(&server, "/api-reporting/v2/incidents", answer(report)).await;
    mount(&server, "/api-public/v1/org/routing-keys", answer(read_json(KIND, "rest-routing-keys.json")))
        .await;
    mount(&server, "/api-public/v1/team", answer(read_json(KIND, "rest-teams.json"))).await;
    let source = sample_source(KIND, Some(&server.uri()));
    (server, source)
}

fn check_page(found: &Findings, expect: &Value, file: &str) {
    for (i, expected) in expect["incidents"].as_array().expect("incidents").iter().enumerate() {
        check_incident(&found.observations[i], expected, file);
    }
}

#[tokio::test]
async fn every_sample_means_what_its_case_says() {
    let mut memory = Memory::default();
    for (file, expect) in cases(KIND) {
        let (_server, source) = splunk(read_json(KIND, "rest-incidents-current.json")).await;
        match expect["action"].as_str().expect("action") {
            "operator_template" => {
                let found = parse(&[], &read(KIND, &file), &mut memory);
                assert!(found.ignored.is_some(), "{file}: variables that stayed as they were written");
            }
            "upsert" => {
                let found = parse(&[], &read(KIND, &file), &mut memory);
                check_incident(&found.observations[0], &expect, &file);
                assert_eq!(incident(&found.observations[0]).severity, Severity::P1, "{file}: kept");
            }
            "upsert_or_refetch" => {
                let body = if std::path::Path::new(&file).extension().is_some_and(|it| it == "txt") {
                    read(KIND, &file)
                } else {
                    let fields = read_json(KIND, &file)["fields"].as_object().expect("fields").clone();
                    let mut form = url::form_urlencoded::Serializer::new(String::new());
                    form.extend_pairs(fields.iter().map(|(k, v)| (k, v.as_str().expect("text"))));
                    form.finish().into_bytes()
                };
                let found = parse(FORM, &body, &mut Memory::default());
                check_incident(&found.observations[0], &expect, &file);
                let told = incident(&found.observations[0]);
                assert_eq!(
                    (told.summary.as_str(), &told.components[0]),
                    ("Checkout 5xx rate", &"payments".into())
                );
                assert_eq!(told.url, "https://portal.victorops.com/ui/acme/incident/5129/details");
            }
            "poll_page" => {
                let cursor = crate::sources::Cursor(json!({"current": true, "history": [NOW, 0]}));
                let cursor = Some(cursor).filter(|_| file.contains("reporting"));
                let poller = source.poller().expect("configured");
                let page = poller.poll(request(cursor.as_ref(), &mut Memory::default(), time(NOW))).await;
                check_page(&page.expect("a page").findings, &expect, &file);
            }
            "workspaces" => assert_eq!(json!(catalogue_ids(&*source).await.1), expect["ids"]),
            "containers" => assert_eq!(json!(catalogue_ids(&*source).await.0), expect["ids"]),
            other => panic!("{file}: unknown action {other}"),
        }
    }
}

#[test]
fn every_signature_gets_its_verdict() {
    for vector in vectors::vectors(KIND, "signature-vectors.json") {
        let source = source(KIND, |config| {
            config.webhook_secrets = vec![vector["secret"].as_str().expect("text").into()];
            config.options = options(json!({ "escalation_url": vector["url"] }));
        });
        let headers = vector["headers"].as_object().expect("headers").iter();
        let headers = headers.map(|(name, value)| (name.as_str(), value.as_str().expect("text")));
        let body = vector["body"].as_str().expect("text").as_bytes();
        let verdict = source.verify(inbound(&headers.collect::<Vec<_>>(), body, sample_now()));
        eprintln!("{KIND}: {} = {}", vector["name"], vector["expected"]);
        assert_eq!(verdict.is_ok(), vector["expected"] == "valid", "{}: {verdict:?}", vector["name"]);
    }
}

#[tokio::test]
async fn a_first_run_reads_the_past_and_a_later_one_what_is_current_no_more() {
    let (server, source) = splunk(read_json(KIND, "rest-incidents-current.json")).await;
    let mut memory = Memory::default();
    let (pages, cursor) = run(&*source, None, &mut memory, NOW).await;
    assert_eq!(pages.iter().map(|page| page.findings.observations.len()).collect::<Vec<_>>(), [2, 1]);
    let asked = server.received_requests().await.expect("recorded");
    for (name, value) in [
        ("startedAfter", "2026-08-26T00:00:00.000Z"),
        ("currentPhase", "resolved"),
        ("offset", "0"),
        ("limit", "100"),
    ] {
        assert_eq!(parameter(&asked[1], name).as_deref(), Some(value));
    }
    assert!(asked.iter().all(|r| r.headers.get("x-vo-api-id").expect("sent") == "id"));
    assert!(asked.iter().all(|r| r.headers.get("x-vo-api-key").expect("sent") == "token"));

    let (server, source) = splunk(json!({"incidents": []})).await;
    let poller = source.poller().expect("configured");
    let (pages, cursor) = run(&*source, Some(cursor), &mut memory, "2026-11-24T00:00:30Z").await;
    assert!(pages.iter().all(|page| page.findings.observations.is_empty()), "a report a minute");
    assert_eq!(
        server.received_requests().await.expect("recorded").len(),
        1,
        "what is current is read all the same"
    );
    let (pages, _) = run(&*source, Some(cursor), &mut memory, "2026-11-24T00:01:01Z").await;
    assert_eq!(incident(&pages[1].findings.observations[0]).status.as_str(), "resolved");
    let asked = server.received_requests().await.expect("recorded");
    let numbers = asked.iter().filter_map(|r| parameter(r, "incidentNumber")).collect::<Vec<_>>();
    assert_eq!(numbers, ["5127,5129"]);
    let found = poller.fetch_incident("5129", sample_now()).await.expect("answered").expect("known");
    assert_eq!(incident(&found.observations[0]).severity, Severity::P1);
    assert_eq!(poller.fetch_incident("1", sample_now()).await.expect("answered"), None);
}

#[tokio::test]
async fn a_key_that_may_not_read_reports_still_reads_what_is_current_in_every_run() {
    let current = read_json(KIND, "rest-incidents-current.json");
    let no_report = ResponseTemplate::new(200).set_body_json(json!({"message": "later"}));
    for report in [403, 404, 400].map(ResponseTemplate::new).into_iter().chain([no_report]) {
        let server = MockServer::start().await;
        mount(&server, "/api-reporting/v2/incidents", report).await;
        mount(&server, "/api-public/v1/incidents", answer(current.clone())).await;
        let source = sample_source(KIND, Some(&server.uri()));
        let (mut memory, mut cursor) = (Memory::default(), None);
        for minute in 0..3 {
            let now = format!("2026-11-24T00:0{}:00Z", 2 * minute);
            let (pages, next) = run(&*source, cursor, &mut memory, &now).await;
            assert_eq!(pages[0].findings.observations.len(), 2, "{now}");
            cursor = Some(next);
        }
        let asked = server.received_requests().await.expect("recorded");
        let starts = asked.iter().filter_map(|r| parameter(r, "startedAfter")).collect::<Vec<_>>();
        assert_eq!(starts, ["2026-08-26T00:00:00.000Z"; 3], "the past is asked for again until it is given");
    }
}

#[tokio::test]
async fn trouble_says_what_to_do() {
    check_faults(KIND, limited(429, &[("retry-after", "30")], &Value::Null), Some(30), time(NOW)).await;
}
