//! Which Jira sites may install the app, and therefore to which hosts this program sends tokens.
//!
//! The base URL comes out of a request's body. Without this check, a crafted body could make the program
//! call any host.

use std::fmt;

use url::{Host, Url};

const HTTPS: u16 = 443;

/// Why a host pattern of the configuration is not valid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPattern {
    #[error(
        "{0:?} is not a host: write `acme.atlassian.net`, `*.atlassian.net` or `host:port`, without scheme or path"
    )]
    NotAHost(String),
    #[error(
        "{0:?} in `connect.insecure_sites` must be a loopback host with its port, such as `127.0.0.1:2990`"
    )]
    NotLoopback(String),
}

/// A host, or all hosts below one, at one port.
///
/// `*.atlassian.net` matches hosts with one or more labels before `.atlassian.net`, and not
/// `atlassian.net` itself. A `*` anywhere else, or before a single label such as `*.net`, is refused. A
/// pattern without a port means 443.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPattern {
    host: Host,
    below: bool,
    port: Option<u16>,
}

impl HostPattern {
    /// # Errors
    /// [`InvalidPattern::NotAHost`].
    pub fn parse(text: &str) -> Result<Self, InvalidPattern> {
        let fault = || InvalidPattern::NotAHost(text.to_owned());
        let (name, port) = split_port(text).ok_or_else(fault)?;
        let (name, below) = name.strip_prefix("*.").map_or((name, false), |rest| (rest, true));
        let host = parse_host(name).ok_or_else(fault)?;
        let too_wide = below && !matches!(&host, Host::Domain(domain) if domain.contains('.'));
        if too_wide { Err(fault()) } else { Ok(Self { host, below, port }) }
    }

    #[must_use]
    pub fn is_glob(&self) -> bool {
        self.below
    }

    /// Whether the pattern covers this host (lower case, as [`Url`] gives it) and port.
    #[must_use]
    pub fn matches(&self, host: &Host<&str>, port: u16) -> bool {
        let host_fits = match (&self.host, host) {
            (Host::Domain(pattern), Host::Domain(host)) if self.below => host
                .strip_suffix(pattern.as_str())
                .and_then(|rest| rest.strip_suffix('.'))
                .is_some_and(|label| !label.is_empty()),
            (Host::Domain(pattern), Host::Domain(host)) => pattern == host,
            (Host::Ipv4(pattern), Host::Ipv4(host)) => pattern == host,
            (Host::Ipv6(pattern), Host::Ipv6(host)) => pattern == host,
            _ => false,
        };
        host_fits && self.port.unwrap_or(HTTPS) == port
    }
}

/// Whether the pattern, as for [`HostPattern`], covers a site's [`SiteUrl::host_and_port`]. An invalid
/// pattern or host never matches.
#[must_use]
pub fn host_matches(pattern: &str, host_and_port: &str) -> bool {
    let Ok(pattern) = HostPattern::parse(pattern) else { return false };
    let Some((name, port)) = split_port(host_and_port) else { return false };
    let Some(host) = parse_host(name) else { return false };
    let host = match &host {
        Host::Domain(domain) => Host::Domain(domain.as_str()),
        Host::Ipv4(address) => Host::Ipv4(*address),
        Host::Ipv6(address) => Host::Ipv6(*address),
    };
    pattern.matches(&host, port.unwrap_or(HTTPS))
}

/// Whether there may be a site that both patterns, as for [`HostPattern`], cover.
#[must_use]
pub fn overlaps(one: &str, other: &str) -> bool {
    let (Ok(one), Ok(other)) = (HostPattern::parse(one), HostPattern::parse(other)) else { return false };
    let is_at_or_below = |inner: &HostPattern, outer: &HostPattern| match (&inner.host, &outer.host) {
        (Host::Domain(inner_host), Host::Domain(outer_host)) if outer.below => {
            let rest = inner_host.strip_suffix(outer_host.as_str());
            rest.is_some_and(|rest| rest.ends_with('.') || (rest.is_empty() && inner.below))
        }
        (inner_host, outer_host) => inner_host == outer_host && inner.below == outer.below,
    };
    let same_port = one.port.unwrap_or(HTTPS) == other.port.unwrap_or(HTTPS);
    same_port && (is_at_or_below(&one, &other) || is_at_or_below(&other, &one))
}

/// Whether the host is this machine itself, for which plain `http` is acceptable.
#[must_use]
pub fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(domain) => *domain == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

/// The address of a site that may be called: scheme, host and port, no trailing slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteUrl(Url);

