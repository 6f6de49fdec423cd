//! What the tests of polled tools share: a run to its end, and the faults that every tool can answer.

use std::time::Duration;

use wiremock::matchers::path as at_path;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::*;
use crate::sources::{Cursor, Page, PollError};

pub(super) fn answer(body: Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

pub(super) async fn mount(server: &MockServer, place: &str, response: ResponseTemplate) {
    Mock::given(at_path(place)).respond_with(response).mount(server).await;
}

pub(super) fn parameter(request: &Request, name: &str) -> Option<String> {
    request.url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

/// Polls until done, with one memory; every page in order and the last cursor.
pub(super) async fn run(source: &dyn Source, cursor: Option<Cursor>, now: &str) -> (Vec<Page>, Cursor) {
    run_with(source, cursor, &mut Memory::default(), now).await
}

pub(super) async fn run_with(
    source: &dyn Source,
    mut cursor: Option<Cursor>,
    memory: &mut Memory,
    now: &str,
) -> (Vec<Page>, Cursor) {
    let mut pages = Vec::new();
    for _ in 0..50 {
        let poller = source.poller().expect("configured");
        let page = poller.poll(request(cursor.as_ref(), memory, time(now))).await.expect("a page");
        let (done, next) = (page.done, page.next.clone());
        pages.push(page);
        if done {
            return (pages, next);
        }
        cursor = Some(next);
    }
    panic!("polling does not end");
}

/// The ids of all components and of all workspaces.
pub(super) async fn catalogue_ids(source: &dyn Source) -> (Vec<String>, Vec<String>) {
    let catalogue = source.poller().expect("configured").catalogue(sample_now()).await.expect("answered");
    (
        catalogue.components.into_iter().map(|component| component.provider_id).collect(),
        catalogue.workspaces.into_iter().map(|workspace| workspace.provider_id).collect(),
    )
}

/// A rate limit is waited for as long as the tool says, an outage is tried again, and a refusal names the key.
pub(super) async fn check_trouble(kind: &str, field: &str, value: &str, now: &str, wait: u64) {
    let server = MockServer::start().await;
    let source = sample_source(kind, Some(&server.uri()));
    let poller = source.poller().expect("configured");
    for status in [429, 503, 401, 403] {
        server.reset().await;
        let response = ResponseTemplate::new(status).insert_header(field, value);
        Mock::given(wiremock::matchers::any()).respond_with(response).mount(&server).await;
        let mut memory = Memory::default();
        match (status, poller.poll(request(None, &mut memory, time(now))).await.expect_err("in trouble")) {
            (429 | 503, PollError::Retry { after, .. }) => assert_eq!(after, Some(Duration::from_secs(wait))),
            (_, PollError::Refused { message }) => assert!(message.contains("`api_token`"), "{message}"),
            (_, other) => panic!("{kind}: {status}: {other:?}"),
        }
    }
}

pub(super) use super::cases::check_incident;
