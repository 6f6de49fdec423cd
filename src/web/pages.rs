//! What anyone may see: the home page, the descriptor, and the files that pages and Jira show.

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::{Data, Path};
use askama::Template;

use super::State;
use super::docs;
use super::problem::Problem;

const SVG: &str = "image/svg+xml";

/// Name, type and content.
const FILES: [(&str, &str, &str); 4] = [
    ("logo.svg", SVG, include_str!("../../templates/static/logo.svg")),
    ("service.svg", SVG, include_str!("../../templates/static/service.svg")),
    ("workspace.svg", SVG, include_str!("../../templates/static/workspace.svg")),
    ("manual.css", "text/css; charset=utf-8", include_str!("../../templates/static/manual.css")),
];

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    version: &'static str,
}

/// Name, version, and where to read on; nothing about tenants.
pub(super) async fn home() -> HttpResponse {
    let home = Home { version: env!("CARGO_PKG_VERSION") };
    // Writing to a text does not fail.
    docs::html(home.render().unwrap_or_default())
}

pub(super) async fn descriptor(state: Data<State>) -> HttpResponse {
    HttpResponse::Ok().content_type(header::ContentType::json()).body(state.descriptor.clone())
}

pub(super) async fn file(name: Path<String>) -> Result<HttpResponse, Problem> {
    let file = FILES.iter().find(|(known, ..)| *known == name.as_str());
    let (_, content_type, content) = file.ok_or_else(Problem::not_found)?;
    Ok(HttpResponse::Ok()
        .content_type(*content_type)
        .insert_header((header::CACHE_CONTROL, "public, max-age=86400"))
        .body(*content))
}
