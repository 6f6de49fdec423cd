//! `GET /docs/…`: the manual, as it is compiled in. It is the same for everybody, and says nothing about tenants.

mod pages;
mod render;

use std::sync::{LazyLock, OnceLock};

use actix_web::HttpResponse;
use actix_web::http::header::{self, ContentType};
use actix_web::web::Path;
use askama::Template;

use self::pages::{PAGES, Page};
use super::problem::Problem;

/// Neither scripts nor anything from elsewhere.
pub(super) const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Each page, once somebody has asked for it.
static RENDERED: LazyLock<Vec<OnceLock<String>>> =
    LazyLock::new(|| PAGES.iter().map(|_| OnceLock::new()).collect());

#[derive(Template)]
#[template(path = "manual.html")]
struct Frame<'a> {
    title: &'a str,
    /// From this page to `/docs/`.
    up: &'a str,
    version: &'a str,
    body: &'a str,
    pages: &'a [Page],
}

/// The first page is at `/docs/`, so that links between pages can be relative.
pub(super) async fn index() -> HttpResponse {
    HttpResponse::PermanentRedirect().insert_header((header::LOCATION, "docs/")).finish()
}

/// One page; 404 for any other name.
pub(super) async fn page(name: Path<String>) -> Result<HttpResponse, Problem> {
    let mut pages = PAGES.iter().zip(RENDERED.iter());
    let (page, rendered) = pages.find(|(page, _)| page.slug == *name).ok_or_else(Problem::not_found)?;
    Ok(html(rendered.get_or_init(|| frame(page)).clone()))
}

/// A page that anybody may see and keep for an hour.
pub(super) fn html(text: String) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(ContentType::html())
        .insert_header((header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY))
        .insert_header((header::CACHE_CONTROL, "public, max-age=3600"))
        .body(text)
}

fn frame(page: &Page) -> String {
    let body = render::render(page, &PAGES);
    let up = "../".repeat(page.slug.matches('/').count());
    let frame =
        Frame { title: &page.title, up: &up, version: env!("CARGO_PKG_VERSION"), body: &body, pages: &PAGES };
    // Writing to a text does not fail; the page without its frame can still be read.
    frame.render().unwrap_or(body)
}
