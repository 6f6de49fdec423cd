//! Who holds a connection to the public listener, and who has to leave when there are too many.
//!
//! A connection waits while it has proven nothing: while its head or body arrives, and between two requests.
//! Only those that wait are closed to let a newcomer in, first the one that has waited longest of the address
//! that has most of them. So a stranger who holds connections open loses them to whoever comes next. Knows
//! nothing of HTTP, and no source or site.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Context;
use std::time::Duration;

use futures::task::AtomicWaker;

use crate::clock::Clock;

/// Longest wait of a connection while others want to come in: longer than a head, a body or a pause between
/// requests may take.
const LONGEST_WAIT: Duration = Duration::from_secs(20);
/// Most bytes of a head.
const MOST_HEAD: usize = 16 * 1024;

/// What all connections together may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    pub connections: usize,
    /// Bytes of request bodies in memory.
    pub bodies: usize,
}

/// The connections of a listener.
#[derive(Debug)]
pub(super) struct Seats {
    room: Room,
    clock: Clock,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    next: u64,
    /// In the order in which their waits began.
    holders: BTreeMap<u64, Holder>,
    /// How many of each address wait.
    waiting: HashMap<IpAddr, usize>,
    bodies: usize,
}

#[derive(Debug)]
struct Holder {
    peer: IpAddr,
    since: Duration,
    waits: bool,
    body: usize,
    notice: Arc<Notice>,
}

/// Tells a connection that it is over.
#[derive(Debug, Default)]
struct Notice {
    given: AtomicBool,
    waker: AtomicWaker,
}

impl Notice {
    fn give(&self) {
        self.given.fetch_or(true, Ordering::Release);
        self.waker.wake();
    }
}

/// There is no room for more of this body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::web) struct NoRoom;

impl Seats {
    pub(super) fn new(room: Room, clock: Clock) -> Arc<Self> {
        Arc::new(Self { room, clock, taken: Mutex::default() })
    }

    /// A seat for a new connection. Whoever has to leave for it is told so.
    pub(super) fn take(self: &Arc<Self>, peer: IpAddr) -> Rc<Seat> {
        let notice = Arc::<Notice>::default();
        let now = self.clock.elapsed();
        let mut taken = self.lock();
        taken.dismiss_since(now.saturating_sub(LONGEST_WAIT));
        while taken.holders.len() >= self.room.connections && taken.dismiss_oldest() {}
        let holder = Holder { peer, since: now, waits: true, body: 0, notice: notice.clone() };
        let key = Cell::new(taken.add(holder));
        let (allowance, has_body, leaves) = (Cell::new(MOST_HEAD), Cell::new(false), Cell::new(false));
        Rc::new(Seat { seats: self.clone(), key, notice, allowance, has_body, leaves })
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    fn add(&mut self, holder: Holder) -> u64 {
        self.next = self.next.wrapping_add(1);
        if holder.waits {
            *self.waiting.entry(holder.peer).or_default() += 1;
        }
        self.holders.insert(self.next, holder);
        self.next
    }

    fn remove(&mut self, key: u64) -> Option<Holder> {
        let holder = self.holders.remove(&key)?;
        self.bodies = self.bodies.saturating_sub(holder.body);
        if holder.waits {
            self.forget_wait(holder.peer);
        }
        Some(holder)
    }

    fn forget_wait(&mut self, peer: IpAddr) {
        if let Some(count) = self.waiting.get_mut(&peer) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.waiting.remove(&peer);
            }
        }
    }

    fn dismiss(&mut self, key: u64) {
        if let Some(holder) = self.remove(key) {
            holder.notice.give();
        }
    }

    fn dismiss_since(&mut self, limit: Duration) {
        let late = |(_, holder): &(&u64, &Holder)| holder.since < limit;
        let keys = self.holders.iter().take_while(late).filter(|(_, holder)| holder.waits);
        let keys: Vec<u64> = keys.map(|(key, _)| *key).collect();
        for key in keys {
            self.dismiss(key);
        }
    }

    /// Whether anybody could be dismissed.
    fn dismiss_oldest(&mut self) -> bool {
        let most = self.waiting.iter().max_by_key(|(_, count)| **count).map(|(peer, _)| *peer);
        let is_it = |(_, holder): &(&u64, &Holder)| holder.waits && Some(holder.peer) == most;
        let oldest = self.holders.iter().find(is_it).map(|(key, _)| *key);
        oldest.map(|key| self.dismiss(key)).is_some()
    }

    /// The connection that waits with the largest part of a body, the oldest of several.
    fn find_largest(&self) -> Option<u64> {
        let waiting = self.holders.iter().rev().filter(|(_, holder)| holder.waits && holder.body > 0);
        waiting.max_by_key(|(_, holder)| holder.body).map(|(key, _)| *key)
    }
}

