//! Until when the certificate of a server is valid.
//!
//! Must not decide whether a certificate is trusted: the connection has done that.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::Response;
use reqwest::tls::TlsInfo;
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, Error, RootCertStore};

/// Seconds since the epoch, in the year 9999: the last instant that a certificate can name (RFC 5280, 4.1.2.5).
const END_OF_TIME: u64 = 253_402_300_799;

/// Until when the certificate is valid with which the server has proven itself; `None` without TLS.
#[must_use]
pub fn find_certificate_end(answer: &Response) -> Option<DateTime<Utc>> {
    let certificate = answer.extensions().get::<TlsInfo>()?.peer_certificate()?;
    find_end(&CertificateDer::from(certificate))
}

/// `rustls` has no reader for certificates, but says when one ended if asked whether it is valid much later. It
/// compares the time before anything else.
fn find_end(certificate: &CertificateDer<'_>) -> Option<DateTime<Utc>> {
    let parsed = ParsedCertificate::try_from(certificate).ok()?;
    let later = UnixTime::since_unix_epoch(Duration::from_secs(END_OF_TIME));
    match verify_server_cert_signed_by_trust_anchor(&parsed, &RootCertStore::empty(), &[], later, &[]) {
        Err(Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. })) => {
            DateTime::from_timestamp(i64::try_from(not_after.as_secs()).ok()?, 0)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::test_servers::{Authority, serve_once, serve_tls, settings};
    use crate::http::{HttpSettings, build_client};

    #[tokio::test]
    async fn the_end_of_a_certificate_is_read_from_the_connection() {
        let (authority, file) = (Authority::new(), tempfile::NamedTempFile::new().unwrap());
        std::fs::write(file.path(), authority.pem()).unwrap();
        let client =
            build_client(&HttpSettings { ca_file: Some(file.path().to_owned()), ..settings() }).unwrap();
        let address = serve_tls(authority.issue("localhost", (2020, 2999))).await;
        let answer = client.get(format!("https://localhost:{}/", address.port())).send().await.unwrap();
        assert_eq!(
            find_certificate_end(&answer).map(|end| end.to_rfc3339()).as_deref(),
            Some("2999-01-01T00:00:00+00:00")
        );
        let plain = serve_once("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
        let answer = client.get(format!("http://{plain}/")).send().await.unwrap();
        assert_eq!(find_certificate_end(&answer), None);
    }
}
