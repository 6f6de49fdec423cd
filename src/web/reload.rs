//! What `POST /reload` calls, and what that may come to. Must not know how it is done.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use serde::Serialize;

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

/// Set once there is something to reload.
pub(super) type ReloadSlot = Arc<OnceLock<Arc<dyn Reload>>>;
