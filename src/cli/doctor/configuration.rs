//! Whether every part of the configuration can be built. What the loader refuses ends the command before.

use super::check::{Check, Group};
use super::code;
use super::context::Context;
use crate::app::build_registry;
use crate::sync::Registry;

/// Also gives the sources, if all can be built.
pub fn examine(context: &Context<'_>) -> (Vec<Check>, Option<Registry>) {
    let config = context.config;
    match build_registry(config) {
        Ok(registry) => {
            let sites = config.connect.sites.join(", ");
            let seen = format!("{} source(s); sites that may install: {sites}", config.sources.len());
            (vec![Check::ok(Group::Configuration, "configuration", seen)], Some(registry))
        }
        Err(fault) => {
            let fix = "correct this key; `incident-bridge config check` finds such mistakes without a start";
            let check =
                Check::fix(Group::Configuration, code::SOURCE_INVALID, "sources", format!("{fault:#}"), fix);
            (vec![check], None)
        }
    }
}
