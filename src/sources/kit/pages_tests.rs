//! Tests of `pages`: every way of paging, and listings without end, against a server on loopback.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use wiremock::matchers::{any, path, query_param, query_param_is_missing};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::*;
use crate::sources::kit::api::tests::{api, now};

fn text(entry: &Value) -> Option<String> {
    crate::sources::kit::json::scalar_text(entry)
}

#[tokio::test]
async fn a_listing_is_walked_by_offset_and_by_cursor() {
    let server = MockServer::start().await;
    let page = |body: Value| ResponseTemplate::new(200).set_body_json(body);
    for (offset, body) in
        [("0", json!({"items": [1, 2], "more": true})), ("2", json!({"items": [3], "more": false}))]
    {
        let mock = Mock::given(path("/prefix/offset")).and(query_param("offset", offset));
        mock.respond_with(page(body)).mount(&server).await;
    }
    let first = Mock::given(path("/prefix/cursor")).and(query_param_is_missing("after"));
    first.respond_with(page(json!({"items": [4], "meta": {"after": "x"}}))).mount(&server).await;
    let second = Mock::given(path("/prefix/cursor")).and(query_param("after", "x"));
    second.respond_with(page(json!({"items": [5], "meta": {}}))).mount(&server).await;

    let offset = Paging::Offset { limit: 2, more: "/more" };
    let by_offset = api(&server).list("offset", "/items", offset, now(), text).await.expect("walked");
    assert_eq!(by_offset, ["1", "2", "3"]);
    let cursor = Paging::Cursor { parameter: "after", next: "/meta/after" };
    let by_cursor = api(&server).list("cursor", "/items", cursor, now(), text).await.expect("walked");
    assert_eq!(by_cursor, ["4", "5"]);
}

#[tokio::test]
async fn a_listing_by_page_number_ends_with_a_page_that_is_not_full() {
    let server = MockServer::start().await;
    for (number, entries) in [("1", json!([{"id": 1}, {"id": 2}])), ("2", json!([{"id": 3}]))] {
        Mock::given(path("/prefix/things"))
            .and(query_param("kind", "x"))
            .and(query_param("per_page", "2"))
            .and(query_param("page", number))
            .respond_with(ResponseTemplate::new(200).set_body_json(entries))
            .expect(1)
            .mount(&server)
            .await;
    }
    let paging = Paging::Pages { size: "per_page", limit: 2 };
    let query = vec![("kind", "x".to_owned())];
    let entries =
        api(&server).list_with("things", "", &query, paging, now(), |entry| entry.find_id("/id")).await;
    assert_eq!(entries.expect("answered"), ["1", "2", "3"]);
}

/// How many pages are read of a listing that always names a next page, when each has this body.
async fn pages_read(entries: Value) -> usize {
    let server = MockServer::start().await;
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    let body = ResponseTemplate::new(200).set_body_json(json!({"items": entries, "next": "on"}));
    let respond = move |_: &Request| {
        counted.fetch_add(1, Ordering::SeqCst);
        body.clone()
    };
    Mock::given(any()).respond_with(respond).mount(&server).await;
    let endless = Paging::Cursor { parameter: "after", next: "/next" };
    let fault = api(&server).list("things", "/items", endless, now(), text).await.expect_err("too long");
    assert!(matches!(fault, PollError::Unreadable { .. }));
    assert!(fault.to_string().contains("a credential that sees fewer of them"), "{fault}");
    asked.load(Ordering::SeqCst)
}

#[tokio::test]
async fn a_listing_without_end_is_given_up() {
    assert_eq!(pages_read(json!([1])).await, MAX_PAGES + 1);
    let mebibyte = "x".repeat(1024 * 1024);
    assert_eq!(pages_read(json!([[mebibyte]])).await, MAX_BYTES / mebibyte.len());
    assert_eq!(pages_read(json!([mebibyte])).await, MAX_KEPT / mebibyte.len());
    assert_eq!(pages_read(json!(vec![1; 10_000])).await, MAX_ENTRIES / 10_000 + 1);
}
