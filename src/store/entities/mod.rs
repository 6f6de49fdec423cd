//! Incidents, reviews and components, and what happened to each.

pub(in crate::store) mod associations;
pub(in crate::store) mod lookup;
pub(in crate::store) mod timeline;
pub(in crate::store) mod workspace_mode;
pub(in crate::store) mod workspaces;
