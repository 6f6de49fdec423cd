//! What surrounds every handler: the time it has, and the final form of what it could not do.

use std::net::IpAddr;
use std::rc::Rc;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap};
use actix_web::middleware::Next;
use actix_web::{HttpResponse, web};

use super::Problem;
use crate::web::State;
use crate::web::listener::Seat;

/// Gives every request a time limit and an id, and every error its final form. A handler's own JSON stays as
/// it is.
pub(in crate::web) async fn finish(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let Some(state) = request.app_data::<web::Data<State>>().cloned() else {
        return Ok(next.call(request).await?.map_into_boxed_body());
    };
    let path = request.match_pattern().unwrap_or_else(|| "(unknown)".to_owned());
    let connection = request.peer_addr().map(|address| address.ip());
    let peer = state.limits.find_peer(connection, request.headers());
    let seat = request.conn_data::<Rc<Seat>>().cloned();
    if let Some(seat) = &seat {
        seat.begin(has_body(request.headers()));
    }
    let answer = tokio::time::timeout(state.limits.request_timeout, next.call(request)).await;
    if let Some(seat) = &seat {
        seat.finish(state.limits.max_body);
    }
    let Ok(answer) = answer else {
        let problem = Problem::took_too_long();
        let rendered = complete(&problem, &state, &path, peer);
        return Err(InternalError::from_response(problem, rendered).into());
    };
    let response = answer?.map_into_boxed_body();
    let has_own_body =
        response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    if response.status().is_success() || response.status().is_redirection() || has_own_body {
        return Ok(response);
    }
    let found = response.response().extensions().get::<Problem>().cloned();
    let problem = found.unwrap_or_else(|| match response.status() {
        StatusCode::NOT_FOUND => Problem::not_found(),
        status => Problem::new(status, "bad-request", "The request cannot be understood."),
    });
    let rendered = complete(&problem, &state, &path, peer);
    Ok(response.into_response(rendered))
}

fn complete(problem: &Problem, state: &State, path: &str, peer: IpAddr) -> HttpResponse {
    if problem.status.is_client_error() {
        state.limits.note_refusal(peer);
    }
    let request_id = state.engine.clock().new_id();
    state.problems.write(problem, &request_id, path, state.engine.metrics());
    problem.render(&request_id)
}

fn has_body(headers: &HeaderMap) -> bool {
    headers.contains_key(header::TRANSFER_ENCODING)
        || headers.get(header::CONTENT_LENGTH).is_some_and(|length| length != "0")
}