impl SiteUrl {
    /// Such as `https://acme.atlassian.net`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str().trim_end_matches('/')
    }

    /// Such as `acme.atlassian.net`; with the port unless it is 443.
    #[must_use]
    pub fn host_and_port(&self) -> String {
        let host = self.0.host_str().unwrap_or_default();
        match self.0.port_or_known_default() {
            None | Some(443) => host.to_owned(),
            Some(port) => format!("{host}:{port}"),
        }
    }
}

impl fmt::Display for SiteUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a site may not be served.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SiteRefused {
    #[error("no site may install: `connect.sites` is empty; add {host:?} to it to admit this one")]
    NoneAllowed { host: String },
    #[error("the site {host:?} may not install: add it to `connect.sites` to admit it")]
    NotAllowed { host: String },
    #[error("the site {host:?} is not https; only hosts in `connect.insecure_sites` may do without")]
    Insecure { host: String },
    #[error("the site's base URL is not a bare address: {0}")]
    NotABareUrl(&'static str),
}

/// `connect.sites` and `connect.insecure_sites`, parsed.
#[derive(Debug, Clone, Default)]
pub struct SiteAllowList {
    sites: Vec<HostPattern>,
    insecure: Vec<HostPattern>,
}

impl SiteAllowList {
    /// # Errors
    /// [`InvalidPattern`] for the first entry that is not a valid pattern, or in `insecure_sites` not a
    /// loopback host with a port.
    pub fn parse<S: AsRef<str>>(sites: &[S], insecure_sites: &[S]) -> Result<Self, InvalidPattern> {
        let sites = sites.iter().map(|text| HostPattern::parse(text.as_ref())).collect::<Result<_, _>>()?;
        let insecure = insecure_sites.iter().map(|text| parse_insecure(text.as_ref()));
        Ok(Self { sites, insecure: insecure.collect::<Result<_, _>>()? })
    }

    /// Whether an entry of `connect.sites` admits sites that it does not name.
    #[must_use]
    pub fn has_glob(&self) -> bool {
        self.sites.iter().any(HostPattern::is_glob)
    }

    /// Checks the `baseUrl` of a lifecycle body. A path is refused: sites in the cloud have none, and the
    /// request hash would have to leave it out.
    ///
    /// # Errors
    /// [`SiteRefused`] with the key to change, where changing one would help.
    pub fn check(&self, base_url: &str) -> Result<SiteUrl, SiteRefused> {
        let url = Url::parse(base_url).map_err(|_| SiteRefused::NotABareUrl("it cannot be parsed"))?;
        if !matches!(url.scheme(), "https" | "http") {
            return Err(SiteRefused::NotABareUrl("its scheme is not https"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(SiteRefused::NotABareUrl("it has credentials"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(SiteRefused::NotABareUrl("it has a query or a fragment"));
        }
        if url.path() != "/" {
            return Err(SiteRefused::NotABareUrl("it has a path"));
        }
        let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else {
            return Err(SiteRefused::NotABareUrl("it has no host"));
        };
        let site = SiteUrl(url.clone());
        if self.sites.is_empty() {
            return Err(SiteRefused::NoneAllowed { host: site.host_and_port() });
        }
        if !self.sites.iter().any(|pattern| pattern.matches(&host, port)) {
            return Err(SiteRefused::NotAllowed { host: site.host_and_port() });
        }
        if url.scheme() != "https" && !self.insecure.iter().any(|pattern| pattern.matches(&host, port)) {
            return Err(SiteRefused::Insecure { host: site.host_and_port() });
        }
        Ok(site)
    }
}

fn parse_insecure(text: &str) -> Result<HostPattern, InvalidPattern> {
    let pattern = HostPattern::parse(text)?;
    let loopback = match &pattern.host {
        Host::Domain(domain) => is_loopback(&Host::Domain(domain)),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    };
    if loopback && !pattern.below && pattern.port.is_some() {
        Ok(pattern)
    } else {
        Err(InvalidPattern::NotLoopback(text.to_owned()))
    }
}

/// Host and port of `host` or `host:port`; IPv6 addresses are in brackets.
fn split_port(text: &str) -> Option<(&str, Option<u16>)> {
    match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => {
            let digits = port.bytes().all(|b| b.is_ascii_digit());
            Some((host, Some(port.parse().ok().filter(|_| digits)?)))
        }
        _ => Some((text, None)),
    }
}

/// A host as a URL would have it: lower case, and nothing around it.
fn parse_host(text: &str) -> Option<Host> {
    Host::parse(text).ok().filter(|_| !text.contains('*'))
}

#[cfg(test)]
#[path = "sites_tests.rs"]
mod tests;
