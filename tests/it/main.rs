//! The integration tests, in one binary so that the crate is linked once: what can only be tested from
//! outside.
//!
//! Run them with `tests/run`, which provides the databases and programs that they need.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a helper that cannot go on fails its test; clippy sees only #[test] functions"
)]

mod architecture;
mod repository;

mod harness;

/// The crash test that anyone can run; a short form of it runs here.
#[path = "../../examples/crash_test"]
mod crash_test {
    pub mod chaos;
    mod database;
    pub mod facts;
    pub mod model;
    mod program;
    mod replica;
    pub mod story;
    mod traffic;
    pub mod work_items;
}

/// The attacks of the benchmark; a short form of each runs here.
#[path = "../../benches/engine/attack.rs"]
mod attack;
/// The simulation that anyone can run; a hundred of its seeds run here.
#[path = "../../examples/simulate"]
mod simulate {
    mod adapter;
    mod database;
    mod ending;
    mod jira;
    mod lifecycle;
    mod process;
    pub mod run;
    pub mod story;
    mod tool;
    mod virtual_site;
    pub mod world;
}

mod actions;
mod beside;
mod cadence;
mod clock;
mod collisions;
mod commands;
mod configuration;
mod crash;
mod data_at_rest;
mod delivery;
mod demo;
mod directory;
mod doctor;
mod erase;
mod explain_stories;
mod faults;
mod forge;
mod http_conventions;
mod idle;
mod import_alertmanager;
mod incidents;
mod install;
mod json_shape;
mod lifecycle_calls;
mod live_faults;
mod live_sources;
mod manual;
mod metrics;
mod operator;
mod outage;
mod owner;
mod page;
mod plans;
mod poison;
mod poll;
mod poll_alertmanager;
mod poll_recovery;
mod postgres;
mod real_alertmanager;
mod refused_rows;
mod reload;
mod removal;
mod replicas;
mod reviews;
mod second_destination;
mod setting_up;
mod simulation;
mod start;
mod store_contract;
mod store_copy;
mod strangers;
mod supervision;
mod tenants;
mod terminal;
mod tokens;
mod tools;
mod typos;
mod upgrade;
mod webhooks;
mod work_item_commands;
mod work_item_tables;
mod work_items;
mod worked_example;
mod workspaces;
