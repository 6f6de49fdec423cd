//! Atlassian Connect's protocol: descriptor, lifecycle payloads, tokens, and the hash that binds a token to
//! a request.
//!
//! Knows Connect and nothing else of this program: no store, no routes' behaviour, no incidents. Only
//! [`install_keys`] talks to the network.

pub mod jwt;
pub mod qsh;
