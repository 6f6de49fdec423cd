//! `POST` or `PUT /webhooks/{source id}`: a tool reports what happened.
//!
//! Verified, stored, then answered: a 2xx means that the webhook is on disk.

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;

use super::State;
use super::problem::Problem;
use super::request::{headers, keep_seat, read_body};
use crate::sources::{HeadProof, InboundWebhook, Rejection};
use crate::telemetry::Metrics;

#[derive(Deserialize)]
pub(super) struct Address {
    source: String,
    token: Option<String>,
}

/// 202 once it is on disk; 401, 400 or 415 when it is refused; 400 or 422 when it was kept but cannot be
/// mapped; 408 when the body is too slow; 503 when it could not be stored.
pub(super) async fn receive(
    state: Data<State>,
    address: Path<Address>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let source = state.engine.registry().find(&address.source).ok_or_else(Problem::not_found)?;
    let mut webhook = InboundWebhook {
        headers: headers(&request),
        path_token: address.token.clone(),
        body: Vec::new(),
        received_at: state.engine.clock().now(),
    };
    let count_rejected = |_: &Rejection| {
        Metrics::count_source(&state.engine.metrics().webhooks, source.id().as_str(), "rejected", 1);
    };
    // Nobody is listened to who could be refused by the head alone.
    if source.adapter.check_head(&webhook).inspect_err(count_rejected)? == HeadProof::Complete {
        keep_seat(&request);
    }
    webhook.body = read_body(&state, &request, payload).await?;
    webhook.received_at = state.engine.clock().now();
    let webhook = source.adapter.verify(webhook).inspect_err(count_rejected)?;
    let receipt = state.ingestor.receive(&source, &webhook).await?;
    match receipt.unmappable {
        Some(reason) => Err(reason.into()),
        None => Ok(HttpResponse::Accepted().finish()),
    }
}

/// 200 with the agreed headers for a sender that asks before it posts; 405 for every other source.
pub(super) async fn handshake(
    state: Data<State>,
    address: Path<Address>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let source = state.engine.registry().find(&address.source).ok_or_else(Problem::not_found)?;
    let agreed = source.adapter.handshake(&headers(&request));
    let agreed = agreed.ok_or_else(|| Problem::method_not_allowed("POST, PUT"))?;
    let mut response = HttpResponse::Ok();
    for (name, value) in agreed {
        response.insert_header((name, value));
    }
    Ok(response.finish())
}
