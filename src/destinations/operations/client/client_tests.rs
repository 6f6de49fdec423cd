//! Every operation against a real HTTP server: what goes out, and what each answer becomes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::TimeDelta;
use secrecy::SecretString;
use serde_json::{Value, json};
use url::Url;
use wiremock::matchers::{method, path};
use wiremock::{Mock, ResponseTemplate};

use super::site_tests::{Site, claims, header, site};
use super::*;
use crate::destinations::SourceProfile;
use crate::destinations::jira::Meta;
use crate::destinations::operations::payload::{Batch, BulkRequest, EntityPayload};
use crate::domain::{
    ClientKey, Component, EntityId, EntityKind, Incident, IncidentStatus, Severity, SourceId, ToolWords,
    Verdict, parse_timestamp,
};

fn source() -> SourceId {
    SourceId::parse("tool").unwrap()
}

fn id(text: &str) -> EntityId {
    EntityId::from_text(text.to_owned())
}

fn context() -> SourceProfile {
    let url = Url::parse("https://tool.example/").unwrap();
    SourceProfile::new(source(), url.clone(), &url)
}

fn incidents(count: usize) -> BulkRequest {
    let payload = |n: usize| {
        let incident = Incident {
            provider_id: n.to_string(),
            summary: "Down".to_owned(),
            description: String::new(),
            url: String::new(),
            status: IncidentStatus::Open,
            severity: Severity::P1,
            created_at: parse_timestamp("2026-04-03T09:00:00Z").unwrap(),
            updated_at: parse_timestamp("2026-04-03T09:00:00Z").unwrap(),
            components: vec![],
            workspaces: vec![],
            associations: vec![],
            words: ToolWords::default(),
        };
        crate::destinations::operations::payload::incident(&incident, &context(), 7)
    };
    BulkRequest::new(
        source(),
        EntityId::new(&source(), "account"),
        Batch::Incidents((1..=count).map(payload).collect()),
    )
}

#[tokio::test]
async fn incidents_are_submitted_and_judged_one_by_one() {
    let site = site().await;
    site.answers(
        202,
        json!({ "acceptedIncidents": ["tool:1"], "failedIncidents": { "tool:2": [{ "message": "bad" }] } }),
    )
    .await;
    let answer = site.client.submit(&incidents(2)).await.unwrap();
    assert_eq!(answer.value.of(&id("tool:1"), EntityKind::Incident), Verdict::Accepted);
    assert!(matches!(answer.value.of(&id("tool:2"), EntityKind::Incident), Verdict::Refused { .. }));
    let request = site.the_request().await;
    assert_eq!(request.method.as_str(), "POST");
    assert_eq!(request.url.path(), "/rest/operations/1.0/bulk");
    assert_eq!(header(&request, "content-type"), "application/json");
    assert_eq!(request.body_json::<Value>().unwrap(), serde_json::to_value(incidents(2)).unwrap());
}

#[tokio::test]
async fn components_go_to_their_own_api() {
    let site = site().await;
    site.answers(202, json!({ "acceptedComponents": ["tool:unassigned"] })).await;
    let component = Component::fallback("Unassigned", "", site.clock.now());
    let payload = EntityPayload::Component(crate::destinations::operations::payload::component(
        &component,
        &context(),
        1,
    ));
    let batch = Batch::by_kind(vec![payload]).remove(0);
    let request = BulkRequest::new(source(), EntityId::new(&source(), "account"), batch);
    let answer = site.client.submit(&request).await.unwrap();
    assert_eq!(answer.value.of(&id("tool:unassigned"), EntityKind::Component), Verdict::Accepted);
    let request = site.the_request().await;
    assert_eq!(request.url.path(), "/rest/devopscomponents/1.0/bulk");
    assert_eq!(request.body_json::<Value>().unwrap()["devopsComponents"][0]["id"], "tool:unassigned");
}

#[tokio::test]
async fn entities_are_read_back_from_their_paths() {
    let site = site().await;
    for (kind, line) in [
        (EntityKind::Incident, "GET /rest/operations/1.0/incidents/tool:a@b~c=d"),
        (EntityKind::Review, "GET /rest/operations/1.0/post-incident-reviews/tool:a@b~c=d"),
        (EntityKind::Component, "GET /rest/devopscomponents/1.0/tool:a@b~c=d"),
    ] {
        site.answers(200, json!({ "id": "tool:a@b~c=d", "updateSequenceNumber": 7, "new": 1 })).await;
        let stored = site.client.find_entity(kind, &id("tool:a@b~c=d")).await.unwrap().value.unwrap();
        assert_eq!(stored.update_sequence_number, Some(7));
        assert_eq!(stored.body["id"], "tool:a@b~c=d");
        assert_eq!(site.request_line().await, line);

        site.answers(404, json!(null)).await;
        assert_eq!(site.client.find_entity(kind, &id("x")).await.unwrap().value, None);
    }
}

