//! What everything simulated shares: the seed's choices, the clock, the trace, the violations found, and the
//! requests that wait for their answer.
//!
//! Exactly one piece of the program runs at a time, so the choices come in the same order whenever the same
//! seed is run. Must know neither Jira nor any tool.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hasher as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::TimeDelta;
use incident_bridge::clock::Clock;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};
use tokio::sync::{Notify, oneshot};

use super::jira::Jira;
use super::tool::Tools;

/// A rule that the simulated world breaks on purpose, to show that the simulation notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Sabotage {
    None,
    /// Jira says that it has what it was sent, and forgets some of it.
    JiraForgets,
    /// Requests carry an older version than before.
    VersionsGoBack,
    /// A site gets a second request while it works on the first.
    TwoAtOnce,
    /// What is meant for one site is sent to another.
    ForeignSource,
    /// An acknowledged webhook disappears before it had any effect.
    WebhookVanishes,
}

tokio::task_local! {
    /// Number of the piece of work that the program is doing.
    pub static WORK: u64;
}

/// A request on its way, which the story lets go on when it wants.
struct Waiting {
    what: String,
    go_on: oneshot::Sender<()>,
}

struct Shared {
    choices: ChaCha8Rng,
    trace: DefaultHasher,
    lines: Option<Vec<String>>,
    violations: Vec<String>,
    /// By the piece of work that waits.
    waiting: BTreeMap<u64, Waiting>,
    /// The piece of work that goes on at the moment; 0 for none.
    active: u64,
    calm: bool,
    crash_wanted: bool,
}

/// The world around the bridge. One per thread while a seed is run.
pub struct World {
    pub clock: Clock,
    pub sabotage: Sabotage,
    /// How many requests in a hundred go wrong.
    pub trouble: u64,
    pub jira: Mutex<Jira>,
    pub tools: Mutex<Tools>,
    /// Notified when a request begins to wait.
    pub paused: Notify,
    shared: Mutex<Shared>,
}

thread_local! {
    static HERE: RefCell<Option<Arc<World>>> = const { RefCell::new(None) };
}

pub fn lock<T>(it: &Mutex<T>) -> MutexGuard<'_, T> {
    it.lock().unwrap_or_else(PoisonError::into_inner)
}

impl World {
    /// The world of this seed, which is this thread's from now on. `keep_trace` keeps every line of the
    /// trace besides its hash.
    pub fn begin(seed: u64, clock: Clock, sabotage: Sabotage, keep_trace: bool) -> Arc<Self> {
        let mut choices = ChaCha8Rng::seed_from_u64(seed);
        // A quarter of the worlds have no trouble but crashes.
        let trouble = if choices.next_u32() % 4 == 0 { 0 } else { 8 + u64::from(choices.next_u32() % 40) };
        let shared = Shared {
            choices,
            trace: DefaultHasher::new(),
            lines: keep_trace.then(Vec::new),
            violations: Vec::new(),
            waiting: BTreeMap::new(),
            active: 0,
            calm: false,
            crash_wanted: false,
        };
        let world = Arc::new(Self {
            tools: Mutex::new(Tools::new(clock.now_ms())),
            jira: Mutex::default(),
            paused: Notify::new(),
            clock,
            sabotage,
            trouble,
            shared: Mutex::new(shared),
        });
        HERE.with_borrow_mut(|here| *here = Some(world.clone()));
        world
    }

    /// The world of this thread.
    ///
    /// # Panics
    /// When none has begun.
    pub fn here() -> Arc<Self> {
        HERE.with_borrow(Clone::clone).expect("a world has begun on this thread")
    }

    /// From 0 up to, but not including, `end`.
    pub fn below(&self, end: usize) -> usize {
        let number = lock(&self.shared).choices.next_u64();
        usize::try_from(number % (end.max(1) as u64)).unwrap_or_default()
    }

    /// Some seconds, fewer than `end`.
    pub fn seconds_below(&self, end: usize) -> TimeDelta {
        TimeDelta::seconds(i64::try_from(self.below(end)).unwrap_or_default())
    }

    pub fn chance(&self, percent: u64) -> bool {
        lock(&self.shared).choices.next_u64() % 100 < percent
    }

    /// Whether the next request goes wrong.
    pub fn is_trouble(&self) -> bool {
        !self.is_calm() && self.chance(self.trouble)
    }

    /// Whether nothing goes wrong any more.
    pub fn is_calm(&self) -> bool {
        lock(&self.shared).calm
    }

    pub fn calm_down(&self) {
        lock(&self.shared).calm = true;
    }

    /// Adds a line to the trace.
    pub fn note(&self, line: std::fmt::Arguments<'_>) {
        let mut text = String::new();
        let _infallible = write!(text, "{} {line}", self.clock.now_ms());
        let mut shared = lock(&self.shared);
        shared.trace.write(text.as_bytes());
        if let Some(lines) = &mut shared.lines {
            lines.push(text);
        }
    }

    /// A rule was broken.
    pub fn report(&self, violation: String) {
        self.note(format_args!("VIOLATION {violation}"));
        lock(&self.shared).violations.push(violation);
    }

    pub fn first_violation(&self) -> Option<String> {
        lock(&self.shared).violations.first().cloned()
    }

    /// The hash of all lines so far.
    pub fn trace_hash(&self) -> u64 {
        lock(&self.shared).trace.finish()
    }

    pub fn trace(&self) -> Vec<String> {
        lock(&self.shared).lines.clone().unwrap_or_default()
    }

    /// This piece of work goes on, and no other.
    pub fn activate(&self, work: u64) {
        lock(&self.shared).active = work;
    }

    /// Waits, unless this is the piece of work that goes on at the moment: it has got its turn at a
    /// destination because another one is done there.
    pub async fn wait_for_own_turn(&self) {
        let work = WORK.try_get().unwrap_or_default();
        if work != lock(&self.shared).active {
            self.pause("its turn has come".to_owned()).await;
        }
    }

    /// Waits until the story lets this go on; for ever, if the process dies first.
    pub async fn pause(&self, what: String) {
        let work = WORK.try_get().unwrap_or_default();
        let (go_on, waiting) = oneshot::channel();
        let is_active = {
            let mut shared = lock(&self.shared);
            shared.waiting.insert(work, Waiting { what, go_on });
            shared.active == work
        };
        if is_active {
            self.paused.notify_one();
        }
        if waiting.await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// The process dies here.
    pub async fn crash(&self) {
        lock(&self.shared).crash_wanted = true;
        self.pause("the process dies".to_owned()).await;
    }

    pub fn take_crash(&self) -> bool {
        std::mem::take(&mut lock(&self.shared).crash_wanted)
    }

    pub fn count_waiting(&self) -> usize {
        lock(&self.shared).waiting.len()
    }

    /// Lets one of the waiting requests go on, and says whose it is.
    pub fn release(&self, nth: usize) -> Option<u64> {
        let mut shared = lock(&self.shared);
        let work = shared.waiting.keys().nth(nth).copied()?;
        let Waiting { what, go_on } = shared.waiting.remove(&work)?;
        shared.active = work;
        drop(shared);
        self.note(format_args!("goes on: {work} {what}"));
        // Its process may have died.
        let _gone = go_on.send(());
        Some(work)
    }

    /// What waited belonged to a process that is dead.
    pub fn forget_waiting(&self) {
        let waiting = std::mem::take(&mut lock(&self.shared).waiting);
        drop(waiting);
    }
}
