//! Outbound HTTP: the one client that asks Jira, the tools and the hosts of install keys.
//!
//! Knows transport only: certificates, proxies, bounds, waiting times, and why a server cannot be reached. Must know no
//! API, and must never print a query, a header or a password.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

mod body;
mod certificate;
mod client;
mod error;
mod observed;
mod retry_after;

#[cfg(test)]
pub(crate) mod test_servers;

pub use body::read_body;
pub use certificate::find_certificate_end;
pub use client::{ClientError, HttpSettings, build_client, build_direct_client};
pub use error::{TransportCause, TransportFault};
pub use observed::{ObservedRequest, Observer, SeenRequest, endpoint_of};
pub use reqwest::Client as HttpClient;
pub use retry_after::{LONGEST_WAIT, find_retry_after, parse_http_date};
