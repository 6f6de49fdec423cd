//! Who is calling: a site with its shared secret, or Atlassian with an install key.
//!
//! Each function returns a proof of one kind, and each handler requires exactly one.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header;
use secrecy::ExposeSecret;

use super::State;
use super::problem::Problem;
use super::request::keep_seat;
use crate::connect::descriptor::base_url_text;
use crate::connect::jwt::{
    ConnectJwt, JwtError, LifecycleToken, SignedRequest, SiteToken, check_unproven_rs256,
    parse_authorization, verify_hs256, verify_rs256,
};
use crate::domain::{ClientKey, DestinationId};
use crate::sync::{DestinationAccess, Snapshot};

/// A request that an installed site signed.
pub(super) struct AuthenticatedSite {
    pub site: Arc<DestinationAccess>,
    pub token: SiteToken,
}

/// The site that signed the request with its shared secret; it may be disabled.
pub(super) async fn authenticate_site(
    state: &State,
    request: &HttpRequest,
) -> Result<AuthenticatedSite, Problem> {
    let token = authorization(request)?;
    let client_key = ClientKey(token.peek()?.issuer()?.to_owned());
    let snapshot = state.engine.read_directory().await?;
    let verified = match find_and_verify(state, &snapshot, request, &token, &client_key) {
        Ok(verified) => Ok(verified),
        // Another process may have stored a new secret a moment ago.
        Err(refused) if state.limits.admit_refresh(peer(state, request)) => {
            match state.engine.directory().refresh_if_changed().await {
                Ok(true) => {
                    let snapshot = state.engine.read_directory().await?;
                    find_and_verify(state, &snapshot, request, &token, &client_key)
                }
                _ => Err(refused),
            }
        }
        Err(refused) => Err(refused),
    };
    if verified.is_ok() {
        keep_seat(request);
    }
    let result = if verified.is_ok() { "verified" } else { "refused" };
    let site = verified.as_ref().ok().map(|verified| verified.site.name.as_str());
    if let Ok(verified) = &verified {
        state.engine.note_call(&verified.site.id);
    }
    state.engine.metrics().count_action(site, result);
    verified
}

/// The same for actions: a disabled site is refused, and one that Jira has not confirmed.
pub(super) async fn authenticate_action(
    state: &State,
    request: &HttpRequest,
) -> Result<Arc<DestinationAccess>, Problem> {
    let caller = authenticate_site(state, request).await?;
    if !caller.site.confirmed {
        Err(Problem::token_refused("Jira has not confirmed this installation of the site yet"))
    } else if caller.site.enabled {
        Ok(caller.site)
    } else {
        Err(Problem::token_refused("the app is disabled on this site"))
    }
}

/// Atlassian's own signature on `installed` and `uninstalled`.
pub(super) async fn authenticate_lifecycle(
    state: &State,
    request: &HttpRequest,
) -> Result<LifecycleToken, Problem> {
    let token = authorization(request)?;
    let audience = base_url_text(&state.base_url);
    let (now, leeway) = time(state);
    let signed = signed(state, request);
    // Nobody can make this process fetch a key for a token that would be refused whatever the key.
    let kid = check_unproven_rs256(&token, &audience, &signed, now, leeway)?;
    let keys = &state.install_keys;
    if !keys.needs_no_fetch(kid.as_deref()) {
        state.limits.admit_key_fetch(peer(state, request))?;
    }
    let key = keys.get_public_key(kid.as_deref()).await?;
    let proof = verify_rs256(&token, &key, &audience, &signed, now, leeway)?;
    keep_seat(request);
    Ok(proof)
}

fn peer(state: &State, request: &HttpRequest) -> IpAddr {
    state.limits.find_peer(request.peer_addr().map(|address| address.ip()), request.headers())
}

fn authorization(request: &HttpRequest) -> Result<ConnectJwt, Problem> {
    let value = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let value = value.ok_or_else(|| Problem::token_refused("the Authorization header is missing"))?;
    Ok(parse_authorization(value)?)
}

fn find_and_verify(
    state: &State,
    snapshot: &Snapshot,
    request: &HttpRequest,
    token: &ConnectJwt,
    client_key: &ClientKey,
) -> Result<AuthenticatedSite, Problem> {
    let site = snapshot
        .find(&DestinationId::from(client_key))
        .ok_or_else(|| Problem::token_refused("the installation is not known"))?;
    let (now, leeway) = time(state);
    let secrets: Vec<&[u8]> = site.secrets_at(now).map(|secret| secret.expose_secret().as_bytes()).collect();
    let token: Result<SiteToken, JwtError> =
        verify_hs256(token, &secrets, &signed(state, request), now, leeway);
    Ok(AuthenticatedSite { token: token?, site: site.clone() })
}

fn time(state: &State) -> (crate::clock::Timestamp, Duration) {
    (state.engine.clock().now(), state.leeway)
}

fn signed<'a>(state: &'a State, request: &'a HttpRequest) -> SignedRequest<'a> {
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    SignedRequest { method: request.method().as_str(), target, base_path: state.base_path() }
}
