//! The route table: which handler answers which path and method, on which listener.

use actix_web::http::Method;
use actix_web::web;

use super::request::only;
use super::{actions, lifecycle, operator, pages, webhooks};
use crate::connect::routes;

/// The public routes, which Jira, the tools and people call.
pub(super) fn public_routes(config: &mut web::ServiceConfig) {
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
            only("/webhooks/{source}", "POST, PUT, OPTIONS", web::post().to(webhooks::receive))
                .route(web::put().to(webhooks::receive))
                .route(web::method(Method::OPTIONS).to(webhooks::handshake)),
        )
        .service(
            only("/webhooks/{source}/{token}", "POST, PUT", web::post().to(webhooks::receive))
                .route(web::put().to(webhooks::receive)),
        );
}

/// The operator's routes, never on the public listener.
pub(super) fn operator_routes(config: &mut web::ServiceConfig) {
    config
        .service(only("/healthz", "GET", web::get().to(operator::health)))
        .service(only("/readyz", "GET", web::get().to(operator::readiness)))
        .service(only("/metrics", "GET", web::get().to(operator::metrics)))
        .service(only("/reload", "POST", web::post().to(operator::reload)));
}
