//! What the search knows of issues, which lags behind them.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use serde_json::Value;

use super::super::faults::SplitMix64;
use crate::clock::Timestamp;

/// How far the index is behind, issue by issue.
#[derive(Debug)]
pub struct Index {
    /// How long after a change an issue is not found yet.
    pub lag: TimeDelta,
    /// Share of found issues, 0 to 1, that are missing from an answer all the same.
    pub flicker: f64,
    /// Issues with another lag.
    pub lag_of: BTreeMap<u64, TimeDelta>,
    /// When an issue entered the index.
    created: BTreeMap<u64, Timestamp>,
    random: SplitMix64,
}

impl Index {
    pub fn new(seed: u64) -> Self {
        Self {
            lag: TimeDelta::seconds(2),
            flicker: 0.0,
            lag_of: BTreeMap::new(),
            created: BTreeMap::new(),
            random: SplitMix64::new(seed),
        }
    }

    /// Notes the first change of an issue.
    pub fn note(&mut self, now: Timestamp, id: u64) {
        self.created.entry(id).or_insert(now);
    }

    pub(super) fn knows(&mut self, now: Timestamp, id: u64) -> bool {
        let lag = self.lag_of.get(&id).copied().unwrap_or(self.lag);
        let is_indexed = self.created.get(&id).is_some_and(|at| *at + lag <= now);
        let is_lost = self.flicker > 0.0 && self.random.next_unit() < self.flicker;
        is_indexed && !is_lost
    }
}

/// The texts of a list.
pub(super) fn list(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(|it| it.as_str().map(str::to_owned)).collect()
}
