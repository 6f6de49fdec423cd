//! Incident Bridge: shows the incidents of an incident tool on the Incidents page of Jira Software.
//!
//! The modules are in the order of the layers: each may use the ones above it, never the ones below
//! (`tests/it/architecture.rs` enforces it). `docs/ARCHITECTURE.md` explains how they work together.

pub mod clock;
pub mod domain;

pub mod config;
pub mod connect;
pub mod http;
pub mod telemetry;

pub mod destinations;
pub mod simulator;
pub mod sources;
pub mod store;

pub mod sync;

pub mod cli;
pub mod web;

pub mod app;
pub mod lifecycle;
