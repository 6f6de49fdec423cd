//! Each cause, met at a real socket.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use super::*;
use crate::http::test_servers::{Authority, client, self_signed, serve_once, serve_tls, settings};
use crate::http::{HttpClient, HttpSettings, build_client};

/// What the client says about an address that must fail.
async fn fault(client: &HttpClient, url: &str) -> TransportFault {
    let error = client.get(url).send().await.expect_err("it must fail");
    let fault = TransportFault::of(&error);
    let sentence = fault.to_string();
    assert!(sentence.contains(&fault.address), "{sentence}");
    for secret in ["secret-id", "secret-path", "http://", "https://"] {
        assert!(!sentence.contains(secret), "{sentence}");
    }
    fault
}

#[tokio::test]
async fn a_port_where_nobody_listens_refuses_the_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let fault = fault(&client(), &format!("http://{address}/secret-path?id=secret-id")).await;
    assert_eq!(fault.cause, TransportCause::ConnectionRefused);
    assert_eq!(fault.to_string(), format!("{address} refuses the connection"));
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_not_found() {
    let fault = fault(&client(), "https://no-such-host.invalid/secret-path?id=secret-id").await;
    assert!(matches!(fault.cause, TransportCause::NameNotFound { .. }), "{fault:?}");
    let sentence = fault.to_string();
    assert!(sentence.starts_with("the name of no-such-host.invalid:443 is not found: "), "{sentence}");
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up_on() {
    // The kernel accepts the connection; nobody reads what is sent.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let hasty = build_client(&HttpSettings { timeout: Duration::from_millis(100), ..settings() }).unwrap();
    let fault = fault(&hasty, &format!("http://{address}/")).await;
    assert_eq!(fault.cause, TransportCause::AnswerTimeout);
    assert_eq!(fault.to_string(), format!("{address} did not answer in time"));
}

#[tokio::test]
async fn a_server_that_does_not_take_part_in_the_handshake_is_no_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let hasty = HttpClient::builder().connect_timeout(Duration::from_millis(100)).build().unwrap();
    let fault = fault(&hasty, &format!("https://{address}/")).await;
    assert_eq!(fault.cause, TransportCause::ConnectTimeout);
    assert_eq!(fault.to_string(), format!("no connection to {address} in time"));
}

#[tokio::test]
async fn a_server_without_tls_is_no_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"220 mail.example ESMTP\r\n").await.unwrap();
    });
    let fault = fault(&client(), &format!("https://{address}/")).await;
    assert!(matches!(fault.cause, TransportCause::NotConnected { .. }), "{fault:?}");
    assert!(fault.to_string().starts_with(&format!("no connection to {address}: ")), "{fault}");
}

#[tokio::test]
async fn a_connection_that_ends_before_the_answer_broke_off() {
    for half in ["", "HTTP/1.1 20"] {
        let address = serve_once(half).await;
        let fault = fault(&client(), &format!("http://{address}/")).await;
        assert!(matches!(fault.cause, TransportCause::BrokeOff { .. }), "{half:?}: {fault:?}");
        assert!(
            fault.to_string().starts_with(&format!("the connection to {address} broke off: ")),
            "{fault}"
        );
    }
}

#[tokio::test]
async fn a_self_signed_certificate_is_not_trusted() {
    for is_authority in [false, true] {
        let address = serve_tls(self_signed("localhost", is_authority)).await;
        let fault = fault(&client(), &format!("https://localhost:{}/", address.port())).await;
        assert_eq!(fault.cause, TransportCause::CertificateNotTrusted, "{is_authority}");
        assert!(fault.to_string().contains("`http.ca_file`"), "{fault}");
    }
}

#[tokio::test]
async fn a_certificate_that_is_its_own_authority_is_not_trusted_even_when_it_is_listed() {
    let identity = self_signed("localhost", true);
    let client = trusting(&identity.pem());
    let address = serve_tls(identity).await;
    let fault = fault(&client, &format!("https://localhost:{}/", address.port())).await;
    assert_eq!(fault.cause, TransportCause::CertificateNotTrusted);
}

/// A client that trusts the authority of this certificate.
fn trusting(pem: &str) -> HttpClient {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), pem).unwrap();
    build_client(&HttpSettings { ca_file: Some(file.path().to_owned()), ..settings() }).unwrap()
}

#[tokio::test]
async fn a_certificate_out_of_its_time_is_named_as_that() {
    let authority = Authority::new();
    let client = trusting(&authority.pem());
    for (years, cause, end) in [
        ((2019, 2020), TransportCause::CertificateExpired, "has expired"),
        (
            (2998, 2999),
            TransportCause::CertificateNotYetValid,
            "is not valid yet; check this machine's clock",
        ),
    ] {
        let address = serve_tls(authority.issue("localhost", years)).await;
        let fault = fault(&client, &format!("https://localhost:{}/", address.port())).await;
        assert_eq!(fault.cause, cause);
        assert_eq!(fault.to_string(), format!("the certificate of localhost:{} {end}", address.port()));
    }
}

#[tokio::test]
async fn a_certificate_for_another_name_is_shown_with_its_names() {
    let authority = Authority::new();
    let address = serve_tls(authority.issue("other.example", (2020, 2999))).await;
    let fault = fault(&trusting(&authority.pem()), &format!("https://localhost:{}/", address.port())).await;
    assert!(matches!(fault.cause, TransportCause::CertificateForOtherName { .. }), "{fault:?}");
    let sentence = fault.to_string();
    assert!(sentence.contains("is for another name: ") && sentence.contains("other.example"), "{sentence}");
}
