//! Everything behind the simulator's lock. Must not be held across an await.

use super::faults::Faults;
use super::history::History;
use super::options::SimulatorOptions;
use super::platform::Platform;
use super::site::Site;
use crate::clock::Clock;

/// The site, its configured faults, and the requests it received.
#[derive(Debug)]
pub struct State {
    pub site: Site,
    pub faults: Faults,
    pub history: History,
    pub platform: Platform,
}

impl State {
    pub fn new(options: SimulatorOptions, clock: &Clock) -> Self {
        Self {
            faults: Faults::new(options.rate_limit_share, options.seed),
            history: History::new(options.history_limit),
            platform: Platform::new(options.seed),
            site: Site::new(options, clock.new_id(), clock.new_id()),
        }
    }
}
