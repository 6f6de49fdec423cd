//! Reading requests within limits: methods, media types, bodies.

use actix_web::http::header;
use actix_web::web::{self, Bytes, Payload};
use actix_web::{HttpRequest, Resource, Route};
use serde::de::DeserializeOwned;

use super::problem::Problem;
use crate::sources::Headers;

/// A resource with one route; other methods are answered 405 with `allow`.
pub(super) fn only(path: &str, allow: &'static str, route: Route) -> Resource {
    web::resource(path)
        .route(route)
        .default_service(web::to(move || async move { Err::<String, _>(Problem::method_not_allowed(allow)) }))
}

/// The whole body, at most `limit` bytes of it.
pub(super) async fn read_body(payload: Payload, limit: usize) -> Result<Bytes, Problem> {
    let body = payload.to_bytes_limited(limit).await.map_err(|_| Problem::too_large(limit))?;
    body.map_err(|_| Problem::unreadable_body())
}

/// A JSON body of the shape `T`.
pub(super) async fn read_json<T: DeserializeOwned>(
    request: &HttpRequest,
    payload: Payload,
    limit: usize,
) -> Result<T, Problem> {
    expect_json(request)?;
    let body = read_body(payload, limit).await?;
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
