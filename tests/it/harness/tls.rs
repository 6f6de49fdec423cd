//! A server with a certificate of any kind, as a tool or as the proxy before the bridge.

use std::net::SocketAddr;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::server::TlsStream;

/// How a certificate for `localhost` is made.
#[derive(Debug, Clone, Copy)]
pub enum Certificate {
    SelfSigned,
    /// By a private authority, good until the first day of this year.
    Issued {
        until: i32,
    },
}

/// A server on loopback that answers every request in the same way until the test ends.
pub struct TlsServer {
    /// `https://localhost:…`.
    pub url: String,
    /// The authority's certificate, as `http.ca_file` has it.
    pub authority: String,
}

impl TlsServer {
    pub async fn start(certificate: Certificate, body: &str) -> Self {
        let mut of_authority = CertificateParams::new(Vec::new()).expect("valid");
        of_authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(of_authority, new_key()).expect("it signs");
        let (key, mut params) = (new_key(), CertificateParams::new(["localhost".to_owned()]).expect("valid"));
        let signed = match certificate {
            Certificate::SelfSigned => params.self_signed(&key),
            Certificate::Issued { until } => {
                (params.not_before, params.not_after) =
                    (date_time_ymd(2019, 1, 1), date_time_ymd(until, 1, 1));
                params.signed_by(&key, &authority)
            }
        };
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .expect("supported")
            .with_no_client_auth()
            .with_single_cert(
                vec![signed.expect("it signs").into()],
                PrivateKeyDer::try_from(key.serialize_der()).expect("a key"),
            )
            .expect("they fit");
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let address = serve(TlsAcceptor::from(Arc::new(config)), answer).await;
        Self { url: format!("https://localhost:{}", address.port()), authority: authority.pem() }
    }
}

fn new_key() -> KeyPair {
    KeyPair::generate().expect("a key")
}

async fn serve(acceptor: TlsAcceptor, answer: String) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // A client that refuses the certificate ends the handshake.
            if let Ok(stream) = acceptor.accept(stream).await {
                respond(stream, &answer).await;
            }
        }
    });
    address
}

async fn respond(mut stream: TlsStream<TcpStream>, answer: &str) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else { return };
        head.push(byte);
    }
    // Whoever closes early has read enough.
    let _closed = stream.write_all(answer.as_bytes()).await;
    let _closed = stream.shutdown().await;
}
