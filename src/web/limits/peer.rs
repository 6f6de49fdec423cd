//! The address that a request comes from.
//!
//! A header field says only what its sender wants; it counts as far as trusted proxies wrote it. The right-most
//! entry is the one that the nearest proxy added.

use std::net::{IpAddr, Ipv6Addr};

use actix_web::http::header::{self, HeaderMap, HeaderName};
use ipnet::IpNet;

/// One provider gives a whole network of this size to one customer.
const IPV6_CUSTOMER_BITS: u32 = 64;

/// `connection` is the other end of the connection. Reads `X-Forwarded-For`, or else `Forwarded` (RFC 7239).
pub(super) fn find_peer(connection: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: &IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut peer = connection.to_canonical();
    if is_trusted(&peer) {
        let plain = list(headers, &header::X_FORWARDED_FOR);
        let said = if plain.is_empty() { list(headers, &header::FORWARDED) } else { plain };
        for entry in said.iter().rev() {
            // What cannot be read cannot be told apart either: everything behind this proxy is one sender.
            let Some(address) = read_address(entry) else { break };
            peer = address.to_canonical();
            if !is_trusted(&peer) {
                break;
            }
        }
    }
    widen(peer)
}

fn list<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Vec<&'a str> {
    let fields = headers.get_all(name).filter_map(|value| value.to_str().ok());
    fields.flat_map(|field| field.split(',')).map(str::trim).collect()
}

/// An address, perhaps with a port, alone or as `for=` among other parameters.
fn read_address(entry: &str) -> Option<IpAddr> {
    let parts = entry.split(';').map(str::trim);
    let named =
        parts.filter_map(|part| part.split_once('=')).find(|(name, _)| name.eq_ignore_ascii_case("for"));
    let text = named.map_or(entry, |(_, value)| value).trim_matches('"');
    if let Some(rest) = text.strip_prefix('[') {
        return rest.split(']').next()?.parse::<Ipv6Addr>().ok().map(IpAddr::V6);
    }
    text.parse().ok().or_else(|| text.rsplit_once(':')?.0.parse().ok())
}

fn widen(peer: IpAddr) -> IpAddr {
    match peer {
        IpAddr::V4(_) => peer,
        IpAddr::V6(address) => {
            let kept = u128::MAX.checked_shl(128_u32.saturating_sub(IPV6_CUSTOMER_BITS)).unwrap_or_default();
            IpAddr::V6(Ipv6Addr::from(u128::from(address) & kept))
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn seen(connection: &str, fields: &[(HeaderName, &str)]) -> String {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(name.clone(), HeaderValue::from_str(value).expect("a value"));
        }
        let trusted: Vec<IpNet> =
            ["10.0.0.0/8", "::1/128"].iter().map(|net| net.parse().expect("one")).collect();
        find_peer(connection.parse().expect("an address"), &headers, &trusted).to_string()
    }

    #[test]
    fn only_what_trusted_proxies_wrote_counts() {
        let xff = |value| [(header::X_FORWARDED_FOR, value)];
        assert_eq!(seen("192.0.2.1", &xff("198.51.100.7")), "192.0.2.1");
        assert_eq!(seen("10.0.0.1", &xff("198.51.100.7")), "198.51.100.7");
        assert_eq!(seen("10.0.0.1", &xff("203.0.113.9, 198.51.100.7, 10.0.0.2")), "198.51.100.7");
        assert_eq!(seen("10.0.0.1", &xff("198.51.100.7, nonsense")), "10.0.0.1");
        assert_eq!(seen("10.0.0.1", &[]), "10.0.0.1");
        let both = [(header::X_FORWARDED_FOR, "203.0.113.9"), (header::X_FORWARDED_FOR, "198.51.100.7")];
        assert_eq!(seen("10.0.0.1", &both), "198.51.100.7");
    }

    #[test]
    fn every_form_of_an_address_is_read() {
        for (value, expected) in [
            ("for=198.51.100.7;proto=https", "198.51.100.7"),
            ("proto=https; For=\"198.51.100.7:4711\"", "198.51.100.7"),
            ("for=\"[2001:db8:1:2:3:4:5:6]:443\"", "2001:db8:1:2::"),
            ("for=unknown", "::"),
        ] {
            assert_eq!(seen("::1", &[(header::FORWARDED, value)]), expected, "{value}");
        }
        assert_eq!(seen("::ffff:192.0.2.1", &[]), "192.0.2.1");
        assert_eq!(seen("10.0.0.1", &[(header::X_FORWARDED_FOR, "2001:db8::1")]), "2001:db8::");
    }
}
