//! The public address: host, port and the true reason why Jira cannot reach it.

use wiremock::MockServer;

use super::{examine, nobody, rewrite, trust};
use crate::harness::place::Place;
use crate::harness::tls::{Certificate, TlsServer};

/// A bridge whose public address is this.
fn at(url: &str) -> Place {
    let place = Place::new();
    let own = format!("base_url = \"{}\"", place.base_url);
    rewrite(&place, &own, &format!("base_url = \"{url}\""));
    place
}

#[tokio::test]
async fn nobody_there_and_no_such_name_are_told_apart() {
    let address = nobody();
    let refused = examine(&at(&format!("http://{address}"))).await;
    let cause = format!("{address} refuses the connection");
    refused.must_fix("connection-refused", &[&cause], &["incident-bridge serve", "proxy", &address]);

    let nameless = examine(&at("https://no-such-host.invalid")).await;
    let fix = ["`server.base_url`", "DNS record of no-such-host.invalid"];
    nameless.must_fix("name-not-found", &["no-such-host.invalid:443 is not found"], &fix);
}

#[tokio::test]
async fn a_certificate_that_jira_would_refuse_says_why_and_what_it_takes() {
    let server = TlsServer::start(Certificate::SelfSigned, "{}").await;
    let place = at(&server.url);
    let host = server.url.trim_start_matches("https://");
    let cause = format!("the certificate of {host} is not trusted: self-signed");
    examine(&place).await.must_fix(
        "certificate-not-trusted",
        &[&cause],
        &["Jira trusts public", "Let's Encrypt"],
    );

    let server = TlsServer::start(Certificate::Issued { until: 2020 }, "{}").await;
    let place = at(&server.url);
    trust(&place, &server.authority);
    let host = server.url.trim_start_matches("https://");
    let cause = format!("the certificate of {host} has expired");
    let fix = format!("renew the certificate of the proxy that serves {host}");
    examine(&place).await.must_fix("certificate-expired", &[&cause], &[&fix]);
}

#[tokio::test]
async fn a_good_certificate_shows_how_long_it_lasts() {
    let server =
        TlsServer::start(Certificate::Issued { until: 2999 }, "{\"key\": \"incident-bridge\"}").await;
    let place = at(&server.url);
    trust(&place, &server.authority);
    let examined = examine(&place).await;
    examined.is_well("public_address");
    assert!(examined.said.out.contains("until 2999-01-01"), "{:?}", examined.said);
}

#[tokio::test]
async fn another_service_at_the_address_is_named_as_that() {
    let other = MockServer::start().await;
    let place = at(&other.uri());
    let listen = place.base_url.trim_start_matches("http://");
    let fix = ["proxy", "`server.listen`", listen];
    examine(&place).await.must_fix("address-other-service", &["another service", "404"], &fix);

    let server = TlsServer::start(Certificate::Issued { until: 2999 }, "{\"key\": \"other-app\"}").await;
    let place = at(&server.url);
    trust(&place, &server.authority);
    examine(&place).await.must_fix("address-other-service", &["other-app"], &["`connect.app_key`"]);
}
