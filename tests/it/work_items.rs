//! Incidents as work items of a Jira project, through the real engine, against the simulated site.

mod answers;
mod at_once;
mod changes;
mod creation;
mod first_sync;
mod life;
mod people;
mod races;
mod refusals;
mod world;
