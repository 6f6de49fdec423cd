//! `GET /jira/containers/search`: finds services by name, over all workspaces that the site may see.

use std::sync::Arc;

use actix_web::http::header::ContentType;
use actix_web::web::{Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

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

/// 200 with one page. An empty search text finds everything.
pub(in crate::web) async fn search_containers(
    state: Data<State>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
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
    let cursor = page.next.as_ref().and_then(write_cursor);
    Ok(HttpResponse::Ok().content_type(ContentType::json()).body(write_page(&page.hits, cursor.as_deref())))
}

/// The page as JSON, put together from hits that are JSON already. `cursor`, to be sent for the next page, is absent on
/// the last.
fn write_page(hits: &[Arc<ContainerHit>], cursor: Option<&str>) -> String {
    let length: usize = hits.iter().map(|hit| hit.json().len().saturating_add(1)).sum();
    let mut page = String::with_capacity(length.saturating_add(64 + cursor.map_or(0, str::len)));
    page.push_str(r#"{"containers":["#);
    for (nth, hit) in hits.iter().enumerate() {
        if nth > 0 {
            page.push(',');
        }
        page.push_str(hit.json());
    }
    page.push(']');
    if let Some(cursor) = cursor {
        // Base64 needs no escapes.
        page.extend([r#","cursor":""#, cursor, "\""]);
    }
    page.push('}');
    page
}

fn parse_cursor(text: &str) -> Result<SearchPosition, Problem> {
    let refused = || Problem::bad_request("The cursor is not one that this address gave out.");
    let json = URL_SAFE_NO_PAD.decode(text).map_err(|_| refused())?;
    serde_json::from_slice(&json).map_err(|_| refused())
}

fn write_cursor(position: &SearchPosition) -> Option<String> {
    serde_json::to_vec(position).ok().map(|json| URL_SAFE_NO_PAD.encode(json))
}
