//! Everything that runs in the background, on one screen.

mod activities;
mod calls;
mod deliver;
mod directory;
mod drift;
mod gauges;
mod housekeeping;
mod inbox;
mod link;
mod news;
mod poll;
mod retention;
mod schedule;
mod settle;
mod supervisor;
mod task;
mod tidy;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

pub(in crate::sync) use retention::apply_retention;
pub(in crate::sync) use supervisor::describe_panic;
pub use supervisor::{GivenUp, Heartbeat, Heartbeats, Importance, Patience, Runner};
pub use task::{Next, Task};

use super::engine::Engine;

/// What every process runs.
#[must_use]
pub fn for_every_role(engine: &Engine) -> Vec<Arc<dyn Task>> {
    let Engine { core, outbound, .. } = engine;
    let mut tasks: Vec<Arc<dyn Task>> = vec![
        Arc::new(directory::RefreshDirectory { core: core.clone() }),
        Arc::new(calls::RetryCalling { core: core.clone(), outbound: outbound.clone() }),
    ];
    if core.store.leases().are_needed() {
        tasks.push(Arc::new(news::ShareNews { core: core.clone() }));
    }
    tasks
}

/// What a process with the role `sync` runs in addition.
#[must_use]
pub fn for_sync(engine: &Engine) -> Vec<Arc<dyn Task>> {
    let Engine { core, inbound, outbound, .. } = engine;
    let mut tasks: Vec<Arc<dyn Task>> = vec![
        Arc::new(settle::SettleSources { core: core.clone(), outbound: outbound.clone() }),
        Arc::new(inbox::ProcessInbox { core: core.clone(), inbound: inbound.clone() }),
        Arc::new(deliver::Deliver::new(core.clone(), outbound.clone())),
        Arc::new(link::LinkWorkspaces { core: core.clone(), outbound: outbound.clone() }),
        Arc::new(tidy::Tidy { outbound: outbound.clone() }),
        Arc::new(drift::CheckDrift {
            core: core.clone(),
            outbound: outbound.clone(),
            retention: engine.retention.clone(),
            is_due: AtomicBool::default(),
        }),
        Arc::new(gauges::UpdateGauges::new(core.clone())),
        Arc::new(housekeeping::KeepHouse { core: core.clone() }),
        Arc::new(schedule::Schedule::new(core.clone(), &engine.drift_check)),
    ];
    for source in core.registry.current().iter().filter(|source| source.adapter.poller().is_some()) {
        tasks.push(Arc::new(poll::Poll::new(core.clone(), inbound.clone(), source)));
        tasks.push(Arc::new(poll::Fetch::new(core.clone(), inbound.clone(), source)));
    }
    tasks
}
