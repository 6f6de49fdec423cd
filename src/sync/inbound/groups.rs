//! Webhooks are written in groups: those that arrive while one group is written form the next.
//!
//! The first after a pause waits for nothing: its sender's own thread writes it at once, and goes on with what has
//! arrived meanwhile until nothing is left. Must not know what a webhook says.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures::FutureExt;
use tokio::sync::oneshot;
use tracing::dispatcher::{Dispatch, get_default};
use tracing::instrument::WithSubscriber;

use crate::clock::Clock;
use crate::domain::Halves;
use crate::store::{InboxEntry, Recorded, Recorder, Store, StoreError};
use crate::sync::core::Core;
use crate::sync::tasks::{Heartbeats, Importance, describe_panic};
use crate::telemetry::Metrics;

/// What the log, metrics and readiness call what writes.
const NAME: &str = "ingest";

/// Most webhooks of a group.
const GROUP: usize = 256;
/// Most bytes of a group, but for a single webhook that is longer.
const GROUP_BYTES: usize = 4 * 1024 * 1024;

/// Why a webhook could not be stored. The sender must try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IngestError {
    #[error("too many webhooks are waiting for the disk")]
    Overloaded,
    #[error("the database does not take writes")]
    StoreDown,
    #[error("the database takes too long to write")]
    TooSlow,
    /// Sending it again does not help.
    #[error("the database refuses this webhook")]
    Refused,
}

pub(super) type Answer = Result<Recorded, IngestError>;

type Waiting = (InboxEntry, oneshot::Sender<Answer>);

/// Where groups are written.
#[async_trait]
pub(super) trait Disk: Send + Sync {
    /// Waits until a group can be written: what arrives until then belongs to it.
    async fn wait(&self) -> Result<Box<dyn Turn>, StoreError>;
}

/// The right to write.
#[async_trait]
pub(super) trait Turn: Send {
    async fn record(&mut self, entries: &[InboxEntry]) -> Result<Vec<Recorded>, StoreError>;
}

#[async_trait]
impl Disk for Store {
    async fn wait(&self) -> Result<Box<dyn Turn>, StoreError> {
        Ok(Box::new(self.inbox().recorder().await?))
    }
}

#[async_trait]
impl Turn for Recorder {
    async fn record(&mut self, entries: &[InboxEntry]) -> Result<Vec<Recorded>, StoreError> {
        Recorder::record(self, entries).await
    }
}

/// The webhooks that wait, and what writes them.
pub(super) struct Groups {
    queue: Mutex<Queue>,
    /// How many may wait.
    most: usize,
    disk: Box<dyn Disk>,
    metrics: Arc<Metrics>,
    heartbeats: Heartbeats,
    clock: Clock,
    /// Where this was made logs, whichever thread writes.
    log: Dispatch,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    /// Whether a task writes until the queue is empty.
    is_served: bool,
}

impl Groups {
    pub fn new(core: &Core, disk: impl Disk + 'static, most: usize) -> Self {
        Self {
            queue: Mutex::default(),
            most,
            disk: Box::new(disk),
            metrics: core.metrics.clone(),
            heartbeats: core.heartbeats.clone(),
            clock: core.clock.clone(),
            log: get_default(Clone::clone),
        }
    }

    /// Adds a webhook. The answer comes once it is on disk; it ends without one when the writing task does.
    pub fn add(self: &Arc<Self>, entry: InboxEntry) -> Result<oneshot::Receiver<Answer>, IngestError> {
        let (sender, answer) = oneshot::channel();
        let mut queue = self.lock();
        if queue.waiting.len() >= self.most {
            return Err(IngestError::Overloaded);
        }
        queue.waiting.push_back((entry, sender));
        if !std::mem::replace(&mut queue.is_served, true) {
            // Not in the sender's own future, which ends when the sender hangs up.
            tokio::spawn(self.clone().serve().with_subscriber(self.log.clone()));
        }
        Ok(answer)
    }

