//! Starts a task per destination that has work; a slow destination delays no other.
//!
//! A destination for which nothing could be done rests until the next interval or signal: another process
//! serves it, this one has not read about it yet, or everything left waits for a full batch or a pause in
//! reading. One whose code panics rests longer each time.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt;
use tokio::sync::Notify;
use tokio_util::task::TaskTracker;

use super::activities::{Activities, Ended, Next as Turn};
use super::supervisor::{Importance, Patience, describe_panic};
use super::task::{Next, Task};
use crate::domain::DestinationId;
use crate::sync::SyncError;
use crate::sync::core::Core;
use crate::sync::outbound::{Outbound, Seat};

/// How often to look for work unasked.
const INTERVAL: Duration = Duration::from_secs(1);

/// How long a destination rests at least: shorter than the interval, so that the next look finds it rested.
const REST: Duration = Duration::from_millis(500);

pub(super) struct Deliver(Arc<Delivering>);

struct Delivering {
    core: Arc<Core>,
    outbound: Arc<Outbound>,
    activities: Activities,
    /// There is something new to send: who rests is asked again at once.
    news: AtomicBool,
    /// Notified when a destination has been served and may have more to do.
    served: Notify,
    running: TaskTracker,
}

impl Deliver {
    pub fn new(core: Arc<Core>, outbound: Arc<Outbound>) -> Self {
        Self(Arc::new(Delivering {
            core,
            outbound,
            activities: Activities::default(),
            news: AtomicBool::default(),
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

    fn importance(&self) -> Importance {
        Importance::Vital
    }

    fn interval(&self) -> Duration {
        INTERVAL
    }

    async fn signal(&self) {
        tokio::select! {
            () = self.0.core.signals.deliver.notified() => {
                // Noted first: the interval may end while this lingers, and with it this wait.
                self.0.news.store(true, Ordering::SeqCst);
                tokio::time::sleep(self.0.outbound.linger()).await;
            }
            () = self.0.served.notified() => {}
        }
    }

    async fn run(&self) -> Result<Next, SyncError> {
        let it = &self.0;
        let now = it.core.clock.elapsed();
        let is_news = it.news.swap(false, Ordering::SeqCst);
        it.activities.wake(now, if is_news { Duration::ZERO } else { REST });
        // The store is asked again only when all that it named have had their turns, and not each time one has been served
        // while all seats are taken: it costs as much as there are destinations with work.
        let is_asked = is_news || it.activities.has_seat(it.outbound.parallel());
        if matches!(it.begin(now), Turn::NoneLeft) && is_asked {
            it.activities.queue(it.outbound.list_destinations_with_work().await?);
            it.begin(now);
        }
        Ok(Next::AtInterval)
    }

    async fn finish(&self) {
        self.0.running.close();
        self.0.running.wait().await;
    }
}

impl Delivering {
    /// Serves those whose turn it is. Returns why no other is.
    fn begin(self: &Arc<Self>, now: Duration) -> Turn {
        loop {
            match self.activities.begin_next(now, self.outbound.parallel()) {
                Turn::Begun(id, seat) => drop(self.running.spawn(self.clone().serve(id, seat))),
                ended => return ended,
            }
        }
    }

    async fn serve(self: Arc<Self>, id: DestinationId, seat: Arc<Seat>) {
        let ended = match AssertUnwindSafe(self.outbound.serve(&id, &seat)).catch_unwind().await {
            Ok(Ok(true)) => Ended::Worked,
            Ok(Ok(false)) => Ended::Idle,
            Ok(Err(fault)) => {
                tracing::warn!(%fault, "a destination could not be served; trying again");
                Ended::Idle
            }
            Err(panic) => self.note_panic(&id, describe_panic(&*panic)),
        };
        let had_panicked = self.activities.end(&id, self.core.clock.elapsed(), ended);
        if had_panicked {
            self.core.heartbeats.forget(&self.name(&id));
        }
        // It may have more to do, and others wait for its seat.
        if ended == Ended::Worked || self.activities.has_queue() {
            self.served.notify_one();
        }
    }

    fn note_panic(&self, id: &DestinationId, why: &str) -> Ended {
        self.core.metrics.note_panic("deliver", why);
        let (heartbeats, clock) = (&self.core.heartbeats, &self.core.clock);
        let (panics, _) = heartbeats.panicked(&self.name(id), Importance::Single, why, clock);
        Ended::Panicked { rest: Patience::default().rest(panics) }
    }

    /// What readiness calls the delivery to one destination.
    fn name(&self, id: &DestinationId) -> String {
        let directory = self.core.directory.peek();
        let access = directory.as_ref().and_then(|directory| directory.find(id));
        format!("deliver {}", access.map_or(id.0.as_str(), |access| access.name.as_str()))
    }
}
