//! Why a server was not reached, and what to do about it: that depends on whose server it is.
//!
//! Pure.

use super::check::{Check, Group};
use super::code::{self, Code};
use crate::http::{TransportCause as Cause, TransportFault};

/// Whose server was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// The public address of the bridge.
    Ourselves,
    Tool,
    Jira,
}

/// The finding about a server that could not be asked.
pub fn judge(group: Group, what: impl Into<String>, asked: Asked, fault: &TransportFault) -> Check {
    let (code, fix) = advise(asked, fault);
    Check::fix(group, code, what, fault.describe(), fix)
}

fn advise(asked: Asked, fault: &TransportFault) -> (Code, String) {
    let address = &fault.address;
    let host = address.rsplit_once(':').map_or(address.as_str(), |(host, _)| host);
    match &fault.cause {
        Cause::NameNotFound { .. } => (code::NAME_NOT_FOUND, find_name(asked, host)),
        Cause::ConnectionRefused => (code::CONNECTION_REFUSED, listen(asked, address)),
        Cause::ConnectTimeout | Cause::AnswerTimeout => (code::NO_ANSWER_IN_TIME, wait(asked, address)),
        Cause::CertificateExpired => (code::CERTIFICATE_EXPIRED, renew(asked, address)),
        Cause::CertificateNotYetValid => {
            (code::CERTIFICATE_NOT_YET_VALID, "set this machine's clock (NTP)".to_owned())
        }
        Cause::CertificateNotTrusted => (code::CERTIFICATE_NOT_TRUSTED, trust(asked)),
        Cause::CertificateForOtherName { .. } => (code::CERTIFICATE_OTHER_NAME, rename(asked, host)),
        Cause::CertificateInvalid { .. } => (code::CERTIFICATE_INVALID, renew(asked, address)),
        Cause::Proxy { .. } => {
            let fix = format!("check `http.proxy` or HTTPS_PROXY, and whether the proxy lets {host} through");
            (code::PROXY_FAILS, fix)
        }
        Cause::NotConnected { .. } | Cause::BrokeOff { .. } | Cause::TooLarge { .. } => {
            (code::CONNECTION_FAILED, connect(asked, address))
        }
    }
}

fn find_name(asked: Asked, host: &str) -> String {
    match asked {
        Asked::Ourselves => {
            format!("correct the host in `server.base_url`, or create the DNS record of {host}")
        }
        Asked::Tool => format!("correct the host in `api_url`, or make {host} known to this machine's DNS"),
        Asked::Jira => {
            format!("check this machine's DNS; if only a proxy resolves {host}, set `http.proxy`")
        }
    }
}

fn listen(asked: Asked, address: &str) -> String {
    match asked {
        Asked::Ourselves => {
            format!(
                "nobody listens there: start `incident-bridge serve`, and the proxy that serves {address}"
            )
        }
        Asked::Tool => "start the tool, or correct host and port in `api_url`".to_owned(),
        Asked::Jira => format!("let this machine connect to {address}, or set `http.proxy`"),
    }
}

fn wait(asked: Asked, address: &str) -> String {
    match asked {
        Asked::Ourselves => {
            format!(
                "let connections to {address} through the firewall, and check that the proxy there is alive"
            )
        }
        Asked::Tool => {
            format!("let this machine connect to {address}, set `http.proxy`, or correct `api_url`")
        }
        Asked::Jira => format!("let this machine connect to {address}, or set `http.proxy`"),
    }
}

fn renew(asked: Asked, address: &str) -> String {
    match asked {
        Asked::Ourselves => format!("renew the certificate of the proxy that serves {address}"),
        Asked::Tool => format!("let whoever runs {address} renew its certificate"),
        Asked::Jira => "a proxy in between seems to answer for Jira: check `http.proxy`".to_owned(),
    }
}

fn trust(asked: Asked) -> String {
    match asked {
        Asked::Ourselves => {
            "Jira trusts public authorities only: give the proxy a certificate of one, such as \
                             Let's Encrypt, with its intermediate certificates"
                .to_owned()
        }
        Asked::Tool => {
            "put the certificate of the authority that issued it into `http.ca_file`; one that the \
                        tool has signed itself must be replaced by one of an authority"
                .to_owned()
        }
        Asked::Jira => {
            "a proxy in between inspects TLS: put its authority's certificate into `http.ca_file`".to_owned()
        }
    }
}

fn rename(asked: Asked, host: &str) -> String {
    match asked {
        Asked::Ourselves => format!("give the proxy a certificate for {host}, or correct `server.base_url`"),
        Asked::Tool => format!("give the tool a certificate for {host}, or correct the host in `api_url`"),
        Asked::Jira => "a proxy in between seems to answer for Jira: check `http.proxy` and DNS".to_owned(),
    }
}

fn connect(asked: Asked, address: &str) -> String {
    match asked {
        Asked::Ourselves => format!("check that {address} speaks what `server.base_url` says, http or https"),
        Asked::Tool => format!("check that {address} speaks what `api_url` says, http or https"),
        Asked::Jira => format!("check what stands between this machine and {address}, such as a firewall"),
    }
}
