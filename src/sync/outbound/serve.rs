//! Serves a destination: what is to be sent to it, then what is to be read back.
//!
//! A few requests are on their way at once, so that the changes of one source need not wait for those of another. Must
//! never have two about the same source to be sent: they could overtake each other.

use std::collections::VecDeque;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;

use super::Outbound;
use super::ask::Failures;
use super::seat::Seat;
use super::waits::{FILL_STALLED, LASTING, LONGEST_FILL, PROBE_BATCH, SEAT};
use crate::destinations::{Destination, Refusal};
use crate::domain::{DestinationId, Timestamp};
use crate::store::{BatchRules, DestinationWithWork, NextBatch, Readback, Turn};
use crate::sync::SyncError;
use crate::sync::core::Faults;
use crate::sync::directory::DestinationAccess;

/// How serving a destination, or one request to it, ended.
#[derive(Debug)]
pub(super) enum Served {
    Done,
    /// A request was refused for a reason that concerns the destination.
    Refused(Refusal),
    /// The destination itself has stopped, before the end of a batch.
    Stopped(Refusal),
}

/// What is done next.
enum Work {
    Send(NextBatch),
    ReadBack(Readback),
}

/// Work that has ended.
struct Ended {
    /// What was sent was of this source; `None` if something was read back.
    source: Option<String>,
    began: Timestamp,
    /// `None` if it was put off.
    result: Result<Option<Served>, SyncError>,
}

/// How far the service of a destination has come.
struct Service {
    /// By the time since the start of the clock.
    began: Duration,
    failures: Failures,
    turn: Turn,
    /// The sources about which something is on its way.
    sources: Vec<String>,
    /// What is to be read back next.
    due: VecDeque<Readback>,
    is_reading: bool,
    has_worked: bool,
    /// Refusals that concern the destination, with the instant at which the request began.
    refusals: Vec<(Served, Timestamp)>,
    faults: Faults,
    /// Nothing more begins.
    is_ending: bool,
}

