//! `POST /connect/…`: Jira reports that the app was installed, removed, switched on or off.
//!
//! `installed` is synchronous: anything but 200 or 204 aborts the installation, and Jira shows the admin
//! the status. So it answers only after the secret is on disk.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::web::{Data, Payload};

use super::State;
use super::auth::{authenticate_lifecycle, authenticate_site};
use super::problem::Problem;
use super::request::{expect_json, read_body};
use crate::connect::lifecycle::{Toggle, parse_installed, parse_toggled, parse_uninstalled};
use crate::sync::NewInstallation;

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
    let site = state.allow_list.check(&installed.base_url)?;
    let new = NewInstallation {
        client_key: installed.client_key,
        shared_secret: installed.shared_secret,
        base_url: site.as_str().trim_end_matches('/').to_owned(),
        site: site.host_and_port(),
        display_url: installed.display_url,
    };
    state.engine.install(&new).await?;
    Ok(HttpResponse::NoContent().finish())
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
    let client_key = parse_uninstalled(&proof, &body, &state.app_key)?;
    state.engine.uninstall(&client_key).await?;
    Ok(HttpResponse::NoContent().finish())
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
    let caller = authenticate_site(state, request).await?;
    expect_json(request)?;
    let body = read_body(state, request, payload).await?;
    let client_key = parse_toggled(&caller.token, &body, &state.app_key, event)?;
    state.engine.set_enabled(&client_key, event == Toggle::Enabled).await?;
    Ok(HttpResponse::NoContent().finish())
}
