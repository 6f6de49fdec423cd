//! Plays seeds on threads. A seed is played by one thread, and shares nothing with the others.

use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;

use super::story::{Outcome, Plan, play};
use super::world::lock;

/// Sums over seeds.
#[derive(Debug, Default)]
pub struct Totals {
    pub seeds: u64,
    /// Seeds that broke a rule, and which.
    pub broken: Vec<(u64, String)>,
    pub requests: u64,
    pub crashes: usize,
    pub webhooks: usize,
}

/// Plays one seed on this thread.
///
/// # Errors
/// When no runtime can be made.
pub fn play_one(plan: Plan) -> anyhow::Result<Outcome> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(play(plan)))
}

/// Plays all seeds of the range, or as many as begin within the limit.
///
/// # Errors
/// When a thread cannot be started, or panics.
pub fn play_many(seeds: Range<u64>, threads: u64, limit: Duration) -> anyhow::Result<Totals> {
    let (next, totals, start) = (AtomicU64::new(seeds.start), Mutex::new(Totals::default()), Instant::now());
    let work = || -> anyhow::Result<()> {
        while start.elapsed() < limit {
            let seed = next.fetch_add(1, Ordering::SeqCst);
            if seed >= seeds.end {
                break;
            }
            let outcome = play_one(Plan::of(seed)).with_context(|| format!("seed {seed}"))?;
            let mut totals = lock(&totals);
            totals.seeds += 1;
            totals.broken.extend(outcome.broken.map(|why| (seed, why)));
            totals.requests += outcome.requests;
            totals.crashes += outcome.crashes;
            totals.webhooks += outcome.webhooks;
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let started: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(work)).collect();
        let ended = started.into_iter().map(std::thread::ScopedJoinHandle::join);
        ended
            .map(|ended| ended.unwrap_or_else(|_| Err(anyhow::anyhow!("a thread panicked"))))
            .collect::<Result<Vec<_>, _>>()
    })?;
    let mut totals = totals.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    totals.broken.sort();
    Ok(totals)
}
