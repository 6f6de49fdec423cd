//! Which host takes the token, what limits do, and what comes of a connection that fails.

use chrono::TimeDelta;
use serde_json::json;
use wiremock::matchers::path_regex;
use wiremock::{Mock, ResponseTemplate};

use super::site_tests::{TOKEN, client, site, site_with};
use super::*;
use crate::clock::Clock;
use crate::destinations::issues::content::body::IssueBody;
use crate::destinations::issues::options::Host;
use crate::domain::parse_timestamp;

const GATEWAY: &str = "/ex/jira/1122-ab/rest/api/3/project/OPS";

fn unauthorized() -> ResponseTemplate {
    ResponseTemplate::new(401).set_body_json(json!({ "message": "Unauthorized" }))
}

fn project() -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({ "id": "1", "key": "OPS" }))
}

/// Mounts answers of the site, of `tenant_info` and of the gateway.
async fn mount(
    site: &super::site_tests::Site,
    own: ResponseTemplate,
    tenant: ResponseTemplate,
    gateway: ResponseTemplate,
) {
    site.server.reset().await;
    for (pattern, template) in
        [("^/rest/", own), ("^/_edge/tenant_info$", tenant), ("^/ex/jira/1122-ab/rest/", gateway)]
    {
        Mock::given(path_regex(pattern)).respond_with(template).mount(&site.server).await;
    }
}

fn tenant() -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({ "cloudId": "1122-ab" }))
}

#[tokio::test]
async fn a_token_that_the_site_refuses_is_tried_at_the_gateway_which_is_remembered() {
    let site = site_with(&json!({})).await;
    mount(&site, unauthorized(), tenant(), project()).await;
    assert_eq!(site.client.settled_host(), None);
    site.client.find_project("OPS").await.unwrap();
    assert_eq!(
        site.request_lines().await,
        ["GET /rest/api/3/project/OPS", "GET /_edge/tenant_info", &format!("GET {GATEWAY}")]
    );
    let requests = site.server.received_requests().await.unwrap();
    assert!(!requests[1].headers.contains_key("authorization"), "anybody may ask for the cloud id");
    site.client.find_project("OPS").await.unwrap();
    assert_eq!(site.request_lines().await[3..], [format!("GET {GATEWAY}")]);
    assert_eq!(
        (site.client.settled_host(), site.client.cloud_id()),
        (Some(Host::Gateway), Some("1122-ab".to_owned()))
    );
}

#[tokio::test]
async fn a_site_that_took_the_token_once_is_asked_alone() {
    let site = site_with(&json!({})).await;
    mount(&site, project(), tenant(), project()).await;
    site.client.find_project("OPS").await.unwrap();
    mount(&site, unauthorized(), tenant(), project()).await;
    let error = site.client.find_project("OPS").await.unwrap_err();
    assert_eq!(error.fault, Fault::Unauthorized { lacks_scope: false });
    assert_eq!(site.request_lines().await.len(), 1);
    assert_eq!(site.client.settled_host(), Some(Host::Site));
}

#[tokio::test]
async fn a_token_that_nobody_takes_is_told_and_tried_again() {
    let site = site_with(&json!({})).await;
    let mismatch =
        ResponseTemplate::new(401).set_body_json(json!({ "message": "Unauthorized; scope does not match" }));
    mount(&site, unauthorized(), tenant(), mismatch).await;
    for _ in 0..2 {
        let error = site.client.find_project("OPS").await.unwrap_err();
        assert_eq!(error.fault, Fault::Unauthorized { lacks_scope: true });
        assert!(!format!("{error:?}").contains(TOKEN));
    }
    assert_eq!(site.request_lines().await.len(), 5, "the cloud id is remembered");
}

#[tokio::test]
async fn what_anybody_may_ask_does_not_settle_the_host() {
    let site = site_with(&json!({})).await;
    mount(&site, ResponseTemplate::new(200).set_body_json(json!({})), tenant(), project()).await;
    site.client.server_info().await.unwrap();
    assert_eq!(site.client.settled_host(), None);
}