#[tokio::test]
async fn entities_are_deleted_by_their_paths() {
    let site = site().await;
    for (kind, line) in [
        (EntityKind::Incident, "DELETE /rest/operations/1.0/incidents/tool:1"),
        (EntityKind::Review, "DELETE /rest/operations/1.0/post-incident-reviews/tool:1"),
        (EntityKind::Component, "DELETE /rest/devopscomponents/1.0/tool:1"),
    ] {
        site.answers_with(ResponseTemplate::new(202)).await;
        site.client.delete_entity(kind, &id("tool:1")).await.unwrap();
        assert_eq!(site.request_line().await, line);
    }
}

#[tokio::test]
async fn everything_of_a_source_or_workspace_is_deleted_by_its_properties() {
    let site = site().await;
    site.answers_with(ResponseTemplate::new(202)).await;
    site.client.delete_by_properties(Api::Operations, &source(), None).await.unwrap();
    assert_eq!(site.request_line().await, "DELETE /rest/operations/1.0/bulkByProperties?source=tool");
    site.answers_with(ResponseTemplate::new(202)).await;
    site.client.delete_by_properties(Api::Components, &source(), Some(&id("tool:account"))).await.unwrap();
    assert_eq!(
        site.request_line().await,
        "DELETE /rest/devopscomponents/1.0/bulkByProperties?source=tool&workspace=tool%3Aaccount"
    );
}

#[tokio::test]
async fn workspaces_are_linked_listed_and_unlinked() {
    let site = site().await;
    let ids = [id("tool:a"), id("tool:b")];
    site.answers(202, json!({ "acceptedWorkspaceIds": ["tool:b"] })).await;
    assert_eq!(site.client.link_workspaces(&ids).await.unwrap().value, [id("tool:b")]);
    let request = site.the_request().await;
    assert_eq!(
        (request.method.as_str(), request.url.path()),
        ("POST", "/rest/operations/1.0/linkedWorkspaces/bulk")
    );
    assert_eq!(request.body_json::<Value>().unwrap(), json!({ "workspaceIds": ["tool:a", "tool:b"] }));

    site.answers(200, json!({ "workspaceIds": ["tool:a", "tool:b"] })).await;
    assert_eq!(site.client.list_workspaces(None).await.unwrap().value, ids);
    assert_eq!(site.request_line().await, "GET /rest/operations/1.0/linkedWorkspaces");

    site.answers(404, json!(null)).await;
    assert_eq!(site.client.list_workspaces(Some(&ids[0])).await.unwrap().value, []);
    assert_eq!(site.request_line().await, "GET /rest/operations/1.0/linkedWorkspaces?workspaceId=tool%3Aa");

    site.answers_with(ResponseTemplate::new(202)).await;
    site.client.unlink_workspaces(&ids).await.unwrap();
    assert_eq!(
        site.request_line().await,
        "DELETE /rest/operations/1.0/linkedWorkspaces/bulk?workspaceIds=tool%3Aa%2Ctool%3Ab"
    );
}

#[tokio::test]
async fn each_attempt_carries_a_token_of_its_own() {
    let site = site().await;
    site.answers(503, json!(null)).await;
    site.client.submit(&incidents(1)).await.unwrap_err();
    site.clock.advance(TimeDelta::minutes(10));
    site.client.submit(&incidents(1)).await.unwrap_err();
    let requests = site.server.received_requests().await.unwrap();
    let issued: Vec<i64> = requests.iter().map(|request| claims(request)["iat"].as_i64().unwrap()).collect();
    assert_eq!(issued[1] - issued[0], 600);
}

#[tokio::test]
async fn a_redirect_is_reported_and_not_followed() {
    let site = site().await;
    let template = ResponseTemplate::new(301).insert_header("location", "https://renamed.atlassian.net/x");
    site.answers_with(template).await;
    let error = site.client.submit(&incidents(1)).await.unwrap_err();
    assert_eq!(error.fault, Disposition::Redirected { to_host: "renamed.atlassian.net".to_owned() });
    site.the_request().await;
}

#[tokio::test]
async fn every_failure_says_what_it_asks_for() {
    let site = site().await;
    let retry = Disposition::Retry { not_before: None };
    for (status, count, expected) in [
        (400, 2, Disposition::Split),
        (400, 1, Disposition::GiveUp),
        (413, 2, Disposition::Split),
        (401, 1, Disposition::Unauthorized),
        (403, 1, Disposition::Forbidden),
        (404, 1, Disposition::Gone),
        (500, 1, retry.clone()),
        (503, 1, retry),
    ] {
        site.answers(status, json!([{ "message": "because", "errorTraceId": "t-1" }])).await;
        let error = site.client.submit(&incidents(count)).await.unwrap_err();
        assert_eq!((error.status, error.fault), (Some(status), expected), "{status} with {count}");
        assert_eq!(error.trace_id.as_deref(), Some("t-1"));
        assert_eq!(error.message, format!("Jira answered {status}: because"));
    }
}

