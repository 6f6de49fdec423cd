//! What several sources share, from signatures to paging.
//!
//! Each file is one part that a source may use or leave. Must not know any tool.

pub(super) mod access;
pub(super) mod alert_groups;
pub(super) mod api;
pub(super) mod encoding;
pub(super) mod hidden;
pub(super) mod json;
pub(super) mod listing;
pub(super) mod open_incidents;
pub(super) mod options;
pub(super) mod pages;
pub(super) mod parts;
pub(super) mod reader;
pub(super) mod severity_ranks;
pub(super) mod shared_secret;
pub(super) mod signature;
pub(super) mod standard_webhooks;
mod unmapped;
