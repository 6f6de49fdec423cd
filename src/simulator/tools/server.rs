//! The tools' listener: Alertmanager's API for the bridge, and pages for people.

use std::io;
use std::net::TcpListener;

use actix_web::dev::ServerHandle;
use actix_web::web::{self, Data, Json};
use actix_web::{App, HttpServer, Responder};

use super::alerts::Alerts;
use super::pager::Pager;
use super::pages;
use super::status_page::StatusPage;

pub(super) fn serve(
    listener: TcpListener,
    pager: Pager,
    alerts: Alerts,
    status_page: StatusPage,
) -> io::Result<ServerHandle> {
    let server = HttpServer::new(move || {
        App::new()
            .app_data(Data::new(pager.clone()))
            .app_data(Data::new(alerts.clone()))
            .app_data(Data::new(status_page.clone()))
            .route("/pager", web::get().to(pages::list_incidents))
            .route("/pager/incidents/{id}", web::get().to(pages::show_incident))
            .route("/alertmanager", web::get().to(pages::list_alerts))
            .route("/alertmanager/api/v2/alerts", web::get().to(list_alerts))
            .route("/alertmanager/api/v2/alerts/groups", web::get().to(list_groups))
            .route("/prometheus/graph", web::get().to(pages::show_rule))
            .route("/status", web::get().to(pages::list_reports))
            .route("/status/incidents/{id}", web::get().to(pages::show_report))
    });
    let server = server.workers(1).disable_signals().listen(listener)?.run();
    let handle = server.handle();
    tokio::spawn(server);
    Ok(handle)
}

async fn list_alerts(alerts: Data<Alerts>) -> impl Responder {
    Json(alerts.answer_alerts())
}

async fn list_groups(alerts: Data<Alerts>) -> impl Responder {
    Json(alerts.answer_groups())
}
