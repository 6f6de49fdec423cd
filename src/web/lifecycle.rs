//! `POST /connect/…`: Jira reports that the app was installed, removed, switched on or off.
//!
//! `installed` is synchronous: anything but 200 or 204 aborts the installation, and Jira shows the admin
//! the status. So it answers only after the secret is on disk. A call that is repeated is answered 204 and has
//! no effect; one that was altered or overtaken is refused.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::web::{Data, Payload};
use sha2::{Digest, Sha256};

use super::State;
use super::auth::{authenticate_lifecycle, authenticate_site};
use super::problem::Problem;
use super::request::{expect_json, read_body};
use crate::clock::from_millis;
use crate::connect::jwt::{Claims, check_lifecycle_lifetime};
use crate::connect::lifecycle::{Toggle, parse_installed, parse_toggled, parse_uninstalled};
use crate::domain::ClientKey;
use crate::sync::{CallStanding, LifecycleCall, NewInstallation};

/// 204; 401 for a token that is not Atlassian's, 403 for a site that may not install, 503 when it cannot be
/// stored.
pub(super) async fn installed(
    state: Data<State>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let proof = authenticate_lifecycle(&state, &request).await?;
    expect_json(&request)?;
    let body = read_body(&state, &request, payload).await?;
    let installed = parse_installed(&proof, &body, &state.app_key)?;
    let site = state.allow_list.current().check(&installed.base_url)?;
    let new = NewInstallation {
        client_key: installed.client_key,
        shared_secret: installed.shared_secret,
        base_url: site.as_str().trim_end_matches('/').to_owned(),
        site: site.host_and_port(),
        display_url: installed.display_url,
    };
    let call = lifecycle_call(proof.claims(), &proof.hash(), &body);
    answer(state.engine.install(&call, &new).await?)
}

/// 204, also for an unknown site.
pub(super) async fn uninstalled(
    state: Data<State>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let proof = authenticate_lifecycle(&state, &request).await?;
    expect_json(&request)?;
    let body = read_body(&state, &request, payload).await?;
    parse_uninstalled(&proof, &body, &state.app_key)?;
    let call = lifecycle_call(proof.claims(), &proof.hash(), &body);
    answer(state.engine.uninstall(&call).await?)
}

/// 204.
pub(super) async fn enabled(
    state: Data<State>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    toggle(&state, &request, payload, Toggle::Enabled).await
}

/// 204.
pub(super) async fn disabled(
    state: Data<State>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    toggle(&state, &request, payload, Toggle::Disabled).await
}

async fn toggle(
    state: &State,
    request: &HttpRequest,
    payload: Payload,
    event: Toggle,
) -> Result<HttpResponse, Problem> {
    let token = authenticate_site(state, request).await?.token;
    check_lifecycle_lifetime(token.claims())?;
    expect_json(request)?;
    let body = read_body(state, request, payload).await?;
    parse_toggled(&token, &body, &state.app_key, event)?;
    let call = lifecycle_call(token.claims(), &token.hash(), &body);
    answer(state.engine.set_enabled(&call, event == Toggle::Enabled).await?)
}

/// A verified call, whose body names the installation of its token.
fn lifecycle_call(claims: &Claims, token_hash: &str, body: &[u8]) -> LifecycleCall {
    LifecycleCall {
        client_key: ClientKey(claims.iss.clone()),
        token_hash: token_hash.to_owned(),
        body_hash: hex::encode(Sha256::digest(body)),
        issued_at: from_millis(claims.iat.saturating_mul(1000)),
    }
}

fn answer(standing: CallStanding) -> Result<HttpResponse, Problem> {
    match standing {
        CallStanding::First | CallStanding::Repeated => Ok(HttpResponse::NoContent().finish()),
        CallStanding::Altered => Err(Problem::token_refused("the token was used before, with another body")),
        CallStanding::Outdated => {
            Err(Problem::token_refused("a newer lifecycle call of this installation was accepted before"))
        }
    }
}
