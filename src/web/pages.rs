//! What anyone may see: name and version, the descriptor, and the icons that Jira shows.

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::{Data, Json, Path};
use serde_json::Value;

use super::State;
use super::problem::Problem;

const FILES: [(&str, &str); 3] = [
    ("logo.svg", include_str!("../../templates/static/logo.svg")),
    ("service.svg", include_str!("../../templates/static/service.svg")),
    ("workspace.svg", include_str!("../../templates/static/workspace.svg")),
];

/// Name and version; nothing about tenants.
pub(super) async fn home() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(concat!(
        "Incident Bridge ",
        env!("CARGO_PKG_VERSION"),
        "\nShows the incidents of an incident tool on the Incidents page of Jira Software.\n",
        "App descriptor: atlassian-connect.json\nDocumentation: README.md of the program\n",
    ))
}

pub(super) async fn descriptor(state: Data<State>) -> Json<Value> {
    Json(state.descriptor.clone())
}

pub(super) async fn file(name: Path<String>) -> Result<HttpResponse, Problem> {
    let (_, content) =
        FILES.iter().find(|(known, _)| *known == name.as_str()).ok_or_else(Problem::not_found)?;
    Ok(HttpResponse::Ok()
        .content_type("image/svg+xml")
        .insert_header((header::CACHE_CONTROL, "public, max-age=86400"))
        .body(*content))
}
