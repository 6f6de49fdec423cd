//! What the configuration of `http` does to requests, and how its mistakes are named.

use std::fs;

use tokio::net::TcpListener;

use super::*;
use crate::http::test_servers::{Authority, client, proxy_once, serve_once, serve_tls, settings};
use crate::http::{TransportCause, TransportFault};

const PROXY_PASSWORD: &str = "proxy-secret";

/// A file with this content.
fn file(content: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), content).unwrap();
    file
}

fn trusting(path: &Path) -> HttpSettings {
    HttpSettings { ca_file: Some(path.to_owned()), ..settings() }
}

fn through(proxy: &str, no_proxy: &[&str]) -> HttpSettings {
    let no_proxy = no_proxy.iter().map(|&entry| entry.to_owned()).collect();
    HttpSettings { proxy: Some(SecretString::from(proxy)), no_proxy, ..settings() }
}

fn refusal(settings: &HttpSettings) -> String {
    build_client(settings).expect_err("it must be refused").to_string()
}

#[tokio::test]
async fn a_private_authority_is_trusted_when_its_certificate_is_configured_and_only_then() {
    let authority = Authority::new();
    let address = serve_tls(authority.issue("localhost", (2020, 2999))).await;
    let url = format!("https://localhost:{}/", address.port());
    let stranger = client().get(&url).send().await.expect_err("nobody vouches for it");
    assert_eq!(TransportFault::of(&stranger).cause, TransportCause::CertificateNotTrusted);

    let bundle = file(&format!("# two of them\n{}{}", Authority::new().pem(), authority.pem()));
    let answer = build_client(&trusting(bundle.path())).unwrap().get(&url).send().await.unwrap();
    assert_eq!(answer.text().await.unwrap(), "ok");
}

#[test]
fn a_file_without_a_usable_certificate_is_refused_with_key_and_path() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.pem");
    let key = rcgen::KeyPair::generate().unwrap().serialize_pem();
    let (empty, key) = (file(""), file(&key));
    let damaged = file("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    for (path, problem) in [
        (missing.as_path(), "cannot read"),
        (empty.path(), "no certificate in PEM form"),
        (key.path(), "no certificate in PEM form"),
        (damaged.path(), "is damaged"),
    ] {
        let why = refusal(&trusting(path));
        assert!(why.starts_with("http.ca_file: ") && why.contains(problem), "{why}");
        assert!(why.contains(path.to_str().unwrap()), "{why}");
    }
}

#[tokio::test]
async fn plain_requests_go_to_the_proxy_with_their_whole_address() {
    let (address, head) = proxy_once(Some(([127, 0, 0, 1], 1).into())).await;
    let settings = through(&format!("http://user:{PROXY_PASSWORD}@{address}"), &[]);
    let answer = build_client(&settings).unwrap().get("http://jira.invalid/x?y=z").send().await.unwrap();
    assert_eq!(answer.text().await.unwrap(), "ok");
    let head = head.await.unwrap();
    assert!(head.starts_with("GET http://jira.invalid/x?y=z HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("proxy-authorization: Basic dXNlcjpwcm94eS1zZWNyZXQ="), "{head}");
    assert!(head.contains(concat!("user-agent: incident-bridge/", env!("CARGO_PKG_VERSION"))), "{head}");
}

#[tokio::test]
async fn secure_requests_pass_through_the_proxy_in_a_tunnel() {
    let authority = Authority::new();
    let server = serve_tls(authority.issue("jira.invalid", (2020, 2999))).await;
    let ca = file(&authority.pem());
    let (address, head) = proxy_once(Some(server)).await;
    let settings =
        HttpSettings { ca_file: Some(ca.path().to_owned()), ..through(&format!("http://{address}"), &[]) };
    let answer = build_client(&settings).unwrap().get("https://jira.invalid/x").send().await.unwrap();
    assert_eq!(answer.text().await.unwrap(), "ok");
    let head = head.await.unwrap();
    assert!(head.starts_with("CONNECT jira.invalid:443 HTTP/1.1\r\n"), "{head}");
}

#[tokio::test]
async fn a_proxy_that_does_not_connect_is_blamed_itself_and_its_password_is_never_told() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let (refusing, _head) = proxy_once(None).await;
    for (address, detail) in [(gone, "refused"), (refusing, "proxy authorization required")] {
        let settings = through(&format!("http://user:{PROXY_PASSWORD}@{address}"), &[]);
        let error = build_client(&settings).unwrap().get("https://jira.invalid/").send().await.unwrap_err();
        let fault = TransportFault::of(&error);
        assert!(matches!(fault.cause, TransportCause::Proxy { .. }), "{fault:?}");
        let told = format!("{fault} {fault:?} {settings:?}");
        assert!(told.contains("no connection to jira.invalid:443 through the proxy: "), "{told}");
        assert!(told.contains(detail) && told.contains("check `http.proxy`"), "{told}");
        assert!(!told.contains(PROXY_PASSWORD), "{told}");
    }
}

#[tokio::test]
async fn what_the_list_names_is_asked_without_the_proxy() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let proxy = format!("http://{gone}");
    for (entry, host) in [
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.0/8", "127.0.0.1"),
        ("localhost", "localhost"),
        (".localhost", "localhost"),
        ("*", "localhost"),
    ] {
        let address = serve_once("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
        let client = build_client(&through(&proxy, &["10.0.0.0/8", entry])).unwrap();
        let asked = client.get(format!("http://{host}:{}/", address.port())).send().await;
        assert!(asked.is_ok(), "{entry} for {host}: {asked:?}");
    }
}

#[test]
fn a_proxy_that_cannot_work_is_refused_with_what_to_write() {
    for (proxy, problem) in [
        ("proxy.example.com", "is not an address such as http://"),
        ("user:proxy-secret@proxy.example.com:3128", "is not an address such as http://"),
        ("http://user:proxy-secret@:3128", "is not an address such as http://"),
        ("socks5://user:proxy-secret@proxy.example.com:1080", "SOCKS"),
    ] {
        let why = refusal(&through(proxy, &[]));
        assert!(why.starts_with("http.proxy: ") && why.contains(problem), "{proxy}: {why}");
        assert!(!why.contains(PROXY_PASSWORD), "{why}");
    }
    for entry in ["*.example.com", "example.com:443", "https://example.com", "10.0.0.0/33", "a b", ""] {
        let why = refusal(&through("http://proxy.example.com:3128", &["localhost", entry]));
        assert!(why.starts_with(&format!("http.no_proxy: {entry:?} ")), "{why}");
    }
    assert!(
        build_client(&through("http://proxy.example.com", &["fd00::/8", "::1", ".a-b_c.example"])).is_ok()
    );
}
