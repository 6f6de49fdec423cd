//! Reading requests within limits: methods, media types, bodies.

use std::rc::Rc;

use actix_web::http::header;
use actix_web::web::{self, Payload};
use actix_web::{HttpRequest, Resource, Route, guard};
use futures::StreamExt;
use serde::de::DeserializeOwned;

use super::State;
use super::listener::Seat;
use super::problem::Problem;
use crate::sources::Headers;

/// Bytes of a body that are kept in one place while it arrives.
const BLOCK: usize = 32 * 1024;

/// A resource with one route; other methods are answered 405 with `allow`.
pub(super) fn only(path: &str, allow: &'static str, route: Route) -> Resource {
    web::resource(path)
        .route(route)
        .default_service(web::to(move || async move { Err::<String, _>(Problem::method_not_allowed(allow)) }))
}

/// For `GET`, and for `HEAD`, whose answer is the same without its body.
pub(super) fn get_or_head() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

/// The whole body, within the limits of its size and time.
pub(super) async fn read_body(
    state: &State,
    request: &HttpRequest,
    payload: Payload,
) -> Result<Vec<u8>, Problem> {
    let seat = find_seat(request);
    let reading = collect(payload, seat, state.limits.max_body);
    let body = tokio::time::timeout(state.limits.body_timeout(), reading).await;
    let body = body.map_err(|_| Problem::body_too_slow())??;
    if let Some(seat) = seat {
        seat.has_read_body();
    }
    Ok(body)
}

/// Copies the pieces, because each of them would keep a much larger buffer alive; into blocks, because a body that
/// grows in one place takes up to three times its size.
async fn collect(mut payload: Payload, seat: Option<&Rc<Seat>>, limit: usize) -> Result<Vec<u8>, Problem> {
    let (mut blocks, mut block, mut length) = (Vec::new(), Vec::new(), 0_usize);
    while let Some(piece) = payload.next().await {
        let piece = piece.map_err(|_| Problem::unreadable_body())?;
        length = length.saturating_add(piece.len());
        if length > limit {
            return Err(Problem::too_large(limit));
        }
        if let Some(seat) = seat {
            seat.hold(piece.len()).map_err(|_| Problem::no_room_for_body())?;
        }
        if !block.is_empty() && block.len().saturating_add(piece.len()) > BLOCK {
            blocks.push(std::mem::take(&mut block));
        }
        block.extend_from_slice(&piece);
    }
    if blocks.is_empty() {
        return Ok(block);
    }
    blocks.push(block);
    Ok(blocks.concat())
}

/// The sender has shown a credential: its connection is no longer taken from it for others.
pub(super) fn keep_seat(request: &HttpRequest) {
    if let Some(seat) = find_seat(request) {
        seat.keep();
    }
}

fn find_seat(request: &HttpRequest) -> Option<&Rc<Seat>> {
    request.conn_data::<Rc<Seat>>()
}

/// A JSON body of the shape `T`.
pub(super) async fn read_json<T: DeserializeOwned>(
    state: &State,
    request: &HttpRequest,
    payload: Payload,
) -> Result<T, Problem> {
    expect_json(request)?;
    let body = read_body(state, request, payload).await?;
    serde_json::from_slice(&body).map_err(|fault| {
        Problem::bad_request(format!(
            "The body is not the JSON that this address takes (line {}, column {}).",
            fault.line(),
            fault.column()
        ))
    })
}

/// Refuses a body that says it is not JSON.
pub(super) fn expect_json(request: &HttpRequest) -> Result<(), Problem> {
    let media_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    match media_type.map(|value| value.split(';').next().unwrap_or(value).trim().to_ascii_lowercase()) {
        Some(other) if other != "application/json" && !other.ends_with("+json") => {
            Err(Problem::unsupported_media_type("Send application/json."))
        }
        _ => Ok(()),
    }
}

/// The request's header fields in the sources' terms.
pub(super) fn headers(request: &HttpRequest) -> Headers {
    request
        .headers()
        .iter()
        .filter_map(|(name, value)| Some((name.as_str(), std::str::from_utf8(value.as_bytes()).ok()?)))
        .collect()
}
