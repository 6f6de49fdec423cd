//! Servers on loopback for the tests of this folder: plain ones, ones with certificates of any kind, and a
//! proxy.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use super::{HttpClient, HttpSettings, build_client};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

pub fn settings() -> HttpSettings {
    HttpSettings::new(Duration::from_secs(30))
}

pub fn client() -> HttpClient {
    build_client(&settings()).unwrap()
}

/// Reads the head of a request.
async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte.into()),
            Err(_) => break,
        }
    }
    head
}

/// Answers one request with `answer`, then closes the connection.
pub async fn serve_once(answer: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        read_head(&mut stream).await;
        stream.write_all(answer.as_bytes()).await.unwrap();
    });
    address
}

/// A certificate with its key, ready for a server.
pub struct Identity {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

impl Identity {
    pub fn pem(&self) -> String {
        self.certificate.pem()
    }
}

/// A self-signed certificate for `name`; with `is_authority` as `openssl req -x509` makes it.
pub fn self_signed(name: &str, is_authority: bool) -> Identity {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    if is_authority {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    Identity { certificate: params.self_signed(&key).unwrap(), key }
}

/// A private authority.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// Its certificate, as `http.ca_file` has it.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for `name`, good from the first day of one year to that of another.
    pub fn issue(&self, name: &str, years: (i32, i32)) -> Identity {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.not_before = date_time_ymd(years.0, 1, 1);
        params.not_after = date_time_ymd(years.1, 1, 1);
        Identity { certificate: params.signed_by(&key, &self.0).unwrap(), key }
    }
}

/// Serves `ok` with a certificate until the test ends.
pub async fn serve_tls(identity: Identity) -> SocketAddr {
    let key = PrivateKeyDer::try_from(identity.key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![identity.certificate.into()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // A client that refuses the certificate ends the handshake.
            if let Ok(mut stream) = acceptor.accept(stream).await {
                read_head(&mut stream).await;
                stream.write_all(OK.as_bytes()).await.unwrap();
                stream.shutdown().await.unwrap();
            }
        }
    });
    address
}

/// A proxy for one request, whatever its name: sends the request on to `target`, or answers 407 without one.
/// Gives its own address, and the head of the request once it came.
pub async fn proxy_once(target: Option<SocketAddr>) -> (SocketAddr, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let head = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let head = read_head(&mut stream).await;
        let Some(target) = target else {
            stream.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n").await.unwrap();
            return head;
        };
        if head.starts_with("CONNECT ") {
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
            let mut server = TcpStream::connect(target).await.unwrap();
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut stream, &mut server).await });
        } else {
            stream.write_all(OK.as_bytes()).await.unwrap();
        }
        head
    });
    (address, head)
}
