//! The paths that Jira is told in the descriptor, below the app's base URL.
//!
//! Shared by the descriptor and the server so that they cannot diverge; what a path does is not known
//! here. None has a character that needs encoding, which keeps the request hash unambiguous.

pub const DESCRIPTOR: &str = "/atlassian-connect.json";

pub const INSTALLED: &str = "/connect/installed";
pub const UNINSTALLED: &str = "/connect/uninstalled";
pub const ENABLED: &str = "/connect/enabled";
pub const DISABLED: &str = "/connect/disabled";

pub const FETCH_WORKSPACES: &str = "/jira/workspaces/fetch";
pub const SEARCH_CONTAINERS: &str = "/jira/containers/search";
pub const ENTITY_ASSOCIATED: &str = "/jira/entities/associated";
pub const ENTITY_DISASSOCIATED: &str = "/jira/entities/disassociated";
pub const CREATE_REVIEW: &str = "/jira/reviews/create";

pub const LOGO: &str = "/static/logo.svg";
