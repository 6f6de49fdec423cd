//! Health, readiness and metrics, for the operator's listener only.

use std::fmt::Display;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::web::Data;
use serde_json::json;

use super::State;
use super::problem::Problem;

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
    let (writable, pending) =
        tokio::join!(in_time(operator.check_writable()), in_time(operator.count_pending_migrations()));
    let heartbeats = state.engine.heartbeats().list(state.engine.clock());
    let alive = heartbeats.iter().all(|heartbeat| heartbeat.alive || !heartbeat.is_needed);
    let sites = state.engine.directory().current();
    let locked: Vec<String> = sites.locked().iter().map(|(site, why)| format!("{site}: {why}")).collect();
    let opens = locked.is_empty() || sites.destinations().next().is_some();
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
        "keys": part(locked.is_empty(), (!locked.is_empty()).then(|| locked.join("; "))),
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
    let text =
        text.map_err(|fault| Problem::unavailable("metrics", "The metrics cannot be written.", &fault))?;
    Ok(HttpResponse::Ok()
        .content_type("application/openmetrics-text; version=1.0.0; charset=utf-8")
        .body(text))
}
