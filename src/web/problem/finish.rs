//! What surrounds every handler: the time it has, the ids of its request, and the final form of what it could not do.

use std::rc::Rc;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{HttpMessage, HttpResponse, web};
use tracing::Instrument;

use super::{Kind, Problem};
use crate::web::State;
use crate::web::listener::Seat;
use crate::web::request_id::{Asked, REQUEST_ID, Trail};

/// Gives every request a time limit and every answer the request's id, and every error its final form. A handler's
/// own JSON stays as it is.
pub(in crate::web) async fn finish(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let Some(state) = request.app_data::<web::Data<State>>().cloned() else {
        return Ok(next.call(request).await?.map_into_boxed_body());
    };
    let asked = read_head(&request, &state);
    let seat = request.conn_data::<Rc<Seat>>().cloned();
    if let Some(seat) = &seat {
        seat.begin(has_body(request.headers()));
    }
    let (request_id, trace_id) = (asked.trail.request_id.as_str(), asked.trail.trace_id.as_deref());
    let span = tracing::error_span!("request", request_id, trace_id);
    let answer =
        tokio::time::timeout(state.limits.request_timeout, next.call(request).instrument(span)).await;
    if let Some(seat) = &seat {
        seat.finish(state.limits.max_body);
    }
    let Ok(answer) = answer else {
        let problem = Problem::took_too_long();
        let rendered = complete(&problem, &state, &asked);
        return Err(InternalError::from_response(problem, rendered).into());
    };
    let mut response = answer?.map_into_boxed_body();
    let has_own_body =
        response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    if response.status().is_success() || response.status().is_redirection() || has_own_body {
        let (status, method, path) = (response.status().as_u16(), asked.method.as_str(), asked.path.as_str());
        tracing::debug!(status, method, path, request_id, trace_id, "request answered");
        identify(response.headers_mut(), request_id);
        return Ok(response);
    }
    let found = response.response().extensions().get::<Problem>().cloned();
    let problem = found.unwrap_or_else(|| match response.status() {
        StatusCode::NOT_FOUND => Problem::not_found(),
        status => Problem::new(status, Kind::BadRequest, "The request cannot be understood."),
    });
    let rendered = complete(&problem, &state, &asked);
    Ok(response.into_response(rendered))
}

fn read_head(request: &ServiceRequest, state: &State) -> Asked {
    let connection = request.peer_addr().map(|address| address.ip());
    let trail = Rc::new(Trail::read(request.headers(), state.engine.clock()));
    request.extensions_mut().insert(trail.clone());
    Asked {
        method: request.method().clone(),
        path: request.match_pattern().unwrap_or_else(|| "(unknown)".to_owned()),
        peer: state.limits.find_peer(connection, request.headers()),
        trail,
    }
}

fn complete(problem: &Problem, state: &State, asked: &Asked) -> HttpResponse {
    if problem.status.is_client_error() {
        state.limits.note_refusal(asked.peer);
    }
    state.problems.write(problem, asked, state.engine.metrics());
    let request_id = &asked.trail.request_id;
    let mut rendered = problem.render(request_id, &state.base_url);
    identify(rendered.headers_mut(), request_id);
    rendered
}

fn identify(headers: &mut HeaderMap, request_id: &str) {
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert(REQUEST_ID, id);
    }
}

fn has_body(headers: &HeaderMap) -> bool {
    headers.contains_key(header::TRANSFER_ENCODING)
        || headers.get(header::CONTENT_LENGTH).is_some_and(|length| length != "0")
}
