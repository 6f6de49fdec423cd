//! `/jira/reviews/create`: where people write a post-incident review in the tool.
//!
//! `GET` is a link that Jira shows to people: it redirects to the tool's own page, creates nothing and
//! reveals nothing about incidents. `POST` gives the same address to Jira itself.

use actix_web::http::header;
use actix_web::web::{Data, Json, Query};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::web::State;
use crate::web::auth::authenticate_action;
use crate::web::problem::Problem;

#[derive(Deserialize)]
pub(in crate::web) struct Asked {
    #[serde(rename = "affected-component")]
    affected_component: Option<String>,
    incident: Option<String>,
}

/// 302 to the tool's page, 404 when the tool has none.
pub(in crate::web) async fn open_review_page(
    state: Data<State>,
    asked: Query<Asked>,
) -> Result<HttpResponse, Problem> {
    let address = find_address(&state, &asked).ok_or_else(Problem::not_found)?;
    Ok(HttpResponse::Found().insert_header((header::LOCATION, address)).finish())
}

/// 200 `{"url": …}`, 404 when the tool has none or the site may not see it.
pub(in crate::web) async fn find_review_page(
    state: Data<State>,
    request: HttpRequest,
    asked: Query<Asked>,
) -> Result<Json<Value>, Problem> {
    let site = authenticate_action(&state, &request).await?;
    let visible = source_of(&asked).is_some_and(|source| site.sees(source));
    let address = find_address(&state, &asked).filter(|_| visible).ok_or_else(Problem::not_found)?;
    Ok(Json(json!({ "url": address })))
}

fn source_of(asked: &Asked) -> Option<&str> {
    let id = asked.incident.as_deref().filter(|id| !id.is_empty()).or(asked.affected_component.as_deref())?;
    id.split(':').next()
}

fn find_address(state: &State, asked: &Asked) -> Option<String> {
    let source = state.engine.registry().find(source_of(asked)?)?;
    let incident = asked.incident.as_deref().and_then(|id| id.split_once(':')).map(|(_, id)| id);
    source.adapter.new_review_url(incident)
}
