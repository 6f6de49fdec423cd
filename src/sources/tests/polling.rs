//! A tool on loopback, and a poller driven through whole runs against it.

use wiremock::matchers::method;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::*;
use crate::sources::{Cursor, Page, PollError};

/// A tool that answers as `answer` says; `None` is 404.
pub(super) async fn tool(answer: impl Fn(&Request) -> Option<Value> + Send + Sync + 'static) -> MockServer {
    let server = MockServer::start().await;
    let respond = move |request: &Request| match answer(request) {
        Some(body) => ResponseTemplate::new(200).set_body_json(body),
        None => ResponseTemplate::new(404),
    };
    Mock::given(method("GET")).respond_with(respond).mount(&server).await;
    server
}

/// Polls until done; every page in order and the last cursor.
pub(super) async fn run(
    source: &dyn Source,
    cursor: Option<Cursor>,
    memory: &mut Memory,
    now: &str,
) -> (Vec<Page>, Cursor) {
    let (mut cursor, mut pages) = (cursor, Vec::new());
    for _ in 0..100 {
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

/// Path and query of all requests so far, decoded; fails unless each carried these credentials.
pub(super) async fn asked(server: &MockServer, authorization: &str) -> Vec<String> {
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

/// What the poller says of this answer to its first request.
pub(super) async fn fault(kind: &str, answer: ResponseTemplate) -> PollError {
    let server = MockServer::start().await;
    Mock::given(method("GET")).respond_with(answer).mount(&server).await;
    let source = sample_source(kind, Some(&server.uri()));
    let mut memory = Memory::default();
    let asked = request(None, &mut memory, sample_now());
    source.poller().expect("configured").poll(asked).await.expect_err("refused")
}

/// Refused credentials name the key to set, a server's trouble is repeated, and a rate limit is waited for.
pub(super) async fn check_faults(kind: &str, limited: ResponseTemplate, wait: Option<u64>) {
    for status in [401, 403] {
        let fault = fault(kind, ResponseTemplate::new(status)).await;
        assert!(
            matches!(&fault, PollError::Refused { message } if message.contains("`api_token`")),
            "{fault:?}"
        );
    }
    for status in [500, 503] {
        let fault = fault(kind, ResponseTemplate::new(status)).await;
        assert!(matches!(fault, PollError::Retry { after: None, .. }), "{fault:?}");
    }
    let fault = fault(kind, limited).await;
    let PollError::Retry { after, .. } = fault else { panic!("{fault:?}") };
    assert_eq!(after.map(|after| after.as_secs()), wait);
}

/// A sample's `cases.json`, one line printed for each: file and what is expected.
pub(super) fn cases(provider: &str) -> Vec<(String, Value)> {
    let cases = read_json(provider, "cases.json");
    let cases = cases["cases"].as_array().expect("cases").iter().map(|case| {
        let file = case["file"].as_str().expect("file").to_owned();
        eprintln!("{provider}/{file}: {}", case["expect"]["action"]);
        (file, case["expect"].clone())
    });
    cases.collect()
}

/// The status and the header fields that a sample of an error answer is sent with.
pub(super) fn limited(status: u16, headers: &[(&str, &str)], body: &Value) -> ResponseTemplate {
    headers.iter().fold(ResponseTemplate::new(status).set_body_json(body), |answer, (name, value)| {
        answer.insert_header(*name, *value)
    })
}
