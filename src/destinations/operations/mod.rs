//! Jira Software's Operations API, for sites that installed the Connect app.

pub mod client;
pub mod payload;
