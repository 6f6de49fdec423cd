//! `POST` or `PUT /jira/entities/…`: users linked an incident or review with an issue, or unlinked it.
//!
//! The documentation of the operations module does not give the exact request, and those of related modules
//! differ; all their forms are read. The user is not kept.

use actix_web::HttpRequest;
use actix_web::web::{Data, Json, Payload};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::domain::EntityId;
use crate::sync::EntityAssociation;
use crate::web::State;
use crate::web::auth::authenticate_action;
use crate::web::problem::Problem;
use crate::web::request::read_json;

/// Bytes of an id; those of Jira and of this bridge are far shorter.
const LONGEST_TEXT: usize = 1024;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    entity: Entity,
    #[serde(alias = "associateWith", alias = "disassociatedFrom", alias = "disassociateFrom")]
    associated_with: Other,
}

#[derive(Deserialize)]
struct Entity {
    id: String,
}

#[derive(Deserialize)]
struct Other {
    id: Option<String>,
    ari: Option<String>,
    ati: Option<String>,
}

/// 200 with an empty object.
pub(in crate::web) async fn associated(
    state: Data<State>,
    request: HttpRequest,
    payload: Payload,
) -> Result<Json<Value>, Problem> {
    keep(&state, &request, payload, true).await
}

/// 200 with an empty object.
pub(in crate::web) async fn disassociated(
    state: Data<State>,
    request: HttpRequest,
    payload: Payload,
) -> Result<Json<Value>, Problem> {
    keep(&state, &request, payload, false).await
}

async fn keep(
    state: &State,
    request: &HttpRequest,
    payload: Payload,
    present: bool,
) -> Result<Json<Value>, Problem> {
    let site = authenticate_action(state, request).await?;
    let told: Told = read_json(state, request, payload).await?;
    let other = told.associated_with;
    let issue = other.id.or_else(|| other.ari.clone());
    let issue = issue.ok_or_else(|| Problem::bad_request("Neither id nor ari of the issue is given."))?;
    let texts = [Some(&told.entity.id), Some(&issue), other.ari.as_ref(), other.ati.as_ref()];
    if texts.into_iter().flatten().any(|text| text.len() > LONGEST_TEXT) {
        return Err(Problem::bad_request(format!("Ids of more than {LONGEST_TEXT} bytes are not taken.")));
    }
    let detail = json!({ "ati": other.ati, "ari": other.ari });
    let association = EntityAssociation { entity: EntityId::from_text(told.entity.id), issue, detail };
    // An entity that the site may not see, or that nobody has reported, is acknowledged like any other, but not
    // kept.
    state.engine.associate(&site.id, &association, present).await?;
    Ok(Json(json!({})))
}
