//! What only ServiceNow does: the push contract, fields with display values, and paging by time.

use wiremock::matchers::{method, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::domain::Severity;
use crate::sources::tests::prelude::*;
use crate::sources::tests::vectors::webhook;
use crate::sources::{Cursor, Findings, PollError, Rejection, Unmappable};

const NAME: &str = "servicenow";
const INCIDENT: &str = "a9e30c7dc61122760116894de7bcc7bd";
const NEXT: &str = "<https://acme.service-now.com/api/now/table/incident?sysparm_offset=2>;rel=\"next\"";

fn parse(source: &dyn Source, body: &Value) -> Findings {
    let webhook = verified(&[], body.to_string().as_bytes(), sample_now());
    source.inspect(&webhook).expect("mappable");
    source.parse(&webhook, &mut Memory::default()).expect("mappable")
}

/// ServiceNow that answers requests whose parameter `name` is `value` with these records.
async fn answer(server: &MockServer, name: &str, value: &str, records: &Value, more: bool) {
    let mut response = ResponseTemplate::new(200).set_body_json(json!({ "result": records }));
    if more {
        response = response.insert_header("Link", NEXT);
    }
    Mock::given(method("GET")).and(query_param(name, value)).respond_with(response).mount(server).await;
}

fn record(id: &str, updated: &str, state: &str) -> Value {
    json!({"sys_id": id, "number": id, "sys_updated_on": updated, "state": state, "sys_mod_count": "1"})
}

async fn serve(file: &str, link: bool) -> (MockServer, Arc<dyn Source>) {
    let server = MockServer::start().await;
    let mut response = ResponseTemplate::new(200).set_body_json(read_json(NAME, file));
    if link {
        response = response.insert_header("Link", NEXT);
    }
    Mock::given(method("GET")).respond_with(response).mount(&server).await;
    let source = source(NAME, |config| {
        config.api_url = Some(server.uri().parse().expect("an address"));
        config.api_token = Some("user:password".into());
        config.workspaces = crate::config::WorkspaceMode::Teams;
    });
    (server, source)
}

#[tokio::test]
async fn every_sample_means_what_its_case_says() {
    for (file, expect) in cases(NAME) {
        let sample = read_json(NAME, &file);
        let (_server, source) = serve(&file, expect["has_more"] == true).await;
        let poller = source.poller().expect("configured");
        match expect["action"].as_str().expect("action") {
            "upsert" if file.starts_with("push-") => {
                let found = parse(&*sample_source(NAME, None), &sample);
                check_incident(&found.observations[0], &expect, &file);
                let url = incident(&found.observations[0]).url.clone();
                let page =
                    format!("https://acme.service-now.com/nav_to.do?uri=incident.do%3Fsys_id%3D{INCIDENT}");
                assert_eq!(url, page);
                let [service] = &found.mentioned[..] else { panic!("{file}: {:?}", found.mentioned) };
                assert_eq!(service.name, service.provider_id, "an id alone is all that Jira can be told");
                assert_eq!(incident(&found.observations[0]).components[0], service.provider_id);
            }
            "upsert" => {
                let found =
                    poller.fetch_incident(INCIDENT, sample_now()).await.expect("answered").expect("known");
                check_incident(&found.observations[0], &expect, &file);
                assert_eq!(
                    incident(&found.observations[0]).created_at,
                    time("2026-09-14T08:22:16Z"),
                    "{file}"
                );
            }
            "poll_page" => {
                let mut memory = Memory::default();
                let page = poller.poll(request(None, &mut memory, sample_now())).await.expect("a page");
                for (i, expected) in expect["incidents"].as_array().expect("incidents").iter().enumerate() {
                    check_incident(&page.findings.observations[i], expected, &file);
                }
                assert_eq!(page.next.0["phase"] == "changed", expect["has_more"] == true);
            }
            "containers" => {
                let found = poller.catalogue(sample_now()).await.expect("answered").components;
                assert_eq!(json!(found.iter().map(|c| &c.provider_id).collect::<Vec<_>>()), expect["ids"]);
                assert_eq!(found[0].tier, Some(crate::domain::Tier::One));
            }
            "workspaces" => {
                let found = poller.catalogue(sample_now()).await.expect("answered").workspaces;
                assert_eq!(json!(found.iter().map(|w| &w.provider_id).collect::<Vec<_>>()), expect["ids"]);
            }
            "backoff" => {
                let fields = [("X-RateLimit-Reset", "1789376400"), ("Retry-After", "1320")];
                check_faults(
                    NAME,
                    limited(429, &fields, &sample),
                    expect["retry_after_s"].as_u64(),
                    sample_now(),
                )
                .await;
            }
            other => panic!("{file}: unknown action {other}"),
        }
    }
}

#[test]
fn every_signature_gets_its_verdict() {
    for vector in read_json(NAME, "signature-vectors.json")["vectors"].as_array().expect("vectors") {
        eprintln!("{NAME}: {}", vector["name"]);
        let secret = vector["secret"].as_str().expect("text");
        let source = source(NAME, |config| config.webhook_secrets = vec![secret.into()]);
        let mut push = webhook(vector);
        push.received_at = from_millis(vector["received_at_unix"].as_i64().expect("seconds") * 1000);
        let result = source.verify(push);
        let valid = vector["signature_valid"] == true && vector["within_300s"] == true;
        assert_eq!(result.is_ok(), valid, "{}: {result:?}", vector["name"]);
        assert!(
            matches!(result, Ok(_) | Err(Rejection::Unauthorized(_) | Rejection::Mismatch(_))),
            "{}",
            vector["name"]
        );
    }
}

#[test]
fn a_push_of_another_schema_is_refused_and_of_another_table_ignored() {
    let source = sample_source(NAME, None);
    let mut push = read_json(NAME, "push-business-rule-update.json");
    push["table"] = json!("problem");
    assert!(parse(&*source, &push).ignored.is_some());
    push["schema"] = json!("sidecar-servicenow-2");
    let other = verified(&[], push.to_string().as_bytes(), sample_now());
    assert!(matches!(source.inspect(&other), Err(Unmappable::Malformed(why)) if why.contains("schema")));
}

#[test]
fn a_deletion_is_told_by_push() {
    let mut push = read_json(NAME, "push-business-rule-update.json");
    push["operation"] = json!("delete");
    let found = parse(&*sample_source(NAME, None), &push);
    assert!(matches!(found.observations[0].state, State::Deleted { .. }));
    assert_eq!(found.observations[0].event_time, time("2026-09-14T08:31:55Z"));
}

#[test]
fn the_operators_numbers_come_first_and_the_configuration_item_stands_in_for_the_service() {
    let source = source(NAME, |config| {
        config.severity.insert("2".into(), Severity::P4);
        config.status.insert("2".into(), crate::domain::IncidentStatus::Resolved);
    });
    let mut push = read_json(NAME, "push-business-rule-update.json");
    push["record"]["business_service"] = json!("");
    push["record"]["cmdb_ci"] = json!({"value": "ci1", "display_value": "web-1"});
    let found = parse(&*source, &push);
    let incident = incident(&found.observations[0]);
    assert_eq!((incident.severity, incident.status.as_str()), (Severity::P4, "resolved"));
    assert_eq!(incident.components, ["ci1"]);
    assert_eq!(incident.summary, "INC0010482: Checkout 5xx rate above 4%");
    assert_eq!((found.mentioned[0].provider_id.as_str(), found.mentioned[0].name.as_str()), ("ci1", "web-1"));
}

#[test]
fn a_credential_without_an_address_is_refused() {
    let told =
        try_source(NAME, |config| config.api_token = Some("user:password".into())).err().expect("refused");
    assert!(told.to_string().contains("api_url"), "{told}");
}

#[tokio::test]
async fn a_full_and_a_later_run_page_by_time_and_follow_what_left_the_filter() {
    let server = MockServer::start().await;
    let source = sample_source(NAME, Some(&server.uri()));
    let changed = |from: &str| {
        format!("priority=1^ORpriority=2^sys_updated_on>={from}^ORDERBYsys_updated_on^ORDERBYsys_id")
    };
    let (first, second) = (changed("2026-06-17 00:00:00"), changed("2026-09-14 08:00:00"));
    let page = json!([record("a", "2026-09-14 07:00:00", "1"), record("b", "2026-09-14 08:00:00", "6")]);
    answer(&server, "sysparm_query", &first, &page, true).await;
    // Records in one second: nothing newer, so the offset moves on; then an empty page of hidden records.
    let same = json!([record("b", "2026-09-14 08:00:00", "6")]);
    let last = json!([record("c", "2026-09-14 09:00:00", "6")]);
    for (offset, records, more) in [("0", same, true), ("200", json!([]), true), ("400", last, false)] {
        let mut response = ResponseTemplate::new(200).set_body_json(json!({ "result": records }));
        if more {
            response = response.insert_header("Link", NEXT);
        }
        Mock::given(query_param("sysparm_query", &second))
            .and(query_param("sysparm_offset", offset))
            .respond_with(response)
            .mount(&server)
            .await;
    }
    let open = "sys_idINa^sys_updated_on>=2026-06-17 00:00:00^ORDERBYsys_updated_on^ORDERBYsys_id";
    answer(&server, "sysparm_query", open, &json!([record("a", "2026-09-14 07:00:00", "1")]), false).await;
    let mut memory = Memory::default();
    let (pages, cursor) = run(&*source, None, &mut memory, "2026-09-15T00:00:00Z").await;
    let ids = pages.iter().flat_map(|page| &page.findings.observations).map(Observation::provider_id);
    assert_eq!(ids.collect::<Vec<_>>(), ["a", "b", "b", "c", "a"]);
    assert_eq!(cursor, Cursor(json!({"phase": "idle", "newest": "2026-09-14T09:00:00Z"})));
    // `token` as user and password.
    let requests = asked(&server, "Basic dG9rZW4=").await;
    assert!(
        requests[0]
            .starts_with(&format!("/api/now/table/incident?sysparm_query={first}&sysparm_fields=sys_id,"))
    );
    assert!(requests[0].ends_with("&sysparm_display_value=all&sysparm_limit=200&sysparm_offset=0"));

    // `a` was lowered to P3 and resolved: the filter no longer shows it.
    answer(&server, "sysparm_query", &changed("2026-09-14 08:58:00"), &json!([]), false).await;
    let open = "sys_idINa^sys_updated_on>=2026-09-14 08:58:00^ORDERBYsys_updated_on^ORDERBYsys_id";
    answer(&server, "sysparm_query", open, &json!([record("a", "2026-09-15 00:01:00", "6")]), false).await;
    let (pages, later) = run(&*source, Some(cursor.clone()), &mut memory, "2026-09-15T00:05:00Z").await;
    assert_eq!(later, cursor, "a quiet run goes neither on nor back");
    assert_eq!(incident(&pages[1].findings.observations[0]).status.as_str(), "resolved");
    assert_eq!(memory.get("open/a"), None);
}

#[tokio::test]
async fn a_user_west_of_utc_is_noticed_before_changes_are_missed() {
    let shown_at = |display: &str| {
        let mut record = record("a", "2026-10-26 12:00:00", "1");
        record["sys_updated_on"] = json!({"display_value": display, "value": "2026-10-26 12:00:00"});
        ResponseTemplate::new(200).set_body_json(json!({ "result": [record] }))
    };
    let told = fault(NAME, shown_at("2026-10-26 07:00:00"), sample_now()).await;
    assert!(matches!(&told, PollError::Refused { message } if message.contains("UTC")), "{told:?}");
    for display in ["2026-10-26 12:00:00", "26.10.2026 07:00"] {
        let server = MockServer::start().await;
        Mock::given(method("GET")).respond_with(shown_at(display)).mount(&server).await;
        let source = sample_source(NAME, Some(&server.uri()));
        let mut memory = Memory::default();
        let asked = request(None, &mut memory, sample_now());
        let page = source.poller().expect("configured").poll(asked).await.expect("a page");
        assert_eq!(page.findings.observations.len(), 1, "{display}");
    }
}

#[tokio::test]
async fn a_query_that_servicenow_ignored_and_a_hibernating_instance_are_noticed() {
    let old = json!({"result": [record("a", "2020-01-01 00:00:00", "1")]});
    let told = fault(NAME, ResponseTemplate::new(200).set_body_json(old), sample_now()).await;
    assert!(matches!(&told, PollError::Refused { message } if message.contains("`filter`")), "{told:?}");
    let asleep =
        fault(NAME, ResponseTemplate::new(200).set_body_string("<html>Instance Hibernating"), sample_now())
            .await;
    assert!(
        matches!(&asleep, PollError::Retry { message, .. } if message.contains("hibernating")),
        "{asleep:?}"
    );
}

/// A push whose record has this field as well.
fn push_with(field: &str, value: Value) -> Value {
    let mut push = read_json(NAME, "push-business-rule-update.json");
    push["record"][field] = value;
    push
}

#[test]
fn what_people_are_shown_is_refused_and_never_guessed_at() {
    let source = sample_source(NAME, None);
    for (field, shown) in [
        ("sys_updated_on", "14.09.2026 10:22:16"),
        ("opened_at", "2026-09-14 10:22 AM"),
        ("sys_created_on", "yesterday"),
        ("state", "In Progress"),
    ] {
        let push = push_with(field, json!(shown)).to_string();
        let fault = source.inspect(&verified(&[], push.as_bytes(), sample_now())).expect_err("refused");
        assert!(matches!(&fault, Unmappable::Incomplete(why) if why.contains(field)), "{fault}");
        assert!(fault.to_string().contains("use getValue"), "{fault}");
        // With its database value beside it, it says nothing wrong.
        let value = if field == "state" { "2" } else { "2026-09-14 08:22:16" };
        parse(&*source, &push_with(field, json!({ "value": value, "display_value": shown })));
    }
    let mapped = self::source(NAME, |config| {
        config.status = [("in progress".to_owned(), crate::domain::IncidentStatus::Open)].into();
    });
    let found = parse(&*mapped, &push_with("state", json!("In Progress")));
    assert_eq!(incident(&found.observations[0]).status.as_str(), "open");
}

#[test]
fn a_service_is_sent_by_its_plain_id_and_by_its_name_if_the_push_has_one() {
    let source = sample_source(NAME, None);
    let plain = parse(&*source, &push_with("business_service", json!("5e8d0000aaaa")));
    assert_eq!(plain.mentioned[0].name, "5e8d0000aaaa");
    let named = json!({ "value": "5e8d0000aaaa", "display_value": "Payments" });
    let named = parse(&*source, &push_with("business_service", named));
    assert_eq!(
        (named.mentioned[0].name.as_str(), &named.mentioned[0].provider_id),
        ("Payments", &plain.mentioned[0].provider_id)
    );
}
