//! `POST /reload` on the operator's listener: reads the configuration again.
//!
//! A page in a browser of the operator's network must not be able to call it. Browsers send `Origin` with every
//! `POST`, and ask first before they send JSON to another host; the listener answers no such question.

use std::sync::Arc;

use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use async_trait::async_trait;
use serde::Serialize;
use serde_json::json;

use super::State;
use super::problem::Problem;
use crate::config::{Changes, ConfigError};

/// What reads the configuration again and puts it into force.
#[async_trait]
pub trait Reload: Send + Sync {
    /// Logs what came of it, too.
    ///
    /// # Errors
    /// [`ReloadFault`].
    async fn reload(&self) -> Result<Reloaded, ReloadFault>;
}

/// What a reload has done.
#[derive(Debug, Clone, Serialize)]
pub struct Reloaded {
    #[serde(flatten)]
    pub changes: Changes,
    /// What is valid but does not work, or is careless.
    pub warnings: Vec<String>,
}

/// Why a reload did not do everything.
#[derive(Debug, thiserror::Error)]
pub enum ReloadFault {
    /// The configuration before stays in force.
    #[error(transparent)]
    Invalid(#[from] ConfigError),
    /// The new one is in force, but not everything is stored that follows from it.
    #[error("the new configuration is in force, but the database failed: {0}; reload again")]
    Incomplete(String),
}

/// 200 with what has changed and what needs a restart; 422 with every mistake; 503 when the database fails.
pub(super) async fn reload(state: Data<State>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let field = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    if request.headers().contains_key(header::ORIGIN) {
        return Err(Problem::not_for_browsers());
    }
    if field(header::CONTENT_TYPE) != Some("application/json") {
        return Err(Problem::unsupported_media_type("Send Content-Type: application/json."));
    }
    let reload = state.reload.get().cloned().ok_or_else(Problem::not_found)?;
    // A caller that does not wait for the answer must not leave half of it undone.
    let done = tokio::spawn(async move { reload.reload().await }).await;
    match done {
        Ok(Ok(reloaded)) => Ok(HttpResponse::Ok().json(reloaded)),
        Ok(Err(ReloadFault::Invalid(ConfigError { problems }))) => {
            Ok(HttpResponse::UnprocessableEntity().json(json!({ "problems": problems })))
        }
        Ok(Err(fault @ ReloadFault::Incomplete(_))) => {
            Err(Problem::unavailable("reload-incomplete", "The database failed; reload again.", &fault))
        }
        Err(fault) => Err(Problem::unavailable("reload-failed", "The log says why.", &fault)),
    }
}

/// Set once there is something to reload.
pub(super) type ReloadSlot = Arc<std::sync::OnceLock<Arc<dyn Reload>>>;
