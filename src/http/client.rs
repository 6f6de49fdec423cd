//! Builds the client that all outbound requests share.
//!
//! Must not be able to turn the checking of certificates off, and must not follow redirects: a token is bound
//! to one address, and a redirected `POST` would arrive as a `GET`.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::{Certificate, Client, NoProxy, Proxy, redirect};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::error::innermost;

/// For the connection with its TLS handshake.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How outbound requests are made.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// For one request with its answer, unless the request has a time of its own.
    pub timeout: Duration,
    /// Address of the proxy for all requests, perhaps with user and password. Without one, the environment
    /// decides: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, in capitals or not.
    pub proxy: Option<SecretString>,
    /// What is asked without `proxy`: names with everything below them, addresses, networks such as
    /// `10.0.0.0/8`.
    pub no_proxy: Vec<String>,
    /// PEM file with certificates that are trusted besides those of the system.
    pub ca_file: Option<PathBuf>,
}

impl HttpSettings {
    /// Without a proxy of its own and without a private authority.
    #[must_use]
    pub fn new(timeout: Duration) -> Self {
        Self { timeout, proxy: None, no_proxy: Vec::new(), ca_file: None }
    }
}

/// Why there is no client. Names the key and never the value of `http.proxy`, which may hold a password.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error("http.proxy: is not an address such as http://proxy.example.com:3128")]
    BadProxy,
    #[error("http.proxy: must begin with http:// or https://; SOCKS proxies are not supported")]
    UnsupportedProxy,
    #[error(
        "http.no_proxy: {0:?} is neither a name such as \"example.com\" (with everything below it), nor an address, \
         nor a network such as \"10.0.0.0/8\", nor \"*\""
    )]
    BadNoProxy(String),
    #[error("http.ca_file: cannot read {}: {fault}", path.display())]
    UnreadableFile { path: PathBuf, fault: std::io::Error },
    #[error(
        "http.ca_file: {} has no certificate in PEM form; it must hold the authority's certificate, which begins with \
         -----BEGIN CERTIFICATE-----", .0.display()
    )]
    NoCertificate(PathBuf),
    #[error("http.ca_file: a certificate in {} is damaged: {detail}", path.display())]
    BadCertificate { path: PathBuf, detail: String },
    #[error("TLS does not start: {0}; install the system's root certificates (the package ca-certificates)")]
    Tls(String),
}

/// The client: no redirects, no `Referer`, gzip, answers that show the server's certificate, `User-Agent: incident-bridge/<version>`, TLS by rustls with
/// the certificates of the system and of `ca_file`.
///
/// # Errors
/// With the key to change and how.
pub fn build_client(settings: &HttpSettings) -> Result<Client, ClientError> {
    let mut builder = Client::builder()
        .user_agent(concat!("incident-bridge/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .referer(false)
        .connect_timeout(CONNECT_TIMEOUT.min(settings.timeout))
        .timeout(settings.timeout)
        .gzip(true)
        .tls_info(true);
    if let Some(address) = &settings.proxy {
        builder = builder.proxy(proxy(address, &settings.no_proxy)?);
    }
    if let Some(path) = &settings.ca_file {
        builder = builder.tls_certs_merge(read_certificates(path)?);
    }
    builder.build().map_err(|error| {
        let detail = innermost(&error);
        // When `ca_file` gives a certificate, missing system certificates are no error, so the file is at
        // fault.
        match &settings.ca_file {
            Some(path) => ClientError::BadCertificate { path: path.clone(), detail },
            None => ClientError::Tls(detail),
        }
    })
}

/// A client for the listeners of this machine: it knows no proxy, whatever the environment says.
///
/// # Errors
/// When TLS does not start.
pub fn build_direct_client(timeout: Duration) -> Result<Client, ClientError> {
    let builder = Client::builder().no_proxy().redirect(redirect::Policy::none()).timeout(timeout);
    builder.build().map_err(|error| ClientError::Tls(innermost(&error)))
}

fn proxy(address: &SecretString, no_proxy: &[String]) -> Result<Proxy, ClientError> {
    let url = Url::parse(address.expose_secret()).map_err(|_| ClientError::BadProxy)?;
    if !url.has_host() {
        return Err(ClientError::BadProxy);
    }
    if !matches!(url.scheme(), "http" | "https") {
        return Err(ClientError::UnsupportedProxy);
    }
    if let Some(entry) = no_proxy.iter().find(|entry| !is_understood(entry)) {
        return Err(ClientError::BadNoProxy(entry.clone()));
    }
    let proxy = Proxy::all(url.as_str()).map_err(|_| ClientError::BadProxy)?;
    Ok(proxy.no_proxy(NoProxy::from_string(&no_proxy.join(","))))
}

/// Whether the entry can ever match: `reqwest` takes what it cannot read for a host name, silently.
fn is_understood(entry: &str) -> bool {
    let is_network = |(address, bits): (&str, &str)| match address.parse() {
        Ok(IpAddr::V4(_)) => bits.parse().is_ok_and(|bits: u8| bits <= 32),
        Ok(IpAddr::V6(_)) => bits.parse().is_ok_and(|bits: u8| bits <= 128),
        Err(_) => false,
    };
    let is_name = |name: &str| {
        !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '.' | '_'))
    };
    entry == "*"
        || entry.parse::<IpAddr>().is_ok()
        || entry.split_once('/').is_some_and(is_network)
        || is_name(entry)
}

fn read_certificates(path: &Path) -> Result<Vec<Certificate>, ClientError> {
    let owned = || path.to_owned();
    let pem = std::fs::read(path).map_err(|fault| ClientError::UnreadableFile { path: owned(), fault })?;
    let certificates = Certificate::from_pem_bundle(&pem)
        .map_err(|error| ClientError::BadCertificate { path: owned(), detail: innermost(&error) })?;
    if certificates.is_empty() { Err(ClientError::NoCertificate(owned())) } else { Ok(certificates) }
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
