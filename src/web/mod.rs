//! The HTTP surface: a route table, and one file per endpoint.
//!
//! A handler extracts, authorises, calls one use case and renders. Errors become HTTP in `problem` only.
//! Nothing here decides what an incident means.

mod actions;
mod auth;
mod lifecycle;
mod operator;
mod pages;
mod problem;
mod request;
mod server;
mod webhooks;

use std::sync::Arc;
use std::time::Duration;

use actix_web::web;
use url::Url;

use crate::connect::install_keys::InstallKeys;
use crate::connect::routes;
use crate::connect::sites::SiteAllowList;
use crate::sync::{Engine, Heartbeats, Ingestor};

pub use problem::Problem;
pub use server::{RunningServer, serve_operator, serve_public};

/// What handlers work with.
pub struct State {
    pub engine: Arc<Engine>,
    pub ingestor: Ingestor,
    pub install_keys: InstallKeys,
    pub heartbeats: Heartbeats,
    /// Which sites may install.
    pub allow_list: SiteAllowList,
    /// The public address.
    pub base_url: Url,
    pub app_key: String,
    /// How far clocks may differ when tokens are checked.
    pub leeway: Duration,
    /// The rendered descriptor.
    pub descriptor: serde_json::Value,
    /// Bytes.
    pub max_body: usize,
}

impl State {
    /// The path part of the public address, empty when it has none.
    fn base_path(&self) -> &str {
        base_path(&self.base_url)
    }
}

fn base_path(base_url: &Url) -> &str {
    base_url.path().trim_end_matches('/')
}

/// The public routes, which Jira, the tools and people call.
fn public_routes(config: &mut web::ServiceConfig) {
    use request::only;
    config
        .service(only("/", "GET", web::get().to(pages::home)))
        .service(only(routes::DESCRIPTOR, "GET", web::get().to(pages::descriptor)))
        .service(only("/static/{file}", "GET", web::get().to(pages::file)))
        .service(only(routes::INSTALLED, "POST", web::post().to(lifecycle::installed)))
        .service(only(routes::UNINSTALLED, "POST", web::post().to(lifecycle::uninstalled)))
        .service(only(routes::ENABLED, "POST", web::post().to(lifecycle::enabled)))
        .service(only(routes::DISABLED, "POST", web::post().to(lifecycle::disabled)))
        .service(only(routes::FETCH_WORKSPACES, "POST", web::post().to(actions::fetch_workspaces)))
        .service(only(routes::SEARCH_CONTAINERS, "GET", web::get().to(actions::search_containers)))
        .service(
            only(routes::ENTITY_ASSOCIATED, "POST, PUT", web::post().to(actions::associated))
                .route(web::put().to(actions::associated)),
        )
        .service(
            only(routes::ENTITY_DISASSOCIATED, "POST, PUT", web::post().to(actions::disassociated))
                .route(web::put().to(actions::disassociated)),
        )
        .service(
            only(routes::CREATE_REVIEW, "GET, POST", web::get().to(actions::open_review_page))
                .route(web::post().to(actions::find_review_page)),
        )
        .service(
            only("/webhooks/{source}", "POST, OPTIONS", web::post().to(webhooks::receive))
                .route(web::method(actix_web::http::Method::OPTIONS).to(webhooks::handshake)),
        )
        .service(only("/webhooks/{source}/{token}", "POST", web::post().to(webhooks::receive)));
}

/// The operator's routes, never on the public listener.
fn operator_routes(config: &mut web::ServiceConfig) {
    use request::only;
    config
        .service(only("/healthz", "GET", web::get().to(operator::health)))
        .service(only("/readyz", "GET", web::get().to(operator::readiness)))
        .service(only("/metrics", "GET", web::get().to(operator::metrics)));
}
