//! What strangers may cost: the time and size of a request, and how often each may be refused before costly
//! work is no longer done for it.
//!
//! Whoever shows a valid credential never meets these limits, apart from size and time.

mod peer;
mod per_peer;

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use actix_web::http::header::HeaderMap;
use ipnet::IpNet;

use self::peer::find_peer;
use self::per_peer::PerPeer;
use super::problem::Problem;
use crate::clock::Clock;
use crate::config::Server;

/// Refused requests of one address in a minute.
const REFUSALS: u32 = 120;
/// Look-ups of unknown install keys for one address in a minute. Jira needs one for many installations.
const KEY_FETCHES: u32 = 10;
/// Times in a second that a refused token makes the process ask whether another process knows the site.
const REFRESHES: u32 = 5;
/// A body must be here after this part of the time for the request.
const BODY_SHARE: u32 = 3;

/// The limits of the public listener.
#[derive(Debug)]
pub struct Limits {
    /// Bytes.
    pub max_body: usize,
    /// For a whole request with its answer.
    pub request_timeout: Duration,
    trusted_proxies: Vec<IpNet>,
    refusals: PerPeer,
    key_fetches: PerPeer,
    refreshes: PerPeer,
}

impl Limits {
    #[must_use]
    pub fn new(server: &Server, clock: &Clock) -> Self {
        let minute = Duration::from_mins(1);
        Self {
            max_body: server.max_body,
            request_timeout: server.request_timeout,
            trusted_proxies: server.trusted_proxies.clone(),
            refusals: PerPeer::new(REFUSALS, minute, clock.clone()),
            key_fetches: PerPeer::new(KEY_FETCHES, minute, clock.clone()),
            refreshes: PerPeer::new(REFRESHES, Duration::from_secs(1), clock.clone()),
        }
    }

    /// For a body to arrive.
    pub(super) fn body_timeout(&self) -> Duration {
        self.request_timeout / BODY_SHARE
    }

    /// Who sends a request, as far as it can be known: the address of the connection, or what a trusted
    /// proxy says.
    pub(super) fn find_peer(&self, connection: Option<IpAddr>, headers: &HeaderMap) -> IpAddr {
        let connection = connection.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        find_peer(connection, headers, &self.trusted_proxies)
    }

    /// Remembers that a request of this address was refused.
    pub(super) fn note_refusal(&self, peer: IpAddr) {
        self.refusals.note(peer);
    }

    /// Before an install key is fetched for a token that nothing proves yet.
    ///
    /// # Errors
    /// 429 when the address has caused too many fetches or refusals.
    pub(super) fn admit_key_fetch(&self, peer: IpAddr) -> Result<(), Problem> {
        if self.refusals.is_exhausted(peer) || !self.key_fetches.take(peer) {
            return Err(Problem::too_many_refused());
        }
        Ok(())
    }

    /// Before the database is asked about a token that no known site has signed.
    pub(super) fn admit_refresh(&self, peer: IpAddr) -> bool {
        !self.refusals.is_exhausted(peer) && self.refreshes.take(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
    }
}
