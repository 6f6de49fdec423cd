//! The route table: which handler answers which path and method, on which listener.

use actix_web::http::Method;
use actix_web::web;

use super::request::{get_or_head, only};
use super::{actions, docs, lifecycle, operator, pages, webhooks};
use crate::connect::routes;

/// The public routes, which Jira, the tools and people call. They are tried in this order, and patterns cost much more
/// than fixed paths: so what is called often comes first.
pub(super) fn public_routes(config: &mut web::ServiceConfig) {
    config
        .service(only("/", "GET, HEAD", get_or_head().to(pages::home)))
        .service(only(routes::DESCRIPTOR, "GET, HEAD", get_or_head().to(pages::descriptor)))
        .service(only(routes::INSTALLED, "POST", web::post().to(lifecycle::installed)))
        .service(only(routes::UNINSTALLED, "POST", web::post().to(lifecycle::uninstalled)))
        .service(only(routes::ENABLED, "POST", web::post().to(lifecycle::enabled)))
        .service(only(routes::DISABLED, "POST", web::post().to(lifecycle::disabled)))
        .service(only(routes::FETCH_WORKSPACES, "POST", web::post().to(actions::fetch_workspaces)))
        .service(only(routes::SEARCH_CONTAINERS, "GET, HEAD", get_or_head().to(actions::search_containers)))
        .service(
            only(routes::ENTITY_ASSOCIATED, "POST, PUT", web::post().to(actions::associated))
                .route(web::put().to(actions::associated)),
        )
        .service(
            only(routes::ENTITY_DISASSOCIATED, "POST, PUT", web::post().to(actions::disassociated))
                .route(web::put().to(actions::disassociated)),
        )
        .service(
            only(routes::CREATE_REVIEW, "GET, HEAD, POST", get_or_head().to(actions::open_review_page))
                .route(web::post().to(actions::find_review_page)),
        )
        .service(
            only("/webhooks/{source}", "POST, PUT, OPTIONS", web::post().to(webhooks::receive))
                .route(web::put().to(webhooks::receive))
                .route(web::method(Method::OPTIONS).to(webhooks::handshake)),
        )
        .service(
            only("/webhooks/{source}/{token}", "POST, PUT", web::post().to(webhooks::receive))
                .route(web::put().to(webhooks::receive)),
        )
        .service(only("/static/{file}", "GET, HEAD", get_or_head().to(pages::file)))
        .service(only("/docs", "GET, HEAD", get_or_head().to(docs::index)))
        .service(only("/docs/{page:.*}", "GET, HEAD", get_or_head().to(docs::page)));
}

/// The operator's routes, never on the public listener.
pub(super) fn operator_routes(config: &mut web::ServiceConfig) {
    config
        .service(only("/healthz", "GET, HEAD", get_or_head().to(operator::health)))
        .service(only("/readyz", "GET, HEAD", get_or_head().to(operator::readiness)))
        .service(only("/metrics", "GET, HEAD", get_or_head().to(operator::metrics)))
        .service(only("/reload", "POST", web::post().to(operator::reload)));
}
