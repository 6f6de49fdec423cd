//! Incidents, reviews and components in their current version, the workspaces they belong to, and the issues
//! that people have linked to them.

pub(in crate::store) mod associations;
pub(in crate::store) mod erasure;
pub(in crate::store) mod incidents;
pub(in crate::store) mod lookup;
mod setups;
pub(in crate::store) mod versions;
mod workspace_mode;
pub(in crate::store) mod workspaces;

use crate::clock::Clock;
use crate::store::db::Database;
use crate::store::timeline::Timeline;

/// The room of the entities.
#[derive(Debug, Clone, Copy)]
pub struct Entities<'a> {
    db: &'a Database,
    clock: &'a Clock,
    timeline: Timeline<'a>,
}

impl<'a> Entities<'a> {
    pub(in crate::store) fn new(db: &'a Database, clock: &'a Clock, timeline: Timeline<'a>) -> Self {
        Self { db, clock, timeline }
    }
}
