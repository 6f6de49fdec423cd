//! `POST /jira/workspaces/fetch`: turns workspace ids into names.
//!
//! Ids that the site may not see are left out of the answer, as if they did not exist.

use actix_web::HttpRequest;
use actix_web::web::{Data, Json, Payload};
use serde::{Deserialize, Serialize};

use crate::sync::StoredWorkspace;
use crate::web::State;
use crate::web::auth::authenticate_action;
use crate::web::problem::Problem;
use crate::web::request::read_json;

/// One call may ask for at most this many ids; Jira links at most 100 at a time.
const MAX_IDS: usize = 1000;

#[derive(Deserialize)]
struct Asked {
    ids: Vec<String>,
}

#[derive(Serialize)]
pub(in crate::web) struct Answer {
    workspaces: Vec<WorkspaceAnswer>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WorkspaceAnswer {
    id: String,
    name: String,
    url: String,
    avatar_url: String,
}

/// 200 with the known ones among the requested ids.
pub(in crate::web) async fn fetch_workspaces(
    state: Data<State>,
    request: HttpRequest,
    payload: Payload,
) -> Result<Json<Answer>, Problem> {
    let site = authenticate_action(&state, &request).await?;
    let asked: Asked = read_json(&state, &request, payload).await?;
    if asked.ids.len() > MAX_IDS {
        return Err(Problem::bad_request(format!("Ask for at most {MAX_IDS} workspaces at once.")));
    }
    let avatar_url = format!("{}/static/workspace.svg", state.base_url.as_str().trim_end_matches('/'));
    let answer = |workspace: StoredWorkspace| WorkspaceAnswer {
        id: workspace.id.into(),
        name: workspace.name,
        url: workspace.url,
        avatar_url: avatar_url.clone(),
    };
    let snapshot = state.engine.read_directory().await?;
    let found = snapshot.find_workspaces(&site, &asked.ids);
    Ok(Json(Answer { workspaces: found.into_iter().map(answer).collect() }))
}
