//! The names under which the operator's listener answers.
//!
//! A page in a browser of the operator's network can make its own name point to this listener (DNS
//! rebinding) and would then read metrics. It cannot choose the name it is asked by: so only addresses,
//! `localhost` and the names of the configuration are answered. Clients other than browsers may leave the
//! name out.

use std::net::Ipv6Addr;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header;
use actix_web::middleware::Next;
use actix_web::web::Data;
use url::Host;

use crate::web::State;
use crate::web::problem::Problem;

/// 421 under another name.
pub(super) async fn expect_own_host(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let state = request.app_data::<Data<State>>();
    let names = state.map_or(&[][..], |state| &state.operator_hosts);
    let given = request.headers().get(header::HOST).map(|host| host.to_str().unwrap_or_default());
    if given.is_none_or(|host| is_own(host, names)) {
        return Ok(next.call(request).await?.map_into_boxed_body());
    }
    Ok(request.error_response(Problem::misdirected()))
}

/// `host` may have a port.
fn is_own(host: &str, names: &[String]) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    match bare {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => match Host::parse(name) {
            Ok(Host::Domain(name)) => name == "localhost" || names.contains(&name),
            Ok(Host::Ipv4(_) | Host::Ipv6(_)) => true,
            Err(_) => false,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::is_own;

    #[test]
    fn addresses_and_names_of_the_configuration_are_own() {
        let names = ["bridge.internal".to_owned()];
        for host in ["127.0.0.1", "127.0.0.1:9090", "10.1.2.3:9090", "[::1]:9090", "[fd00::1]", "localhost"] {
            assert!(is_own(host, &names), "{host}");
        }
        for host in ["LOCALHOST:9090", "bridge.internal:9090", "Bridge.Internal"] {
            assert!(is_own(host, &names), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:9090",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "",
            ":9090",
        ] {
            assert!(!is_own(host, &names), "{host}");
        }
        assert!(!is_own("[::1", &names) && !is_own("a b", &names));
    }
}
