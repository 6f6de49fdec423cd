//! The settings of a simulated site. Must not hold state: what changes while it runs lives in `site`.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::TimeDelta;

use crate::connect::jwt::InstallKeyPair;

/// How a simulated site behaves from its start.
#[derive(Clone, Debug)]
pub struct SimulatorOptions {
    /// Address the site gives as its `baseUrl`; `None` is the address it listens on.
    pub public_url: Option<String>,
    /// How long every REST call waits for its answer.
    pub answer_delay: Duration,
    /// How long an accepted write stays invisible.
    pub visibility_delay: TimeDelta,
    /// Project keys of the site; `None` means that every key is known.
    pub project_keys: Option<BTreeSet<String>>,
    /// Entities per request above which the answer is 413. The published limit is 1000.
    pub max_entities: usize,
    /// Body size in bytes above which the answer is 413; the real limit is not documented.
    pub max_body: usize,
    /// Share of REST calls, 0 to 1, that are answered with 429 at random.
    pub rate_limit_share: f64,
    /// Seed of that randomness: the same seed refuses the same calls.
    pub seed: u64,
    /// Whether reviews are named in `acceptedIncidents` and `failedIncidents`; not documented either way.
    pub reviews_in_answer: bool,
    /// How many requests the history remembers; older ones are dropped.
    pub history_limit: usize,
    /// Key that signs lifecycle calls; `None` makes a new one, which takes some tens of milliseconds.
    pub install_key: Option<InstallKeyPair>,
}

impl Default for SimulatorOptions {
    fn default() -> Self {
        Self {
            public_url: None,
            answer_delay: Duration::ZERO,
            visibility_delay: TimeDelta::zero(),
            project_keys: None,
            max_entities: 1000,
            max_body: 16 * 1024 * 1024,
            rate_limit_share: 0.0,
            seed: 1,
            reviews_in_answer: true,
            history_limit: 100_000,
            install_key: None,
        }
    }
}
