//! Counts something for each address within a period.
//!
//! All counts begin again with each period, so that the table needs no upkeep; its size is bounded.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::Clock;

/// Addresses that are told apart; all others share one count.
const MOST_PEERS: usize = 10_000;
/// Stands for all others; nobody has this address.
const OTHERS: IpAddr = IpAddr::V4(Ipv4Addr::BROADCAST);

#[derive(Debug)]
pub(super) struct PerPeer {
    most: u32,
    period: Duration,
    clock: Clock,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    since: Duration,
    by_peer: HashMap<IpAddr, u32>,
}

impl PerPeer {
    /// At most `most` in each `period`.
    pub(super) fn new(most: u32, period: Duration, clock: Clock) -> Self {
        Self { most, period, clock, counts: Mutex::default() }
    }

    pub(super) fn note(&self, peer: IpAddr) {
        let mut counts = self.lock();
        let known = counts.by_peer.contains_key(&peer) || counts.by_peer.len() < MOST_PEERS;
        let count = counts.by_peer.entry(if known { peer } else { OTHERS }).or_default();
        *count = count.saturating_add(1);
    }

    pub(super) fn is_exhausted(&self, peer: IpAddr) -> bool {
        let counts = self.lock();
        let full = counts.by_peer.len() >= MOST_PEERS;
        let count = counts.by_peer.get(&peer).or_else(|| counts.by_peer.get(&OTHERS).filter(|_| full));
        count.is_some_and(|count| *count >= self.most)
    }

    /// Whether one more is allowed, which then counts.
    pub(super) fn take(&self, peer: IpAddr) -> bool {
        let allowed = !self.is_exhausted(peer);
        if allowed {
            self.note(peer);
        }
        allowed
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        let now = self.clock.elapsed();
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if now.saturating_sub(counts.since) >= self.period {
            *counts = Counts { since: now, by_peer: HashMap::new() };
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::clock::from_millis;

    fn peer(n: u32) -> IpAddr {
        Ipv4Addr::from(n.saturating_add(1)).into()
    }

    #[test]
    fn each_address_has_its_own_count_until_the_period_ends() {
        let clock = Clock::manual(from_millis(0));
        let limit = PerPeer::new(2, Duration::from_mins(1), clock.clone());
        assert!(limit.take(peer(1)) && limit.take(peer(1)) && !limit.take(peer(1)));
        assert!(limit.take(peer(2)));
        clock.advance(TimeDelta::seconds(60));
        assert!(limit.take(peer(1)));
    }

    #[test]
    fn the_table_never_outgrows_its_bound_and_the_rest_share_one_count() {
        let limit = PerPeer::new(3, Duration::from_mins(1), Clock::manual(from_millis(0)));
        for n in 0..50_000 {
            limit.note(peer(n));
        }
        assert_eq!(limit.lock().by_peer.len(), MOST_PEERS + 1);
        assert!(limit.take(peer(0)), "it was told apart");
        assert!(!limit.take(peer(60_000)));
    }
}
