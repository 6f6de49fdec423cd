//! Atlassian Connect's protocol: descriptor, lifecycle payloads, tokens, and the hash that binds a token to
//! a request.
//!
//! Knows Connect and nothing else in this program: no store, no incidents, no HTTP server. Only
//! [`install_keys`] talks to the network.

pub mod descriptor;
pub mod forge_manifest;
pub mod install_keys;
pub mod jwt;
pub mod lifecycle;
pub mod qsh;
pub mod routes;
pub mod sites;
