//! Key lookups against servers on loopback.

use std::sync::LazyLock;

use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::connect::jwt::InstallKeyPair;
use crate::http::{HttpSettings, build_client};

static KEYS: LazyLock<InstallKeyPair> = LazyLock::new(|| InstallKeyPair::generate("key-1").unwrap());

/// A key host that knows `key-1`, with the body given, and nothing else.
async fn host(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("GET")).and(path("/keys/key-1")).respond_with(answer).mount(&server).await;
    server
}

fn genuine() -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_string(&KEYS.public_pem)
}

fn http() -> HttpClient {
    build_client(&HttpSettings::new(Duration::from_secs(30))).unwrap()
}

fn keys(hosts: &[&MockServer]) -> InstallKeys {
    let urls = hosts.iter().map(|host| Url::parse(&format!("{}/keys/", host.uri())).unwrap());
    InstallKeys::new(urls.collect(), http()).unwrap()
}

async fn requests(server: &MockServer) -> usize {
    server.received_requests().await.unwrap().len()
}

#[tokio::test]
async fn the_first_host_that_has_the_key_wins() {
    let (without, with, spare) =
        (host(ResponseTemplate::new(404)).await, host(genuine()).await, host(genuine()).await);
    let keys = keys(&[&without, &with, &spare]);
    assert_eq!(*keys.get_public_key(Some("key-1")).await.unwrap(), *KEYS.public_pem);
    assert_eq!((requests(&without).await, requests(&with).await, requests(&spare).await), (1, 1, 0));
}

#[tokio::test]
async fn a_key_is_fetched_once() {
    let server = host(genuine()).await;
    let keys = keys(&[&server]);
    let (one, two) = tokio::join!(keys.get_public_key(Some("key-1")), keys.get_public_key(Some("key-1")));
    assert_eq!(one, two);
    assert!(keys.get_public_key(Some("key-1")).await.is_ok());
    assert_eq!(requests(&server).await, 1);
}

#[tokio::test]
async fn a_key_that_no_host_has_is_unknown() {
    let (one, two) = (host(genuine()).await, host(genuine()).await);
    let refusal = keys(&[&one, &two]).get_public_key(Some("key-2")).await.unwrap_err();
    assert_eq!(refusal, InstallKeyError::UnknownKey);
    assert!(!refusal.is_passing());
    assert_eq!((requests(&one).await, requests(&two).await), (1, 1));
}

#[tokio::test]
async fn a_host_that_fails_leaves_the_question_open() {
    let without = host(ResponseTemplate::new(404)).await;
    let moved = ResponseTemplate::new(302).insert_header("location", format!("{}/keys/key-1", without.uri()));
    let large = format!("{}{}", KEYS.public_pem, "x".repeat(MAX_KEY_BYTES));
    for answer in [
        ResponseTemplate::new(500),
        ResponseTemplate::new(403),
        moved,
        ResponseTemplate::new(200).set_body_string("<html>please log in</html>"),
        ResponseTemplate::new(200).set_body_bytes([0xff, 0xfe]),
        ResponseTemplate::new(200).set_body_string(large),
    ] {
        let failing = host(answer).await;
        let refusal = keys(&[&failing, &without]).get_public_key(Some("key-1")).await.unwrap_err();
        assert!(matches!(refusal, InstallKeyError::Unreachable(_)), "{refusal}");
        assert!(refusal.is_passing());
    }
}

#[tokio::test]
async fn another_host_helps_out_when_one_is_down() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let gone_url = Url::parse(&format!("http://{address}")).unwrap();
    drop(listener);
    let only_gone = InstallKeys::new(vec![gone_url.clone()], http()).unwrap();
    let refusal = only_gone.get_public_key(Some("key-1")).await.unwrap_err();
    assert!(refusal.is_passing());
    assert!(refusal.to_string().contains(&format!("{address} refuses the connection")), "{refusal}");
    let with = host(genuine()).await;
    let both = InstallKeys::new(vec![gone_url, Url::parse(&format!("{}/keys", with.uri())).unwrap()], http())
        .unwrap();
    assert!(both.get_public_key(Some("key-1")).await.is_ok());
}

#[tokio::test]
async fn a_key_id_that_could_bend_the_address_is_never_sent() {
    let server = host(genuine()).await;
    let keys = keys(&[&server]);
    let long = "k".repeat(MAX_KID_BYTES + 1);
    for kid in [
        "",
        ".",
        "..",
        "../key-1",
        "a/b",
        "a%2fb",
        "a?b",
        "a#b",
        "a b",
        "a\nb",
        "@evil.example",
        "é",
        "a:b",
        &long,
    ] {
        assert_eq!(keys.get_public_key(Some(kid)).await, Err(InstallKeyError::InvalidKid), "{kid}");
    }
    assert_eq!(keys.get_public_key(None).await, Err(InstallKeyError::InvalidKid));
    assert_eq!(requests(&server).await, 0);
}

#[tokio::test]
async fn strangers_cannot_make_it_fetch_without_end() {
    let server = host(genuine()).await;
    let keys = keys(&[&server]);
    assert!(keys.get_public_key(Some("key-1")).await.is_ok());
    let mut refused = 0;
    for n in 0..MAX_FETCHES_PER_MINUTE * 2 {
        let refusal = keys.get_public_key(Some(&format!("made-up-{n}"))).await.unwrap_err();
        refused += u32::from(refusal == InstallKeyError::TooManyFetches);
    }
    // The limiter may have refilled a little while this ran on a busy machine.
    assert!((60..=MAX_FETCHES_PER_MINUTE + 1).contains(&refused), "{refused}");
    assert!(keys.get_public_key(Some("key-1")).await.is_ok(), "a known key needs no fetch");
}

#[tokio::test]
async fn an_old_key_is_good_enough_while_no_host_can_be_asked_and_no_longer() {
    let server = host(genuine()).await;
    let keys = keys(&[&server]);
    let known = keys.get_public_key(Some("key-1")).await.unwrap();
    for (status, expected) in [
        (503, Ok(known.clone())),
        (404, Err(InstallKeyError::UnknownKey)),
        (503, Err(InstallKeyError::Unreachable("127.0.0.1 answered 503".to_owned()))),
    ] {
        server.reset().await;
        Mock::given(method("GET")).respond_with(ResponseTemplate::new(status)).mount(&server).await;
        keys.known.invalidate("key-1").await;
        assert!(!keys.needs_no_fetch(Some("key-1")));
        assert_eq!(keys.get_public_key(Some("key-1")).await, expected, "{status}");
    }
}

#[test]
fn hosts_that_could_be_tampered_with_are_refused() {
    let new =
        |urls: &[&str]| InstallKeys::new(urls.iter().map(|url| Url::parse(url).unwrap()).collect(), http());
    assert!(new(&ATLASSIAN_KEY_URLS).is_ok());
    assert!(new(&["http://127.0.0.1:1/keys"]).is_ok());
    for urls in [&[][..], &["http://keys.example"][..], &[ATLASSIAN_KEY_URLS[0], "ftp://keys.example"][..]] {
        assert!(matches!(new(urls), Err(InstallKeyError::Configuration(_))), "{urls:?}");
    }
}
