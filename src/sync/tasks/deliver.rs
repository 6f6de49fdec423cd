//! Starts a task per destination that has work; a slow destination delays no other.
//!
//! A destination for which nothing could be done rests until the next interval or signal: another process
//! serves it, this one has not read about it yet, or everything left waits for a full batch or a pause in
//! reading.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt;
use tokio::sync::Notify;
use tokio_util::task::TaskTracker;

use super::runner::note_panic;
use super::task::{Next, Task};
use crate::domain::DestinationId;
use crate::sync::SyncError;
use crate::sync::core::Core;
use crate::sync::outbound::Outbound;

/// How often to look for work unasked.
const INTERVAL: Duration = Duration::from_secs(1);

/// How long a destination rests at least: shorter than the interval, so that the next look finds it rested.
const REST: Duration = Duration::from_millis(500);

/// What this process does with a destination now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Activity {
    Served,
    /// Since this time, counted from the start of the clock.
    Resting(Duration),
}

pub(super) struct Deliver(Arc<Delivering>);

struct Delivering {
    core: Arc<Core>,
    outbound: Arc<Outbound>,
    activities: Mutex<HashMap<DestinationId, Activity>>,
    /// Notified when a destination has been served and may have more to do.
    served: Notify,
    running: TaskTracker,
}

impl Deliver {
    pub fn new(core: Arc<Core>, outbound: Arc<Outbound>) -> Self {
        Self(Arc::new(Delivering {
            core,
            outbound,
            activities: Mutex::default(),
            served: Notify::default(),
            running: TaskTracker::new(),
        }))
    }
}

#[async_trait]
impl Task for Deliver {
    fn name(&self) -> &'static str {
        "deliver"
    }

    fn interval(&self) -> Duration {
        INTERVAL
    }

    async fn signal(&self) {
        tokio::select! {
            () = self.0.core.signals.deliver.notified() => {
                tokio::time::sleep(self.0.outbound.linger()).await;
                self.0.wake_resting(Duration::MAX);
            }
            () = self.0.served.notified() => {}
        }
    }

    async fn run(&self) -> Result<Next, SyncError> {
        let it = &self.0;
        it.wake_resting(it.core.clock.elapsed().saturating_sub(REST));
        for id in it.core.store.deliveries().list_destinations_with_work().await? {
            if it.begin(&id) {
                it.running.spawn(it.clone().serve(id));
            }
        }
        Ok(Next::AtInterval)
    }

    async fn finish(&self) {
        self.0.running.close();
        self.0.running.wait().await;
    }
}

impl Delivering {
    fn activities(&self) -> MutexGuard<'_, HashMap<DestinationId, Activity>> {
        self.activities.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Destinations that have rested since `since` or longer may be tried again.
    fn wake_resting(&self, since: Duration) {
        self.activities()
            .retain(|_, activity| !matches!(activity, Activity::Resting(from) if *from <= since));
    }

    /// Takes a destination unless it is served, rests, or too many are served already.
    fn begin(&self, id: &DestinationId) -> bool {
        let mut activities = self.activities();
        let served = activities.values().filter(|activity| **activity == Activity::Served).count();
        if activities.contains_key(id) || served >= self.outbound.parallel() {
            return false;
        }
        activities.insert(id.clone(), Activity::Served);
        true
    }

    fn end(&self, id: &DestinationId, worked: bool) {
        let mut activities = self.activities();
        if worked {
            activities.remove(id);
        } else {
            activities.insert(id.clone(), Activity::Resting(self.core.clock.elapsed()));
        }
    }

    async fn serve(self: Arc<Self>, id: DestinationId) {
        let worked = match AssertUnwindSafe(self.outbound.serve(&id)).catch_unwind().await {
            Ok(Ok(worked)) => worked,
            Ok(Err(fault)) => {
                tracing::warn!(%fault, "a destination could not be served; trying again");
                false
            }
            Err(panic) => {
                note_panic(&self.core.metrics, "deliver", &*panic);
                false
            }
        };
        self.end(&id, worked);
        if worked {
            self.served.notify_one();
        }
    }
}
