//! What handlers share. Must not decide anything.

use std::sync::Arc;

use url::Url;

use crate::connect::install_keys::InstallKeys;
use crate::sync::{Beats, Engine, Ingestor};

/// What handlers work with.
pub struct State {
    pub engine: Arc<Engine>,
    pub ingestor: Ingestor,
    pub install_keys: InstallKeys,
    pub beats: Beats,
    /// The rendered descriptor.
    pub descriptor: serde_json::Value,
    /// Bytes.
    pub max_body: usize,
}

impl State {
    /// The path part of the public address, empty when it has none.
    pub(super) fn base_path(&self) -> &str {
        base_path(&self.engine.base_url)
    }
}

/// The path part of an address without its trailing slash, empty when it has none.
pub(super) fn base_path(base_url: &Url) -> &str {
    base_url.path().trim_end_matches('/')
}
