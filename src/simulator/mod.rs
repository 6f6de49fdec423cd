//! A Jira Software Cloud site in memory, with an HTTP layer and faults on demand.
//!
//! A feature of its own (`incident-bridge demo`, `simulate-jira`) and the test double. It follows Jira's
//! published contract and validates raw JSON against it. It must not import the bridge's payload types,
//! client or store, or it would repeat the bridge's mistakes; it may use the clock and Connect's tokens.
//!
//! One [`Simulator`] is one site. Tests control it with verbs: [`Simulator::install`],
//! [`Simulator::incident`], [`Simulator::fail_next`], [`Simulator::schema_violations`].

#![expect(clippy::indexing_slicing, reason = "the simulator reads what its own tests and the bridge send")]

mod actions;
mod auth;
mod calls;
mod contents;
mod control;
mod descriptor;
mod entities;
mod exchange;
mod faults;
mod gate;
mod handle;
mod history;
mod lifecycle;
mod misbehaviour;
mod options;
mod page;
pub mod platform;
mod rest;
mod route;
mod schema;
mod server;
mod site;
mod state;
mod submit;
pub mod tools;

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod tests;

pub use calls::{AppAnswer, CallError, SignedCall};
pub use entities::{EntityKind, Properties, StoredEntity};
pub use faults::{Effect, Fault};
pub use handle::Simulator;
pub use history::{RequestRecord, SchemaViolation, Submission};
pub use options::SimulatorOptions;
#[cfg(test)]
pub(crate) use schema::Schemas;
pub use server::RunningSimulator;
pub use site::Installation;
