//! The address of a Jira site as operators write it.
//!
//! Must never let a token go out unencrypted, except to this machine.

use url::Url;

/// Host of Atlassian's gateway to all sites.
const GATEWAY: &str = "https://api.atlassian.com/";

/// Address of the site and of the gateway to it: a name such as `acme`, a host, or any address on the site. A simulated
/// site on this machine is its own gateway.
pub(super) fn parse(text: &str) -> Result<(Url, Url), String> {
    let text = text.trim();
    let address = match text {
        _ if text.contains("://") => text.to_owned(),
        _ if text.contains('.') || text.contains(':') => format!("https://{text}"),
        _ => format!("https://{text}.atlassian.net"),
    };
    let fault = || format!("{text:?} is not the address of a site, such as https://acme.atlassian.net");
    let mut site = Url::parse(&address).map_err(|_| fault())?;
    let host = site.host_str().filter(|host| !host.starts_with('.')).ok_or_else(fault)?.to_owned();
    if !site.username().is_empty() || site.password().is_some() {
        return Err("must not hold a user or a password; use `email` and `api_token`".to_owned());
    }
    if host == "api.atlassian.com" {
        return Err(
            "must be the site's own address; `host = \"gateway\"` sends requests through api.atlassian.com"
                .to_owned(),
        );
    }
    site.set_path("/");
    site.set_query(None);
    site.set_fragment(None);
    let gateway = match site.scheme() {
        "https" => Url::parse(GATEWAY).map_err(|_| fault())?,
        "http" if is_this_machine(&site) => site.clone(),
        "http" => return Err("must begin with https://, because the token is sent there".to_owned()),
        _ => return Err(fault()),
    };
    Ok((site, gateway))
}

/// Where people open a work item of a site.
pub(in crate::destinations::issues) fn browse_url(site: &Url, key: &str) -> String {
    let mut url = site.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.clear().extend(["browse", key]);
    }
    url.into()
}

fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(text: &str) -> Result<String, String> {
        parse(text).map(|(site, _)| site.to_string())
    }

    #[test]
    fn a_site_is_found_in_whatever_names_it() {
        for text in [
            "acme",
            " acme.atlassian.net ",
            "https://acme.atlassian.net",
            "https://acme.atlassian.net/jira/software/projects/OPS/boards/1?x=y#z",
        ] {
            assert_eq!(site(text).as_deref(), Ok("https://acme.atlassian.net/"), "{text}");
        }
    }

    #[test]
    fn a_token_goes_out_encrypted_or_stays_on_this_machine() {
        for text in ["http://acme.atlassian.net", "http://192.168.0.1:8080", "http://localhost.example"] {
            assert!(site(text).unwrap_err().contains("https://"), "{text}");
        }
        for text in ["http://localhost:8082", "http://127.0.0.1:8082/x", "http://[::1]:8082"] {
            let (site, gateway) = parse(text).unwrap();
            assert_eq!(site, gateway);
        }
        assert_eq!(parse("acme").unwrap().1.as_str(), "https://api.atlassian.com/");
    }

    #[test]
    fn what_is_no_site_is_refused() {
        for text in [
            "",
            "https://",
            "ftp://acme.atlassian.net",
            "a b",
            "https://u:p@acme.atlassian.net",
            "https://api.atlassian.com/ex/jira/1",
        ] {
            assert!(site(text).is_err(), "{text}");
        }
    }
}
