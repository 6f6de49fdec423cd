//! What the two tools answer over HTTP: Alertmanager's API, and the pages that Jira's links lead to.

use std::io;
use std::net::TcpListener;

use actix_web::dev::ServerHandle;
use actix_web::web::{self, Data, Json, Path, Query};
use actix_web::{App, HttpResponse, HttpServer, Responder};
use serde::Deserialize;

use super::alerts::Alerts;
use super::pager::Pager;

pub(super) fn serve(listener: TcpListener, pager: Pager, alerts: Alerts) -> io::Result<ServerHandle> {
    let server = HttpServer::new(move || {
        App::new()
            .app_data(Data::new(pager.clone()))
            .app_data(Data::new(alerts.clone()))
            .route("/pager", web::get().to(list_incidents))
            .route("/pager/incidents/{id}", web::get().to(show_incident))
            .route("/alertmanager", web::get().to(list_alerts))
            .route("/alertmanager/api/v2/alerts", web::get().to(list_alerts))
            .route("/alertmanager/api/v2/alerts/groups", web::get().to(list_groups))
            .route("/prometheus/graph", web::get().to(show_rule))
    });
    let server = server.workers(1).disable_signals().listen(listener)?.run();
    let handle = server.handle();
    tokio::spawn(server);
    Ok(handle)
}

async fn list_incidents(pager: Data<Pager>) -> impl Responder {
    Json(pager.incidents())
}

async fn show_incident(pager: Data<Pager>, id: Path<String>) -> HttpResponse {
    match pager.find(&id) {
        Some(incident) => HttpResponse::Ok().json(pager.describe(&incident)),
        None => HttpResponse::NotFound().body("The simulated pager has no such incident."),
    }
}

async fn list_alerts(alerts: Data<Alerts>) -> impl Responder {
    Json(alerts.answer_alerts())
}

async fn list_groups(alerts: Data<Alerts>) -> impl Responder {
    Json(alerts.answer_groups())
}

#[derive(Deserialize)]
struct Graph {
    #[serde(rename = "g0.expr")]
    expression: String,
}

async fn show_rule(graph: Query<Graph>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .insert_header(("X-Content-Type-Options", "nosniff"))
        .body(format!("A simulated Prometheus. The alert's expression:\n\n{}\n", graph.expression))
}
