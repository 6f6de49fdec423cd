//! The control API under `/simulator/`, for a shell and for the page. Real Jira has nothing like it.
//!
//! Must not offer anything that the Rust API does not, and must not answer with the shared secret.

use actix_web::web::{self, Data, Json, Query};
use actix_web::{HttpResponse, Responder};
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::calls::{AppAnswer, CallError};
use super::entities::EntityKind;
use super::faults::Fault;
use super::handle::Simulator;
use super::history::RequestRecord;
use super::page;

pub(super) fn configure(config: &mut web::ServiceConfig) {
    config.route("/", web::get().to(page::show)).service(
        web::scope("/simulator")
            .route("/incidents.json", web::get().to(page::list))
            .route("/state.json", web::get().to(state))
            .route("/history.json", web::get().to(history))
            .route("/install", web::post().to(install))
            .route("/uninstall", web::post().to(uninstall))
            .route("/enable", web::post().to(enable))
            .route("/disable", web::post().to(disable))
            .route("/faults", web::get().to(list_faults))
            .route("/faults", web::post().to(add_fault))
            .route("/faults", web::delete().to(clear_faults))
            .route("/visibility", web::post().to(set_visibility))
            .route("/refuse", web::post().to(refuse))
            .route("/search", web::post().to(search))
            .route("/fetch-workspaces", web::post().to(fetch_workspaces))
            .route("/associate", web::post().to(associate))
            .route("/disassociate", web::post().to(disassociate)),
    );
}

async fn state(simulator: Data<Simulator>) -> impl Responder {
    let installation = simulator.find_installation();
    Json(json!({
        "url": simulator.url(),
        "cloudId": simulator.cloud_id(),
        "installation": installation.map(|it| json!({
            "appKey": it.app_key,
            "clientKey": it.client_key,
            "appBaseUrl": it.app_base_url,
            "enabled": it.enabled,
            "scopes": it.scopes,
        })),
        "linkedWorkspaces": simulator.linked_workspaces(),
        "components": simulator.count(EntityKind::Component),
        "incidents": simulator.count(EntityKind::Incident),
        "reviews": simulator.count(EntityKind::Review),
        "queued": simulator.queued(),
        "requests": simulator.request_count(),
        "waitingFaults": simulator.waiting_faults(),
        "schemaViolations": simulator.schema_violations(),
    }))
}

#[derive(Deserialize)]
struct HistoryQuery {
    limit: Option<usize>,
}

/// The latest requests, newest first; 200 by default.
async fn history(simulator: Data<Simulator>, query: Query<HistoryQuery>) -> impl Responder {
    let state = simulator.lock();
    let latest: Vec<RequestRecord> =
        state.history.requests().rev().take(query.limit.unwrap_or(200)).cloned().collect();
    Json(json!({ "total": state.history.total(), "requests": latest }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InstallOrder {
    base_url: String,
}

async fn install(simulator: Data<Simulator>, order: Json<InstallOrder>) -> HttpResponse {
    let installed = simulator.install(&order.base_url).await;
    respond(installed.map(|it| json!({ "appKey": it.app_key, "clientKey": it.client_key })))
}

async fn uninstall(simulator: Data<Simulator>) -> HttpResponse {
    respond(simulator.uninstall().await.map(|()| json!({})))
}

async fn enable(simulator: Data<Simulator>) -> HttpResponse {
    respond(simulator.enable().await.map(|()| json!({})))
}

async fn disable(simulator: Data<Simulator>) -> HttpResponse {
    respond(simulator.disable().await.map(|()| json!({})))
}

async fn list_faults(simulator: Data<Simulator>) -> impl Responder {
    Json(simulator.lock().faults.waiting().to_vec())
}

async fn add_fault(simulator: Data<Simulator>, fault: Json<Fault>) -> impl Responder {
    simulator.fail_next(fault.into_inner());
    HttpResponse::NoContent()
}

async fn clear_faults(simulator: Data<Simulator>) -> impl Responder {
    simulator.clear_faults();
    HttpResponse::NoContent()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct VisibilityOrder {
    delay_ms: u32,
}

async fn set_visibility(simulator: Data<Simulator>, order: Json<VisibilityOrder>) -> impl Responder {
    simulator.set_visibility_delay(TimeDelta::milliseconds(order.delay_ms.into()));
    HttpResponse::NoContent()
}

#[derive(Deserialize)]
struct RefuseOrder {
    id: String,
    /// If absent, the refusal is lifted.
    message: Option<String>,
}

async fn refuse(simulator: Data<Simulator>, order: Json<RefuseOrder>) -> impl Responder {
    match &order.message {
        Some(message) => simulator.refuse(&order.id, message),
        None => simulator.allow(&order.id),
    }
    HttpResponse::NoContent()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SearchQuery {
    #[serde(default)]
    query: String,
    workspace_id: Option<String>,
}

async fn search(simulator: Data<Simulator>, query: Query<SearchQuery>) -> HttpResponse {
    respond(simulator.search_containers(&query.query, query.workspace_id.as_deref()).await)
}

/// Asks for the linked workspaces, as Jira does when it shows them.
async fn fetch_workspaces(simulator: Data<Simulator>) -> HttpResponse {
    let linked = simulator.linked_workspaces();
    let ids: Vec<&str> = linked.iter().map(String::as_str).collect();
    respond(simulator.fetch_workspaces(&ids).await)
}

#[derive(Deserialize)]
struct AssociationOrder {
    entity: String,
    issue: String,
}

async fn associate(simulator: Data<Simulator>, order: Json<AssociationOrder>) -> HttpResponse {
    respond::<AppAnswer>(simulator.associate(&order.entity, &order.issue).await)
}

async fn disassociate(simulator: Data<Simulator>, order: Json<AssociationOrder>) -> HttpResponse {
    respond::<AppAnswer>(simulator.disassociate(&order.entity, &order.issue).await)
}

/// 200 with the app's answer, or 502 with the reason why there is none.
fn respond<T: Serialize>(result: Result<T, CallError>) -> HttpResponse {
    match result {
        Ok(body) => HttpResponse::Ok().json(body),
        Err(error) => HttpResponse::BadGateway().json(json!({ "error": error.to_string() })),
    }
}
