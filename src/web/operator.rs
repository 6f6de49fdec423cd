//! Health, readiness, metrics and the reload, for the operator's listener only.

use std::fmt::Display;
use std::time::Duration;

use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use super::State;
use super::problem::{Kind, Problem};
use super::reload::ReloadFault;
use crate::config::ConfigError;

/// Shorter than the usual patience of a probe.
const LONGEST_QUESTION: Duration = Duration::from_secs(2);

/// 200 while the process answers at all.
pub(super) async fn health() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain").body("ok\n")
}

/// 200 when the database accepts writes, migrations are applied, the vault key opens the secret of a site (if
/// any is installed) and every task is alive; else 503. The body has each part either way. A task of one source
/// or one destination, or the secret of one site, is named there, and the process stays ready for the others.
pub(super) async fn readiness(state: Data<State>) -> HttpResponse {
    let operator = state.engine.operator();
    let (writable, pending, sites) = tokio::join!(
        in_time(operator.check_writable()),
        in_time(operator.count_pending_migrations()),
        in_time(state.engine.read_directory())
    );
    let heartbeats = state.engine.heartbeats().list(state.engine.clock());
    let alive = heartbeats.iter().all(|heartbeat| heartbeat.alive || !heartbeat.is_needed);
    let (opens, keys) = match sites {
        Ok(sites) => {
            let locked: Vec<String> = sites.locked().map(|it| format!("{}: {}", it.site, it.why)).collect();
            let opens = locked.is_empty() || sites.destinations().next().is_some();
            (opens, (!locked.is_empty()).then(|| locked.join("; ")))
        }
        Err(fault) => (false, Some(fault)),
    };
    let ready = writable.is_ok() && matches!(pending, Ok(0)) && alive && opens;
    let part = |ok: bool, why: Option<String>| json!({ "ok": ok, "why": why });
    let body = json!({
        "ready": ready,
        "database": part(writable.is_ok(), writable.err()),
        "migrations": match pending {
            Ok(0) => part(true, None),
            Ok(n) => part(false, Some(format!("{n} to apply; run `incident-bridge migrate`"))),
            Err(fault) => part(false, Some(fault)),
        },
        "keys": part(keys.is_none(), keys),
        "tasks": { "ok": alive, "heartbeats": heartbeats },
    });
    if ready { HttpResponse::Ok().json(body) } else { HttpResponse::ServiceUnavailable().json(body) }
}

/// A probe must have an answer even while the database has none.
async fn in_time<T, E: Display>(asked: impl Future<Output = Result<T, E>>) -> Result<T, String> {
    match tokio::time::timeout(LONGEST_QUESTION, asked).await {
        Ok(answer) => answer.map_err(|fault| fault.to_string()),
        Err(_) => Err(format!("no answer within {} s", LONGEST_QUESTION.as_secs())),
    }
}

/// All metrics for Prometheus.
pub(super) async fn metrics(state: Data<State>) -> Result<HttpResponse, Problem> {
    let text = state.engine.metrics().encode();
    let text = text.map_err(|fault| {
        Problem::unavailable(Kind::MetricsUnavailable, "The metrics cannot be written.", &fault)
    })?;
    Ok(HttpResponse::Ok()
        .content_type("application/openmetrics-text; version=1.0.0; charset=utf-8")
        .body(text))
}

/// 200 with what has changed and what needs a restart; 422 with every mistake; 503 when the database fails.
///
/// A page in a browser of the operator's network must not be able to call it. Browsers send `Origin` with every
/// `POST`, and ask first before they send JSON to another host; this listener answers no such question.
pub(super) async fn reload(state: Data<State>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let field = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    if request.headers().contains_key(header::ORIGIN) {
        return Err(Problem::not_for_browsers());
    }
    if field(header::CONTENT_TYPE) != Some("application/json") {
        return Err(Problem::unsupported_media_type("Send Content-Type: application/json."));
    }
    let reload = state.reload.get().cloned().ok_or_else(Problem::not_found)?;
    // A caller that does not wait for the answer must not leave half of it undone.
    let done = tokio::spawn(async move { reload.reload().await }).await;
    match done {
        Ok(Ok(reloaded)) => Ok(HttpResponse::Ok().json(reloaded)),
        Ok(Err(ReloadFault::Invalid(ConfigError { problems }))) => {
            Ok(HttpResponse::UnprocessableEntity().json(json!({ "problems": problems })))
        }
        Ok(Err(fault @ ReloadFault::Incomplete(_))) => {
            Err(Problem::unavailable(Kind::ReloadIncomplete, "The database failed; reload again.", &fault))
        }
        Err(fault) => Err(Problem::unavailable(Kind::ReloadFailed, "The log says why.", &fault)),
    }
}
