//! A tool on loopback, a poller driven through whole runs against it, and the faults that every tool can answer.

use wiremock::matchers::{any, path as at_path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::prelude::*;
use crate::sources::{Cursor, Page, PollError};

pub(in crate::sources) fn answer(body: Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

pub(in crate::sources) async fn mount(server: &MockServer, place: &str, response: ResponseTemplate) {
    Mock::given(at_path(place)).respond_with(response).mount(server).await;
}

/// A tool that answers as `respond` says; `None` is 404.
pub(in crate::sources) async fn tool(
    respond: impl Fn(&Request) -> Option<Value> + Send + Sync + 'static,
) -> MockServer {
    let server = MockServer::start().await;
    let respond =
        move |request: &Request| respond(request).map_or_else(|| ResponseTemplate::new(404), answer);
    Mock::given(any()).respond_with(respond).mount(&server).await;
    server
}

pub(in crate::sources) fn parameter(request: &Request, name: &str) -> Option<String> {
    request.url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

/// Path and query of all requests so far, decoded; fails unless each carried these credentials.
pub(in crate::sources) async fn asked(server: &MockServer, authorization: &str) -> Vec<String> {
    let requests = server.received_requests().await.expect("recorded");
    requests
        .iter()
        .map(|request| {
            assert_eq!(request.headers.get("authorization").expect("sent"), authorization);
            let query = request.url.query_pairs().map(|(name, value)| format!("{name}={value}"));
            format!("{}?{}", request.url.path(), query.collect::<Vec<_>>().join("&"))
        })
        .collect()
}

/// Polls until done; every page in order and the last cursor.
pub(in crate::sources) async fn run(
    source: &dyn Source,
    mut cursor: Option<Cursor>,
    memory: &mut Memory,
    now: &str,
) -> (Vec<Page>, Cursor) {
    let mut pages = Vec::new();
    for _ in 0..400 {
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

/// The first page ever.
pub(in crate::sources) async fn first_page(source: &dyn Source) -> Page {
    let mut memory = Memory::default();
    let asked = request(None, &mut memory, sample_now());
    source.poller().expect("configured").poll(asked).await.expect("a page")
}

/// The first page when the tool answers every request with this.
pub(in crate::sources) async fn page_of(kind: &str, body: &Value) -> Page {
    let body = body.clone();
    let server = tool(move |_| Some(body.clone())).await;
    first_page(&*sample_source(kind, Some(&server.uri()))).await
}

/// The ids of all components and of all workspaces.
pub(in crate::sources) async fn catalogue_ids(source: &dyn Source) -> (Vec<String>, Vec<String>) {
    let catalogue = source.poller().expect("configured").catalogue(sample_now()).await.expect("answered");
    (
        catalogue.components.into_iter().map(|component| component.provider_id).collect(),
        catalogue.workspaces.into_iter().map(|workspace| workspace.provider_id).collect(),
    )
}

/// What the poller says of this answer to its first request.
pub(in crate::sources) async fn fault(kind: &str, answer: ResponseTemplate, now: Timestamp) -> PollError {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(answer).mount(&server).await;
    let source = sample_source(kind, Some(&server.uri()));
    let mut memory = Memory::default();
    let asked = request(None, &mut memory, now);
    source.poller().expect("configured").poll(asked).await.expect_err("refused")
}

/// Refused credentials name the key to set, a request that fails at the server is repeated, and a rate limit is waited for:
/// `wait` seconds, if the tool says how long.
pub(in crate::sources) async fn check_faults(
    kind: &str,
    limited: ResponseTemplate,
    wait: Option<u64>,
    now: Timestamp,
) {
    for status in [401, 403] {
        let fault = fault(kind, ResponseTemplate::new(status), now).await;
        let names_key = matches!(&fault, PollError::Refused { message } if message.contains("`api_token`"));
        assert!(names_key, "{fault:?}");
    }
    for status in [500, 503] {
        let fault = fault(kind, ResponseTemplate::new(status), now).await;
        assert!(matches!(fault, PollError::Retry { after: None, .. }), "{fault:?}");
    }
    let fault = fault(kind, limited, now).await;
    let PollError::Retry { after, .. } = fault else { panic!("{fault:?}") };
    assert_eq!(after.map(|after| after.as_secs()), wait);
}

/// The status and the header fields that a sample of an error answer is sent with.
pub(in crate::sources) fn limited(status: u16, headers: &[(&str, &str)], body: &Value) -> ResponseTemplate {
    headers.iter().fold(ResponseTemplate::new(status).set_body_json(body), |answer, (name, value)| {
        answer.insert_header(*name, *value)
    })
}

/// A sample's `cases.json`, one line printed for each: file and what is expected.
pub(in crate::sources) fn cases(provider: &str) -> Vec<(String, Value)> {
    let cases = read_json(provider, "cases.json");
    let cases = cases["cases"].as_array().expect("cases").iter().map(|case| {
        let file = case["file"].as_str().expect("file").to_owned();
        eprintln!("{provider}/{file}: {}", case["expect"]["action"]);
        (file, case["expect"].clone())
    });
    cases.collect()
}