#[tokio::test]
async fn a_rate_limited_request_says_until_when_and_who_waits() {
    let site = site().await;
    let template = ResponseTemplate::new(429)
        .insert_header("RateLimit-Reason", "jira-quota-global-based")
        .insert_header("X-RateLimit-Reset", "2026-04-03T10:00Z");
    site.answers_with(template).await;
    let error = site.client.list_workspaces(None).await.unwrap_err();
    let until = parse_timestamp("2026-04-03T10:00:00Z").unwrap();
    assert_eq!(error.fault, Disposition::WaitUntil { until, scope: Scope::AllSites });
}

#[tokio::test]
async fn an_answer_tells_the_trace_the_skew_and_the_nearness_of_the_limit() {
    let site = site().await;
    let template = ResponseTemplate::new(202)
        .insert_header("X-RateLimit-NearLimit", "true")
        .insert_header("Atl-Traceid", "abc")
        .insert_header("Date", "Fri, 03 Apr 2026 09:11:30 GMT");
    site.answers_with(template).await;
    let meta = site.client.delete_entity(EntityKind::Incident, &id("tool:1")).await.unwrap().meta;
    let date_skew = Some(TimeDelta::seconds(-30));
    assert_eq!(meta, Meta { near_limit: true, trace_id: Some("abc".to_owned()), date_skew });
}

#[tokio::test]
async fn a_success_with_an_unreadable_body_is_tried_again() {
    let site = site().await;
    site.answers_with(ResponseTemplate::new(202).set_body_string("<html>")).await;
    let error = site.client.submit(&incidents(2)).await.unwrap_err();
    assert_eq!(error.fault, Disposition::Retry { not_before: None });
    let error = site.client.find_entity(EntityKind::Incident, &id("x")).await.unwrap_err();
    assert_eq!(error.fault, Disposition::Retry { not_before: None });
}

#[tokio::test]
async fn an_endless_answer_is_cut_off() {
    let site = site().await;
    site.answers_with(ResponseTemplate::new(202).set_body_bytes(vec![b' '; 9 * 1024 * 1024])).await;
    let error = site.client.submit(&incidents(1)).await.unwrap_err();
    assert!(error.message.ends_with("answers with more than the 8388608 bytes that are read"), "{error}");
    assert_eq!(error.fault, Disposition::Retry { not_before: None });
}

#[tokio::test]
async fn a_site_that_cannot_be_reached_is_tried_again_and_no_address_is_told() {
    let Site { server, client, .. } = site().await;
    drop(server);
    let unreachable = Url::parse("http://127.0.0.1:1/").unwrap();
    let client = JiraClient { site: unreachable, ..client };
    let error = client.list_workspaces(Some(&id("secret-id"))).await.unwrap_err();
    assert_eq!((error.status, &error.fault), (None, &Disposition::Retry { not_before: None }));
    assert!(!error.to_string().contains("secret-id"), "{error}");
    assert_eq!(error.message, "127.0.0.1:1 refuses the connection");
}

#[tokio::test]
async fn a_slow_site_is_given_up_on_and_tried_again() {
    let Site { server, client, .. } = site().await;
    let slow = ResponseTemplate::new(202).set_delay(std::time::Duration::from_mins(1));
    Mock::given(method("POST"))
        .and(path("/rest/operations/1.0/bulk"))
        .respond_with(slow)
        .mount(&server)
        .await;
    let http = reqwest::Client::builder().timeout(std::time::Duration::from_millis(50)).build().unwrap();
    let client = JiraClient { http, ..client };
    let error = client.submit(&incidents(1)).await.unwrap_err();
    assert_eq!(error.fault, Disposition::Retry { not_before: None });
    assert_eq!(error.message, format!("{} did not answer in time", server.address()));
}

#[tokio::test]
async fn more_requests_than_jira_allows_are_held_back_before_they_go_out() {
    let site = site().await;
    site.answers_with(ResponseTemplate::new(202)).await;
    let sent = AtomicUsize::new(0);
    let error = loop {
        match site.client.delete_entity(EntityKind::Incident, &id("tool:1")).await {
            Ok(_) => sent.fetch_add(1, Ordering::Relaxed),
            Err(error) => break error,
        };
    };
    assert_eq!(sent.into_inner(), 50);
    assert_eq!(site.server.received_requests().await.unwrap().len(), 50);
    assert!(matches!(error.fault, Disposition::WaitUntil { scope: Scope::Endpoint, .. }));
}

#[tokio::test]
async fn an_unusable_secret_is_an_authorization_problem() {
    let Site { client, .. } = site().await;
    let auth = ConnectAuth {
        app_key: "incident-bridge".to_owned(),
        client_key: ClientKey("client-1".to_owned()),
        secret: SecretString::from(""),
        base_path: String::new(),
    };
    let client = JiraClient { auth: Arc::new(auth), ..client };
    let error = client.list_workspaces(None).await.unwrap_err();
    assert_eq!((error.status, error.fault), (None, Disposition::Unauthorized));
}
