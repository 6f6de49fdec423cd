//! Tests of `http`: addresses, failures, waiting times and paging, against a server on loopback.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;
use wiremock::matchers::{header, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::clock::from_millis;

pub(in crate::sources::kit) fn api(server: &MockServer) -> Api {
    let base = Url::parse(&format!("{}/prefix/", server.uri())).expect("valid");
    Api::new(reqwest::Client::new(), base, "Tool", "make a new token")
        .with_credential("Bearer ", &"secret".into())
        .expect("valid")
}

pub(in crate::sources::kit) fn now() -> Timestamp {
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
        ResponseTemplate::new(200).set_body_string(format!("[{}1]", "{\"a\":1},".repeat(100_000))),
    ] {
        let unreadable = answer(response).await.expect_err("refused");
        assert!(matches!(unreadable, PollError::Unreadable { .. }));
    }
}

/// Blanks, of which gzip makes a thousandth.
fn packed(bytes: usize) -> ResponseTemplate {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(&vec![b' '; bytes]).expect("it packs");
    let body = packer.finish().expect("it packs");
    ResponseTemplate::new(200).insert_header("content-encoding", "gzip").set_body_bytes(body)
}

#[tokio::test]
async fn a_short_answer_that_unpacks_to_a_long_one_is_refused() {
    let refused = answer(packed(4 * MAX_ANSWER)).await.expect_err("refused");
    assert_eq!(refused.to_string(), "Tool answered more than 8 MiB at /v1/things");
    assert!(matches!(refused, PollError::Unreadable { .. }));
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
async fn a_link_field_tells_whether_there_is_a_next_page() {
    for (link, more) in [
        ("<https://a.example/?o=2>;rel=\"next\",<https://a.example/>;rel=\"first\"", true),
        ("<https://a.example/>;rel=\"first\"", false),
    ] {
        let server = MockServer::start().await;
        let response = ResponseTemplate::new(200).insert_header("Link", link).set_body_json(json!([]));
        Mock::given(method("GET")).respond_with(response).mount(&server).await;
        let found = api(&server).find_answer("things", &Vec::new(), &[], now()).await.expect("answered");
        let answer = Answer { value: json!([]), has_next: more, size: 2 };
        assert_eq!(found, Some(answer), "{link}");
    }
}
