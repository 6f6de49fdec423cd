//! What handlers share. Must not decide anything.

use std::sync::Arc;
use std::time::Duration;

use actix_web::web::Bytes;
use url::Url;

use super::limits::Limits;
use super::problem::ProblemLog;
use super::reload::ReloadSlot;
use crate::config::Live;
use crate::connect::install_keys::InstallKeys;
use crate::connect::sites::SiteAllowList;
use crate::sync::{Engine, Ingestor};

/// What handlers work with.
pub struct State {
    pub engine: Arc<Engine>,
    pub ingestor: Ingestor,
    pub install_keys: InstallKeys,
    /// Which sites may install.
    pub allow_list: Arc<Live<SiteAllowList>>,
    /// Empty when there is no file to read again.
    pub reload: ReloadSlot,
    /// The public address.
    pub base_url: Url,
    pub app_key: String,
    /// How far clocks may differ when tokens are checked.
    pub leeway: Duration,
    /// The descriptor, as JSON.
    pub descriptor: Bytes,
    pub limits: Limits,
    pub problems: ProblemLog,
    /// Names under which the operator's listener answers, besides its addresses.
    pub operator_hosts: Vec<String>,
}

impl State {
    /// The path part of the public address, empty when it has none.
    pub(super) fn base_path(&self) -> &str {
        base_path(&self.base_url)
    }
}

/// The path part of an address without its trailing slash, empty when it has none.
pub(super) fn base_path(base_url: &Url) -> &str {
    base_url.path().trim_end_matches('/')
}