impl Outbound {
    /// Destinations that may be served now and for which something can be done. While reading must wait, those that
    /// have only read-backs are none of them: there may be as many as there are sites.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_destinations_with_work(&self) -> Result<Vec<DestinationId>, SyncError> {
        let found = self.core.store.deliveries().list_destinations_with_work().await?;
        let now = self.core.clock.now();
        let can_work = |it: &DestinationWithWork| !it.only_reads || !self.read_pauses.is_paused(&it.id, now);
        Ok(found.into_iter().filter(can_work).map(|it| it.id).collect())
    }

    /// Serves one destination until nothing is due, it must wait, or another one has waited for the seat for a while.
    /// Returns whether another look may find more: `false` if nothing was done, or reading back must wait.
    ///
    /// # Errors
    /// When the database fails. What a destination refuses is no error: it is stored with the destination.
    pub async fn serve(&self, id: &DestinationId, seat: &Seat) -> Result<bool, SyncError> {
        let snapshot = self.core.directory.current().await?;
        let Some(access) = snapshot.find(id).filter(|access| access.enabled).cloned() else {
            return Ok(false);
        };
        Ok(self.alone(id, Box::pin(self.serve_alone(&access, seat))).await?.unwrap_or_default())
    }

    async fn serve_alone(&self, access: &DestinationAccess, seat: &Seat) -> Result<bool, SyncError> {
        let destination = match self.connect(access) {
            Ok(destination) => destination,
            Err(fault) => {
                self.park(access, &fault.to_string()).await?;
                return Ok(false);
            }
        };
        let began = self.core.clock.elapsed();
        let mut service = Service::begin(began, self.find_failures(access).await?);
        let has_seat = || !seat.is_wanted() || self.core.clock.elapsed() < began.saturating_add(SEAT);
        self.core.store.deliveries().wake(&access.id).await?;
        let mut requests = FuturesUnordered::new();
        loop {
            while has_seat() && service.has_room(requests.len(), &*destination) {
                // Otherwise what waits until it fills a request is not looked at before something is read back.
                let looks_at_all = service.due.is_empty();
                let next = self.find_work(access, &*destination, &mut service).await;
                let Some(work) = service.take(&access.name, next) else { break };
                let nothing_to_send = looks_at_all && matches!(work, Work::ReadBack(_));
                requests.push(self.work(access, &*destination, work, service.failures));
                if nothing_to_send {
                    break;
                }
            }
            let has_room = has_seat() && service.has_room(requests.len(), &*destination);
            tokio::select! {
                biased;
                ended = requests.next() => match ended {
                    Some(ended) => service.note(&access.name, ended),
                    None => break,
                },
                () = seat.news(), if has_room => {}
            }
        }
        let Service { has_worked, refusals, faults, .. } = service;
        self.record_gravest(access, refusals).await?;
        faults.first().map(|()| has_worked)
    }

    /// What may be sent now goes before what is to be read back, of which one is read at a time.
    async fn find_work(
        &self,
        access: &DestinationAccess,
        destination: &dyn Destination,
        service: &mut Service,
    ) -> Result<Option<Work>, SyncError> {
        let store = &self.core.store;
        let now = self.core.clock.elapsed();
        let has_others = service.sources.is_empty() || service.sources.len() < access.sources.len();
        // What is to be sent is soon over, unless it goes on and on.
        let may_read = service.sources.is_empty() || now >= service.began.saturating_add(LASTING);
        let may_read = may_read && self.delivery.confirm && !service.is_reading;
        if !has_others && !may_read {
            return Ok(None);
        }
        let rules = self.rules(access, destination, service.failures);
        let rules = BatchRules { turn: service.turn, beside: &service.sources, ..rules };
        // Most looks are between read-backs and find nothing, so there this one question is all.
        let reads_on =
            may_read && !service.due.is_empty() && !store.deliveries().is_due(&access.id, &rules).await?;
        if !reads_on {
            if !store.sites().is_ready(&access.id).await? {
                return Ok(None);
            }
            if has_others && let Some(batch) = store.deliveries().find_next_batch(&access.id, &rules).await? {
                return Ok(Some(Work::Send(batch)));
            }
        }
        if !may_read {
            return Ok(None);
        }
        Ok(self.find_readback(access, destination, &mut service.due).await?.map(Work::ReadBack))
    }

    async fn work(
        &self,
        access: &DestinationAccess,
        destination: &dyn Destination,
        work: Work,
        failures: Failures,
    ) -> Ended {
        let began = self.core.clock.now();
        match work {
            Work::Send(batch) => {
                let source = Some(batch.source.clone());
                let served = self.deliver(access, destination, batch, failures).await;
                Ended { source, began, result: served.map(Some) }
            }
            Work::ReadBack(readback) => {
                let result = self.read_back(access, destination, readback, failures).await;
                Ended { source: None, began, result }
            }
        }
    }

    /// What may be sent to the destination now.
    pub(super) fn rules(
        &self,
        access: &DestinationAccess,
        destination: &dyn Destination,
        failures: Failures,
    ) -> BatchRules<'static> {
        let most = self.delivery.max_batch;
        let most = if failures.is_failing() { most.min(PROBE_BATCH) } else { most };
        BatchRules {
            sizes: destination.batch_sizes().at_most(most),
            pace: self.near_limit.pace(&access.id, self.core.clock.now()),
            longest_fill: LONGEST_FILL,
            stalled_after: FILL_STALLED,
            turn: Turn::Others,
            beside: &[],
        }
    }
}

impl Service {
    fn begin(began: Duration, failures: Failures) -> Self {
        Self {
            began,
            failures,
            turn: Turn::Others,
            sources: Vec::new(),
            due: VecDeque::new(),
            is_reading: false,
            has_worked: false,
            refusals: Vec::new(),
            faults: Faults::default(),
            is_ending: false,
        }
    }

    /// Whether another request may begin beside those on their way. One that may fail is asked once at a time.
    fn has_room(&self, on_their_way: usize, destination: &dyn Destination) -> bool {
        let most = if self.failures.is_failing() { 1 } else { usize::from(destination.requests_at_once()) };
        on_their_way < most && !self.is_ending
    }

    fn take(&mut self, what: &str, next: Result<Option<Work>, SyncError>) -> Option<Work> {
        self.is_ending |= next.is_err();
        let work = self.faults.keep(what, next).flatten()?;
        match &work {
            Work::Send(batch) => {
                self.turn = Turn::after(batch.kind);
                self.sources.push(batch.source.clone());
            }
            Work::ReadBack(_) => self.is_reading = true,
        }
        Some(work)
    }

    fn note(&mut self, what: &str, Ended { source, began, result }: Ended) {
        match source {
            Some(source) => self.sources.retain(|it| *it != source),
            None => self.is_reading = false,
        }
        self.is_ending |= !matches!(result, Ok(None | Some(Served::Done)));
        let Some(served) = self.faults.keep(what, result) else { return };
        // When reading must wait, another look would find the same.
        self.has_worked = served.is_some();
        match served {
            Some(Served::Done) => self.failures = Failures::NONE,
            Some(refused) => self.refusals.push((refused, began)),
            None => {}
        }
    }
}
