//! `POST` or `PUT /webhooks/{source id}`: a tool reports what happened.
//!
//! Verified, stored, then answered: a 2xx means that the webhook is on disk.

use std::sync::Arc;

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;

use super::State;
use super::problem::Problem;
use super::request::{headers, keep_seat, read_body};
use super::request_id::{REQUEST_ID, Trail};
use crate::sources::{HeadProof, InboundWebhook, Rejection};
use crate::sync::SourceRuntime;
use crate::telemetry::Counts;

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
    let source = find_source(&state, &address.source)?;
    let mut webhook = InboundWebhook {
        headers: headers(&request),
        path_token: address.token.clone(),
        body: Vec::new(),
        received_at: state.engine.clock().now(),
    };
    // Kept with the webhook, so that what was stored can be found by the id that its sender was answered.
    if let Some(trail) = Trail::of(&request) {
        webhook.headers.set(REQUEST_ID.as_str(), &trail.request_id);
    }
    let reject = |rejection: Rejection| {
        let id = source.id().as_str();
        Counts::count_source(&state.engine.metrics().counts.webhooks, id, "rejected", 1);
        Problem::webhook_rejected(rejection, id, source.adapter.challenges())
    };
    // Nobody is listened to who could be refused by the head alone.
    if source.adapter.check_head(&webhook).map_err(reject)? == HeadProof::Complete {
        keep_seat(&request);
    }
    webhook.body = read_body(&state, &request, payload).await?;
    webhook.received_at = state.engine.clock().now();
    let webhook = source.adapter.verify(webhook).map_err(reject)?;
    let receipt = state.ingestor.receive(&source, &webhook).await?;
    match receipt.unmappable {
        Some(reason) => Err(reason.into()),
        None => Ok(HttpResponse::Accepted().finish()),
    }
}

/// The source of this id. One that does not exist is answered like any other unknown address; the operator is told.
fn find_source(state: &State, id: &str) -> Result<Arc<SourceRuntime>, Problem> {
    let registry = state.engine.registry();
    registry.find(id).ok_or_else(|| {
        state.engine.metrics().counts.webhooks_unknown_source.inc();
        Problem::unknown_source(id, registry.iter().map(|source| source.id().as_str()))
    })
}

/// 200 with the agreed headers for a sender that asks before it posts; 405 for every other source.
pub(super) async fn handshake(
    state: Data<State>,
    address: Path<Address>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let source = find_source(&state, &address.source)?;
    let agreed = source.adapter.handshake(&headers(&request));
    let agreed = agreed.ok_or_else(|| Problem::method_not_allowed("POST, PUT"))?;
    let mut response = HttpResponse::Ok();
    for (name, value) in agreed {
        response.insert_header((name, value));
    }
    Ok(response.finish())
}
