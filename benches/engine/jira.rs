//! The simulated sites, and the requests they received.

use std::time::Duration;

use incident_bridge::clock::{Clock, Timestamp};
use incident_bridge::connect::jwt::InstallKeyPair;
use incident_bridge::simulator::{RunningSimulator, Simulator, SimulatorOptions};

const LATENCY: Duration = Duration::from_millis(50);

/// Sites that share an install key, as all Atlassian sites do, and answer after 50 ms.
pub fn start_sites(number: usize) -> Vec<RunningSimulator> {
    let key = InstallKeyPair::generate("bench").expect("a key");
    let start = |_| {
        let options = SimulatorOptions {
            install_key: Some(key.clone()),
            answer_delay: LATENCY,
            ..SimulatorOptions::default()
        };
        Simulator::start(Clock::system(), "127.0.0.1:0".parse().expect("an address"), options)
            .expect("a site")
    };
    (0..number).map(start).collect()
}

/// Requests to a site by purpose.
#[derive(Debug, Default, Clone, Copy)]
pub struct Asked {
    /// Answered submissions of entities, and those refused with 429.
    pub writes: usize,
    pub refused_writes: usize,
    pub reads: usize,
    pub refused_reads: usize,
    pub all: usize,
    /// When the last of them came.
    pub last: Option<Timestamp>,
}

impl Asked {
    pub fn of(site: &Simulator) -> Self {
        let mut asked = Self::default();
        for request in site.requests().iter().filter(|request| request.path.starts_with("/rest/")) {
            let is_refused = request.status == 429;
            match (request.method.as_str(), is_refused) {
                ("POST", false) if !request.path.contains("linkedWorkspaces") => asked.writes += 1,
                ("POST", true) if !request.path.contains("linkedWorkspaces") => asked.refused_writes += 1,
                ("GET", false) => asked.reads += 1,
                ("GET", true) => asked.refused_reads += 1,
                _ => {}
            }
            asked.all += 1;
            asked.last = Some(request.at);
        }
        asked
    }

    /// What Jira charges: 1 for a request, 1 more for a read.
    pub fn points(&self) -> usize {
        self.all + self.reads + self.refused_reads
    }
}