#[tokio::test]
async fn a_configured_host_is_the_only_one() {
    let site = site_with(&json!({ "host": "site" })).await;
    mount(&site, unauthorized(), tenant(), project()).await;
    site.client.find_project("OPS").await.unwrap_err();
    assert_eq!(site.request_lines().await.len(), 1);
    let site = site_with(&json!({ "host": "gateway", "cloud_id": "1122-ab" })).await;
    mount(&site, project(), tenant(), project()).await;
    site.client.find_project("OPS").await.unwrap();
    assert_eq!(site.request_lines().await, [format!("GET {GATEWAY}")]);
}

#[tokio::test]
async fn without_a_cloud_id_nothing_was_sent() {
    let broken = [
        ResponseTemplate::new(500),
        ResponseTemplate::new(404),
        ResponseTemplate::new(200).set_body_string("<html>"),
        ResponseTemplate::new(200).set_body_json(json!({ "cloudId": "../../x" })),
    ];
    for tenant in broken {
        let site = site_with(&json!({ "host": "gateway" })).await;
        mount(&site, project(), tenant, project()).await;
        let error = site.client.create_issue(&IssueBody::default()).await.unwrap_err();
        assert_eq!((&error.fault, error.endpoint), (&Fault::NotSent, Endpoint::CreateIssue));
        assert!(error.message.contains("`cloud_id`"), "{}", error.message);
    }
}

#[tokio::test]
async fn a_429_did_nothing_and_holds_back_what_it_concerns() {
    let site = site().await;
    let limited = ResponseTemplate::new(429)
        .insert_header("retry-after", "20")
        .insert_header("ratelimit-reason", "jira-per-issue-on-write");
    site.answers_with(limited).await;
    let error = site.client.edit_issue("7", &IssueBody::default()).await.unwrap_err();
    let Fault::RateLimited { held, .. } = error.fault else { panic!("{error:?}") };
    assert_eq!((held.scope, held.until - site.clock.now()), (Scope::Issue, TimeDelta::seconds(20)));
    assert!(!error.may_have_worked());

    let error = site.client.edit_issue("7", &IssueBody::default()).await.unwrap_err();
    assert!(matches!(error.fault, Fault::HeldBack(Held { scope: Scope::Issue, .. })), "{error:?}");
    assert_eq!(site.request_lines().await.len(), 1, "it was not sent");
    assert!(site.client.find_held(Endpoint::Transition, Some("7")).is_some());

    site.answers_with(ResponseTemplate::new(204)).await;
    site.client.edit_issue("8", &IssueBody::default()).await.unwrap();
    site.clock.advance(TimeDelta::seconds(20));
    site.client.edit_issue("7", &IssueBody::default()).await.unwrap();
}

#[tokio::test]
async fn a_site_that_refuses_the_connection_was_asked_nothing() {
    let clock = Clock::manual(parse_timestamp("2026-04-03T09:12:00Z").unwrap());
    let client = client("http://127.0.0.1:9", &clock, &json!({ "host": "site" }));
    let error = client.create_issue(&IssueBody::default()).await.unwrap_err();
    assert_eq!((&error.fault, error.may_have_worked()), (&Fault::NotSent, false));
    assert!(error.unreachable.is_some());
}

#[tokio::test]
async fn an_answer_that_breaks_off_may_have_worked() {
    let address =
        crate::http::test_servers::serve_once("HTTP/1.1 201 Created\r\ncontent-length: 100\r\n\r\n{\"id\"")
            .await;
    let clock = Clock::manual(parse_timestamp("2026-04-03T09:12:00Z").unwrap());
    let client = client(&format!("http://{address}"), &clock, &json!({ "host": "site" }));
    assert!(client.create_issue(&IssueBody::default()).await.unwrap_err().may_have_worked());
}

#[tokio::test]
async fn limits_that_are_near_and_the_trace_are_told() {
    let site = site().await;
    let near = project().insert_header("x-ratelimit-nearlimit", "true").insert_header("atl-traceid", "t1");
    site.answers_with(near).await;
    let meta = site.client.find_project("OPS").await.unwrap().meta;
    assert!(meta.near_limit && meta.trace_id.as_deref() == Some("t1"));
}
