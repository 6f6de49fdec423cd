//! Fetches the public keys that signed lifecycle calls are checked with.
//!
//! A key's id comes from an unproven token, so it is checked before it becomes part of a URL, and strangers
//! cannot make this program fetch more often than a limit. Proves nothing itself.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use jsonwebtoken::DecodingKey;
use moka::future::Cache;
use reqwest::StatusCode;
use url::Url;

use super::sites::is_loopback;
use crate::http::{HttpClient, TransportFault, read_body};

/// Where Atlassian publishes install keys, in the order in which its own framework asks.
pub const ATLASSIAN_KEY_URLS: [&str; 2] =
    ["https://asap-distribution.us-west-2.prod.atl-asap.net", "https://connect-install-keys.atlassian.com"];

/// Longest key id that is looked up; Atlassian's look like UUIDs.
pub const MAX_KID_BYTES: usize = 128;

/// How many lookups that the cache cannot answer are made per minute for all callers together.
pub const MAX_FETCHES_PER_MINUTE: u32 = 120;

const MAX_KEY_BYTES: usize = 16 * 1024;
const CACHED_KEYS: u64 = 64;
/// A key never changes under its id; this limits for how long a withdrawn one is still accepted.
const CACHED_FOR: Duration = Duration::from_hours(24);
/// For how long an older one is good enough while no host can be asked.
const KEPT_FOR: Duration = Duration::from_hours(7 * 24);
const HOST_TIMEOUT: Duration = Duration::from_secs(4);

/// Why there is no key. [`InstallKeyError::is_passing`] distinguishes 401 from 503.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InstallKeyError {
    #[error("the token's key id is missing, too long, or has characters that key ids do not have")]
    InvalidKid,
    #[error("no key host knows the token's key id")]
    UnknownKey,
    #[error("cannot fetch the install key: {0}; check that this host may reach `connect.install_key_urls`")]
    Unreachable(String),
    #[error("too many unknown install keys were asked for in the last minute")]
    TooManyFetches,
    #[error("`connect.install_key_urls` is not usable: {0}")]
    Configuration(String),
}

impl InstallKeyError {
    /// Whether trying again later may help: the token may be genuine.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::TooManyFetches)
    }
}

/// Looks install keys up by their id. Share one; it holds cache and rate limit.
#[derive(Debug)]
pub struct InstallKeys {
    http: HttpClient,
    hosts: Vec<Url>,
    known: Cache<String, Arc<str>>,
    /// Everything that was ever known, for when the hosts cannot be reached.
    older: Cache<String, Arc<str>>,
    fetches: DefaultDirectRateLimiter,
}

impl InstallKeys {
    /// `hosts` are base addresses, asked through `http` in order: `{host}/{kid}`.
    ///
    /// # Errors
    /// [`InstallKeyError::Configuration`] when there is no host, or one is neither `https` nor loopback.
    pub fn new(hosts: Vec<Url>, http: HttpClient) -> Result<Self, InstallKeyError> {
        if hosts.is_empty() {
            return Err(InstallKeyError::Configuration("the list is empty".to_owned()));
        }
        let is_safe = |url: &Url| {
            url.scheme() == "https"
                || (url.scheme() == "http" && url.host().is_some_and(|host| is_loopback(&host)))
        };
        if let Some(url) = hosts.iter().find(|url| !is_safe(url)) {
            let message = format!("{url} must be https, or anybody on the way could hand out keys");
            return Err(InstallKeyError::Configuration(message));
        }
        let cache = |kept| Cache::builder().max_capacity(CACHED_KEYS).time_to_live(kept).build();
        let (known, older) = (cache(CACHED_FOR), cache(KEPT_FOR));
        let per_minute = NonZeroU32::new(MAX_FETCHES_PER_MINUTE).unwrap_or(NonZeroU32::MIN);
        Ok(Self { http, hosts, known, older, fetches: RateLimiter::direct(Quota::per_minute(per_minute)) })
    }

    /// The public key of that id as PEM, from the cache or from the first host that has it.
    ///
    /// # Errors
    /// [`InstallKeyError::UnknownKey`] only when every host was asked and said so.
    pub async fn get_public_key(&self, kid: Option<&str>) -> Result<Arc<str>, InstallKeyError> {
        let kid = kid.filter(|kid| is_valid_kid(kid)).ok_or(InstallKeyError::InvalidKid)?;
        let fetched = self.known.try_get_with_by_ref(kid, self.fetch(kid)).await;
        match fetched {
            Ok(key) => Ok(key),
            Err(error) if error.is_passing() => match self.older.get(kid).await {
                Some(key) => Ok(key),
                None => Err(InstallKeyError::clone(&error)),
            },
            Err(error) => Err(InstallKeyError::clone(&error)),
        }
    }

    /// Whether looking for this id costs nothing: it is known, or no id at all.
    #[must_use]
    pub fn needs_no_fetch(&self, kid: Option<&str>) -> bool {
        kid.is_none_or(|kid| !is_valid_kid(kid) || self.known.contains_key(kid))
    }

    async fn fetch(&self, kid: &str) -> Result<Arc<str>, InstallKeyError> {
        self.fetches.check().map_err(|_| InstallKeyError::TooManyFetches)?;
        let mut failures = Vec::new();
        for host in &self.hosts {
            match self.fetch_from(host, kid).await {
                Ok(Some(pem)) => {
                    let key: Arc<str> = pem.into();
                    self.older.insert(kid.to_owned(), key.clone()).await;
                    return Ok(key);
                }
                Ok(None) => {}
                Err(failure) => {
                    tracing::warn!(%host, failure, "an install key host gave no usable answer");
                    failures.push(failure);
                }
            }
        }
        if failures.is_empty() {
            self.older.invalidate(kid).await;
            Err(InstallKeyError::UnknownKey)
        } else {
            Err(InstallKeyError::Unreachable(failures.join(", ")))
        }
    }

    /// The key, or `None` when the host does not have it.
    async fn fetch_from(&self, host: &Url, kid: &str) -> Result<Option<String>, String> {
        let address = format!("{}/{kid}", host.as_str().trim_end_matches('/'));
        let name = host.host_str().unwrap_or_default();
        let sent = self.http.get(address).timeout(HOST_TIMEOUT).send().await;
        let mut response = sent.map_err(|error| TransportFault::of(&error).to_string())?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(None),
            status => return Err(format!("{name} answered {}", status.as_u16())),
        }
        let body = read_body(&mut response, MAX_KEY_BYTES).await.map_err(|fault| fault.to_string())?;
        let pem =
            String::from_utf8(body).ok().filter(|pem| DecodingKey::from_rsa_pem(pem.as_bytes()).is_ok());
        pem.map(Some).ok_or_else(|| format!("{name} answered something that is not a public key"))
    }
}

fn is_valid_kid(kid: &str) -> bool {
    (1..=MAX_KID_BYTES).contains(&kid.len())
        && kid.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        && kid != "."
        && kid != ".."
}

#[cfg(test)]
#[path = "install_keys_tests.rs"]
mod tests;