    async fn serve(self: Arc<Self>) {
        let mut service = Service { groups: &self, has_ended: false };
        while !self.end_if_nothing_waits() {
            self.write_next().await;
        }
        service.has_ended = true;
    }

    /// Whether the task has ended, because nothing waits: the next webhook starts a new one.
    fn end_if_nothing_waits(&self) -> bool {
        let mut queue = self.lock();
        queue.is_served = !queue.waiting.is_empty();
        !queue.is_served
    }

    /// A panic costs one group: its senders are told at once to try again.
    async fn write_next(&self) {
        let turn = AssertUnwindSafe(self.disk.wait()).catch_unwind().await;
        let group = self.take();
        let written = match turn {
            Ok(turn) => AssertUnwindSafe(write_group(group, turn)).catch_unwind().await,
            Err(panic) => Err(panic),
        };
        match written {
            Ok(()) => self.heartbeats.forget(NAME),
            Err(panic) => self.note_panic(&*panic),
        }
    }

    /// What fits into one group.
    fn take(&self) -> Vec<Waiting> {
        let mut queue = self.lock();
        let mut bytes = 0_usize;
        let fits = queue.waiting.iter().take(GROUP).take_while(|(entry, _)| {
            bytes = bytes.saturating_add(entry.body.kept_bytes());
            bytes <= GROUP_BYTES
        });
        let count = fits.count().max(1).min(queue.waiting.len());
        queue.waiting.drain(..count).collect()
    }

    fn note_panic(&self, panic: &(dyn Any + Send)) {
        let why = describe_panic(panic);
        self.metrics.note_panic(NAME, why);
        self.heartbeats.panicked(NAME, Importance::Shared, why, &self.clock);
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The task that writes. When it ends early, with its thread, nobody waits for it in vain.
struct Service<'a> {
    groups: &'a Groups,
    has_ended: bool,
}

impl Drop for Service<'_> {
    fn drop(&mut self) {
        if !self.has_ended {
            *self.groups.lock() = Queue::default();
        }
    }
}

async fn write_group(group: Vec<Waiting>, turn: Result<Box<dyn Turn>, StoreError>) {
    let (entries, senders): (Vec<_>, Vec<_>) = group.into_iter().unzip();
    let mut senders = senders.into_iter();
    let mut answer = |answers: Vec<Answer>| {
        // In this order: when the answers end, no sender has been taken for nothing.
        for (answer, sender) in answers.into_iter().zip(senders.by_ref()) {
            // A sender that hung up meanwhile will repeat its webhook, which is then a duplicate.
            let _hung_up = sender.send(answer);
        }
    };
    match turn {
        Ok(mut turn) => write_entries(&entries, &mut *turn, &mut answer).await,
        Err(fault) => answer(refuse(&fault, entries.len())),
    }
}

/// One webhook that the database refuses keeps no other from being stored.
async fn write_entries(entries: &[InboxEntry], turn: &mut dyn Turn, answer: &mut impl FnMut(Vec<Answer>)) {
    let mut parts = Halves::of(entries, GROUP);
    while let Some(part) = parts.next() {
        match turn.record(part).await {
            Ok(recorded) => answer(recorded.into_iter().map(Ok).collect()),
            Err(fault) if fault.blames_data() => {
                if let Some(one) = parts.split(part) {
                    tracing::error!(source = %one.source, %fault, "the database refuses a webhook, which is not kept");
                    answer(vec![Err(IngestError::Refused)]);
                }
            }
            Err(fault) => answer(refuse(&fault, part.len())),
        }
    }
}

fn refuse(fault: &StoreError, count: usize) -> Vec<Answer> {
    let advice = fault.advice();
    tracing::error!(%fault, advice, "webhooks cannot be stored; senders will try again");
    vec![Err(IngestError::StoreDown); count]
}

#[cfg(test)]
#[path = "groups_tests.rs"]
mod tests;
