//! Why a server could not be asked: one sentence with its host and port and the innermost cause.
//!
//! Must never print the path or the query of an address, which may hold ids, nor anything of a proxy's
//! address.

use std::error::Error;
use std::io;
use std::iter::successors;

use reqwest::Url;
use rustls::CertificateError;

/// How `hyper-util` begins the message of its error type for proxies, which it does not export.
const TUNNEL: &str = "tunnel error: ";

/// A request that received no answer, or an incomplete one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.sentence())]
pub struct TransportFault {
    /// Host and port of the server that was asked.
    pub address: String,
    pub cause: TransportCause,
}

/// What stood between this program and an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransportCause {
    NameNotFound {
        detail: String,
    },
    /// Nobody listens at the port.
    ConnectionRefused,
    /// No connection, or no TLS handshake, within the time for it.
    ConnectTimeout,
    /// Connected, but without a complete answer in time.
    AnswerTimeout,
    CertificateExpired,
    CertificateNotYetValid,
    /// Self-signed, or from an issuer that neither the system nor `http.ca_file` trusts.
    CertificateNotTrusted,
    CertificateForOtherName {
        presented: Vec<String>,
    },
    /// Anything else that is wrong with the certificate.
    CertificateInvalid {
        detail: String,
    },
    /// The proxy cannot be reached, or does not connect.
    Proxy {
        detail: String,
    },
    /// No connection for another reason.
    NotConnected {
        detail: String,
    },
    /// The connection ended before the answer did.
    BrokeOff {
        detail: String,
    },
    /// The answer is longer than what is read.
    TooLarge {
        /// Bytes.
        limit: usize,
    },
}

impl TransportFault {
    /// Why sending a request failed.
    #[must_use]
    pub fn of(error: &reqwest::Error) -> Self {
        let address = error.url().map_or_else(|| "the server".to_owned(), address_of);
        Self { address, cause: TransportCause::of(error) }
    }

    /// Why reading an answer of `url` failed: such errors do not know the address themselves.
    pub(super) fn at(url: &Url, error: &reqwest::Error) -> Self {
        Self::new(url, TransportCause::of(error))
    }

    pub(super) fn new(url: &Url, cause: TransportCause) -> Self {
        Self { address: address_of(url), cause }
    }

    /// What was seen, with host and port, without what to do.
    #[must_use]
    pub fn describe(&self) -> String {
        self.cause.describe(&self.address)
    }

    fn sentence(&self) -> String {
        let seen = self.describe();
        self.cause.advice().map_or_else(|| seen.clone(), |advice| format!("{seen}; {advice}"))
    }
}

fn address_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port_or_known_default().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

impl TransportCause {
    fn of(error: &reqwest::Error) -> Self {
        let detail = || innermost(error);
        // A proxy's faults come first, because their causes are those of the proxy and not of the server.
        if causes(error).any(|cause| cause.to_string().starts_with(TUNNEL)) {
            return Self::Proxy { detail: detail() };
        }
        if let Some(fault) = causes(error).find_map(|cause| cause.downcast_ref::<rustls::Error>()) {
            if let rustls::Error::InvalidCertificate(fault) = fault {
                return Self::of_certificate(fault);
            }
            return Self::NotConnected { detail: fault.to_string() };
        }
        let kind =
            causes(error).filter_map(|cause| cause.downcast_ref::<io::Error>()).map(io::Error::kind).last();
        match kind {
            _ if error.is_dns() => Self::NameNotFound { detail: detail() },
            _ if error.is_timeout() && error.is_connect() => Self::ConnectTimeout,
            _ if error.is_timeout() => Self::AnswerTimeout,
            Some(io::ErrorKind::ConnectionRefused) => Self::ConnectionRefused,
            _ if error.is_connect() => Self::NotConnected { detail: detail() },
            _ => Self::BrokeOff { detail: detail() },
        }
    }

    fn of_certificate(fault: &CertificateError) -> Self {
        use CertificateError as E;
        match fault {
            E::Expired | E::ExpiredContext { .. } => Self::CertificateExpired,
            E::NotValidYet | E::NotValidYetContext { .. } => Self::CertificateNotYetValid,
            E::UnknownIssuer => Self::CertificateNotTrusted,
            // What most tools make when asked for a self-signed certificate is its own authority, which
            // `webpki` refuses under this name before it looks for an issuer.
            E::Other(fault) if fault.to_string().contains("CaUsedAsEndEntity") => Self::CertificateNotTrusted,
            E::NotValidForName => Self::CertificateForOtherName { presented: Vec::new() },
            E::NotValidForNameContext { presented, .. } => {
                Self::CertificateForOtherName { presented: presented.clone() }
            }
            fault => Self::CertificateInvalid { detail: fault.to_string() },
        }
    }

    /// What to do, where that is the same whoever was asked.
    #[must_use]
    pub fn advice(&self) -> Option<&'static str> {
        match self {
            Self::CertificateNotYetValid => Some("check this machine's clock"),
            Self::CertificateNotTrusted => Some("put a private authority's certificate into `http.ca_file`"),
            Self::Proxy { .. } => Some("check `http.proxy`, or the environment variable HTTPS_PROXY"),
            _ => None,
        }
    }

    fn describe(&self, address: &str) -> String {
        match self {
            Self::NameNotFound { detail } => format!("the name of {address} is not found: {detail}"),
            Self::ConnectionRefused => format!("{address} refuses the connection"),
            Self::ConnectTimeout => format!("no connection to {address} in time"),
            Self::AnswerTimeout => format!("{address} did not answer in time"),
            Self::CertificateExpired => format!("the certificate of {address} has expired"),
            Self::CertificateNotYetValid => format!("the certificate of {address} is not valid yet"),
            Self::CertificateNotTrusted => {
                format!("the certificate of {address} is not trusted: self-signed, or from an unknown issuer")
            }
            Self::CertificateForOtherName { presented } => {
                format!("the certificate of {address} is for another name{}", list(presented))
            }
            Self::CertificateInvalid { detail } => {
                format!("the certificate of {address} is not accepted: {detail}")
            }
            Self::Proxy { detail } => format!("no connection to {address} through the proxy: {detail}"),
            Self::NotConnected { detail } => format!("no connection to {address}: {detail}"),
            Self::BrokeOff { detail } => format!("the connection to {address} broke off: {detail}"),
            Self::TooLarge { limit } => {
                format!("{address} answers with more than the {limit} bytes that are read")
            }
        }
    }
}

fn list(presented: &[String]) -> String {
    if presented.is_empty() { String::new() } else { format!(": {}", presented.join(", ")) }
}

/// An error and its causes, from the outside in.
fn causes<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    successors(Some(error), |error| next_cause(*error))
}

fn next_cause<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e (dyn Error + 'static)> {
    // `source` of an I/O error passes over the error inside and names the source of that.
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(inside) => Some(inside),
        None => error.source(),
    }
}

/// The innermost cause, without the address that `reqwest` writes into its own messages.
pub(super) fn innermost(error: &reqwest::Error) -> String {
    let inner = causes(error).last().filter(|cause| !cause.is::<reqwest::Error>());
    inner.map_or_else(|| "no cause is known".to_owned(), ToString::to_string)
}

#[cfg(test)]
#[path = "error_tests.rs"]
mod tests;