/// The seat of one connection, which is free again when this is dropped. Stays on the connection's thread.
#[derive(Debug)]
pub(in crate::web) struct Seat {
    seats: Arc<Seats>,
    key: Cell<u64>,
    notice: Arc<Notice>,
    /// Bytes that may still be read outside a request.
    allowance: Cell<usize>,
    /// Whether part of the request's body is unread.
    has_body: Cell<bool>,
    /// Whether a request was answered before all of it was read.
    leaves: Cell<bool>,
}

impl Seat {
    /// The head of a request is here.
    pub(in crate::web) fn begin(&self, has_body: bool) {
        self.allowance.set(usize::MAX);
        self.has_body.set(has_body);
    }

    /// The sender has shown a credential, or the whole body is here: it keeps its seat to the end of the
    /// request.
    pub(in crate::web) fn keep(&self) {
        let mut taken = self.seats.lock();
        let Some(holder) = taken.holders.get_mut(&self.key.get()) else { return };
        if std::mem::replace(&mut holder.waits, false) {
            let peer = holder.peer;
            taken.forget_wait(peer);
        }
    }

    /// The body is complete.
    pub(in crate::web) fn has_read_body(&self) {
        self.has_body.set(false);
        self.keep();
    }

    /// The request is answered: its body is forgotten, and the wait for the next one begins. `most_body` is
    /// how much of a body that nobody read may still arrive.
    pub(in crate::web) fn finish(&self, most_body: usize) {
        let unread = if self.has_body.replace(false) { most_body } else { 0 };
        self.allowance.set(MOST_HEAD.saturating_add(unread));
        if unread > 0 {
            self.leaves.set(true);
            self.notice.waker.wake();
        }
        let now = self.seats.clock.elapsed();
        let mut taken = self.seats.lock();
        if let Some(holder) = taken.remove(self.key.get()) {
            self.key.set(taken.add(Holder { since: now, waits: true, body: 0, ..holder }));
        }
    }

    /// Counts bytes of a body that are kept. When all bodies together are too large, the largest of those
    /// that wait has to go.
    ///
    /// # Errors
    /// When that is this one, or nobody waits.
    pub(in crate::web) fn hold(&self, bytes: usize) -> Result<(), NoRoom> {
        let key = self.key.get();
        let mut taken = self.seats.lock();
        let holder = taken.holders.get_mut(&key).ok_or(NoRoom)?;
        holder.body = holder.body.saturating_add(bytes);
        taken.bodies = taken.bodies.saturating_add(bytes);
        while taken.bodies > self.seats.room.bodies {
            match taken.find_largest() {
                Some(largest) if largest != key => taken.dismiss(largest),
                _ => return Err(NoRoom),
            }
        }
        Ok(())
    }

    /// Whether the connection should end: its last request was answered before all of it was read.
    pub(super) fn leaves(&self) -> bool {
        self.leaves.get()
    }

    pub(super) fn is_in_request(&self) -> bool {
        self.allowance.get() == usize::MAX
    }

    /// Wakes the connection when it is told to leave.
    ///
    /// # Errors
    /// When it has been told so.
    pub(super) fn check(&self, context: &Context<'_>) -> io::Result<()> {
        self.notice.waker.register(context.waker());
        if self.notice.given.load(Ordering::Acquire) {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Ok(())
    }

    /// Counts bytes that have arrived.
    ///
    /// # Errors
    /// When there are more of them than a head may have.
    pub(super) fn count_read(&self, bytes: usize) -> io::Result<()> {
        if self.is_in_request() {
            return Ok(());
        }
        let left = self.allowance.get();
        self.allowance.set(left.checked_sub(bytes).ok_or(io::ErrorKind::ConnectionAborted)?);
        Ok(())
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.seats.lock().remove(self.key.get());
    }
}

#[cfg(test)]
#[path = "seats_tests.rs"]
mod tests;
