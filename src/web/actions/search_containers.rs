//! `GET /jira/containers/search`: finds services by name, over all workspaces that the site may see.

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::web::{Data, Json, Query};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::sync::{ContainerHit, SearchPosition};
use crate::web::State;
use crate::web::auth::authenticate_action;
use crate::web::problem::Problem;

const DEFAULT_LIMIT: usize = 50;
const MAX_LIMIT: usize = 200;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    search_query: Option<String>,
    workspace_id: Option<String>,
    limit: Option<usize>,
    cursor: Option<String>,
}

#[derive(Serialize)]
pub(in crate::web) struct Answer {
    containers: Vec<Arc<ContainerHit>>,
    /// To be sent as `cursor` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
}

/// 200 with one page. An empty search text finds everything.
pub(in crate::web) async fn search_containers(
    state: Data<State>,
    request: HttpRequest,
) -> Result<Json<Answer>, Problem> {
    let site = authenticate_action(&state, &request).await?;
    let asked = Query::<Asked>::from_query(request.query_string())
        .map_err(|_| Problem::bad_request("The query cannot be read; limit must be a whole number."))?
        .into_inner();
    let limit = asked.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT);
    let after = asked.cursor.as_deref().map(parse_cursor).transpose()?;
    let workspace = asked.workspace_id.as_deref().filter(|id| !id.is_empty());
    let text = asked.search_query.unwrap_or_default();
    let snapshot = state.engine.read_directory().await?;
    let page = snapshot.search(&site, &text, workspace, after.as_ref(), limit);
    Ok(Json(Answer { containers: page.hits, cursor: page.next.as_ref().and_then(write_cursor) }))
}

fn parse_cursor(text: &str) -> Result<SearchPosition, Problem> {
    let refused = || Problem::bad_request("The cursor is not one that this address gave out.");
    let json = URL_SAFE_NO_PAD.decode(text).map_err(|_| refused())?;
    serde_json::from_slice(&json).map_err(|_| refused())
}

fn write_cursor(position: &SearchPosition) -> Option<String> {
    serde_json::to_vec(position).ok().map(|json| URL_SAFE_NO_PAD.encode(json))
}
