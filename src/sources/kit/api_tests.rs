//! Tests of `http`: addresses, failures, waiting times and paging, against a server on loopback.

use serde_json::json;
use wiremock::matchers::{header, method, path, query_param, query_param_is_missing};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::clock::from_millis;

fn api(server: &MockServer) -> Api {
    let base = Url::parse(&format!("{}/prefix/", server.uri())).expect("valid");
    Api::new(reqwest::Client::new(), base, "Tool", "make a new token")
        .with_credential("Bearer ", &"secret".into())
        .expect("valid")
}

fn now() -> Timestamp {
    from_millis(1_793_000_000_000)
}

async fn answer(response: ResponseTemplate) -> Result<Value, PollError> {
    let server = MockServer::start().await;
    Mock::given(method("GET")).respond_with(response).mount(&server).await;
    api(&server).get("v1/things", &Vec::new(), now()).await
}

#[tokio::test]
async fn a_request_goes_below_the_base_address_with_the_credential() {
    let server = MockServer::start().await;
    Mock::given(path("/prefix/v1/things"))
        .and(header("authorization", "Bearer secret"))
        .and(query_param("q[]", "a b&c"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"ok": true})))
        .mount(&server)
        .await;
    let query = vec![("q[]", "a b&c".to_owned())];
    assert_eq!(api(&server).get("v1/things", &query, now()).await.expect("answered"), json!({"ok": true}));
}

#[tokio::test]
async fn every_failure_says_what_to_do() {
    for status in [401, 402, 403] {
        let refused = answer(ResponseTemplate::new(status)).await.expect_err("refused");
        assert!(matches!(&refused, PollError::Refused { message } if message.contains("make a new token")));
    }
    let missing = answer(ResponseTemplate::new(404)).await.expect_err("refused");
    assert!(matches!(missing, PollError::Refused { message } if message.contains("api_url")));
    for status in [408, 429, 500, 503] {
        let retry = answer(ResponseTemplate::new(status)).await.expect_err("refused");
        assert!(matches!(retry, PollError::Retry { after: None, .. }), "{status}");
    }
    for response in [
        ResponseTemplate::new(400),
        ResponseTemplate::new(200).set_body_string("<html>"),
        ResponseTemplate::new(200).set_body_bytes(vec![b' '; MAX_ANSWER + 1]),
    ] {
        let unreadable = answer(response).await.expect_err("refused");
        assert!(matches!(unreadable, PollError::Unreadable { .. }));
    }
}

#[tokio::test]
async fn a_tool_that_is_not_there_is_asked_again() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    let base = Url::parse(&format!("http://{address}")).expect("valid");
    drop(listener);
    let api = Api::new(reqwest::Client::new(), base, "Tool", "make a new token");
    let retry = api.get("v1/things", &Vec::new(), now()).await.expect_err("nobody there");
    assert!(matches!(retry, PollError::Retry { after: None, .. }));
    assert_eq!(retry.to_string(), format!("Tool at /v1/things: {address} refuses the connection"));
}

#[test]
fn the_time_to_wait_is_read_in_every_form() {
    let in_a_minute = now() + chrono::TimeDelta::seconds(60);
    let date = in_a_minute.format("%a, %d %b %Y %H:%M:%S").to_string();
    for (name, value, seconds) in [
        ("retry-after", "60".to_owned(), 60),
        ("retry-after", format!("{date} GMT"), 60),
        ("retry-after", format!("{date} UTC"), 60),
        ("ratelimit-reset", "20".to_owned(), 20),
        ("x-ratelimit-reset", in_a_minute.timestamp().to_string(), 60),
    ] {
        let name = HeaderName::from_static(name);
        let headers = HeaderMap::from_iter([(name, HeaderValue::try_from(&value).expect("valid"))]);
        assert_eq!(find_retry_after(&headers, now()), Some(Duration::from_secs(seconds)), "{value}");
    }
    assert_eq!(find_retry_after(&HeaderMap::new(), now()), None);
    // Where clocks differ, a time to wait may seem to be over: then the usual back-off counts.
    for over in ["0", "Wed, 21 Oct 2015 07:28:00 GMT"] {
        let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(over))]);
        assert_eq!(find_retry_after(&headers, now()), None, "{over}");
    }
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
    let by_offset = api(&server).list("offset", "/items", offset, now()).await.expect("walked");
    assert_eq!(by_offset, [1, 2, 3]);
    let cursor = Paging::Cursor { parameter: "after", next: "/meta/after" };
    let by_cursor = api(&server).list("cursor", "/items", cursor, now()).await.expect("walked");
    assert_eq!(by_cursor, [4, 5]);
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
    let entries = api(&server).list_with("things", "", &query, paging, now()).await.expect("answered");
    assert_eq!(entries.len(), 3);
}

#[tokio::test]
async fn a_link_field_tells_whether_there_is_a_next_page() {
    for (link, more) in [
        ("<https://a.example/?o=2>;rel=\"next\",<https://a.example/>;rel=\"first\"", true),
        ("<https://a.example/>;rel=\"first\"", false),
    ] {
        let server = MockServer::start().await;
        let response = ResponseTemplate::new(200).insert_header("Link", link).set_body_json(json!([]));
        Mock::given(method("GET")).respond_with(response).mount(&server).await;
        let found = api(&server).find_linked("things", &Vec::new(), &[], now()).await.expect("answered");
        assert_eq!(found, Some((json!([]), more)), "{link}");
    }
}
