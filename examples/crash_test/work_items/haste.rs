//! A clock that runs faster than the machine's, for the simulated Jira and the program alike, so that an hour's lag fits
//! into a run of minutes.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use incident_bridge::clock::Clock;
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// How often the clock moves.
const TICK: Duration = Duration::from_millis(2);

/// How much faster time passes.
#[derive(Clone)]
pub struct Haste {
    /// Of libfaketime, `libfaketimeMT.so.1`.
    pub library: PathBuf,
    pub speed: u32,
}

/// The clock of a run.
pub struct Time {
    pub clock: Clock,
    haste: Option<Haste>,
    ticker: Option<JoinHandle<()>>,
}

impl Time {
    /// The system's clock unless there is haste.
    pub fn start(haste: Option<Haste>) -> Self {
        let Some(haste) = haste else { return Self { clock: Clock::system(), haste: None, ticker: None } };
        let clock = Clock::manual(Clock::system().now());
        let ticker = tokio::spawn(tick(clock.clone(), haste.speed));
        Self { clock, haste: Some(haste), ticker: Some(ticker) }
    }

    pub fn is_hasty(&self) -> bool {
        self.haste.is_some()
    }

    /// What makes a process that starts now live by this clock.
    pub fn environment(&self) -> Vec<(String, String)> {
        let Some(Haste { library, speed }) = &self.haste else { return Vec::new() };
        let ahead = (self.clock.now() - Clock::system().now()).as_seconds_f64();
        let variables =
            [("LD_PRELOAD", library.display().to_string()), ("FAKETIME", format!("{ahead:+.3} x{speed}"))];
        variables.map(|(name, value)| (name.to_owned(), value)).into()
    }

    /// Waits until so much has passed on this clock.
    pub async fn pass(&self, time: TimeDelta) {
        let end = self.clock.now() + time;
        while self.clock.now() < end {
            sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Time {
    fn drop(&mut self) {
        if let Some(ticker) = &self.ticker {
            ticker.abort();
        }
    }
}

async fn tick(clock: Clock, speed: u32) {
    let mut last = Instant::now();
    loop {
        sleep(TICK).await;
        let now = Instant::now();
        let passed = now.duration_since(last) * speed;
        let millis = i64::try_from(passed.as_millis()).unwrap_or_default();
        clock.advance(TimeDelta::milliseconds(millis));
        // What is less than a millisecond passes with the next tick.
        last += Duration::from_millis(millis.unsigned_abs()) / speed;
    }
}
