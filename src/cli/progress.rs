//! How far the reading of each polled source is.

use super::output;
use crate::clock::Timestamp;
use crate::config::Config;
use crate::store::{PollState, Store};

/// The poll states at one moment.
pub struct Progress {
    at: Timestamp,
    sources: Vec<(String, PollState)>,
}

/// Reads the state of every source that was polled.
pub async fn list(config: &Config, store: &Store, at: Timestamp) -> anyhow::Result<Progress> {
    let mut sources = Vec::new();
    for source in &config.sources {
        if let Some(state) = store.polls().find(&source.id).await? {
            sources.push((source.id.to_string(), state));
        }
    }
    Ok(Progress { at, sources })
}

/// Prints one line a source; with an earlier moment, the rate since then and the time left.
pub fn print(now: &Progress, before: Option<&Progress>) {
    if now.sources.is_empty() {
        return;
    }
    let rows: Vec<_> = now
        .sources
        .iter()
        .map(|(id, state)| {
            let total = state.total.map_or_else(|| "?".to_owned(), |total| total.to_string());
            let rate = before.and_then(|before| rate(id, state, now, before));
            let left = rate.and_then(|rate| eta(state, rate)).unwrap_or_default();
            let rate = rate.map_or_else(String::new, |rate| format!("{rate:.0}/s"));
            [
                id.clone(),
                standing(state),
                format!("{}/{total}", state.read_count),
                rate,
                left,
                output::instant(Some(state.polled_at)),
            ]
        })
        .collect();
    output::line("");
    output::table(["SOURCE", "POLLING", "FIRST SYNC", "RATE", "LEFT", "LAST POLL"], &rows);
    for (id, state) in &now.sources {
        if let Some(failure) = &state.failure {
            output::line(format!("{id}: {failure}"));
        }
    }
}

fn standing(state: &PollState) -> String {
    let word = match state {
        PollState { paused: true, .. } => "paused",
        PollState { failure: Some(_), .. } => "failing",
        PollState { caught_up: false, .. } => "first sync",
        _ => "current",
    };
    word.to_owned()
}

/// Statements a second since the earlier moment.
fn rate(id: &str, state: &PollState, now: &Progress, before: &Progress) -> Option<f64> {
    let (_, earlier) = before.sources.iter().find(|(known, _)| known == id)?;
    let read = u32::try_from(state.read_count - earlier.read_count).ok()?;
    let seconds = (now.at - before.at).as_seconds_f64();
    (seconds > 0.0 && !state.caught_up).then(|| f64::from(read) / seconds)
}

fn eta(state: &PollState, rate: f64) -> Option<String> {
    let left = u32::try_from(state.total? - state.read_count).ok()?;
    if rate <= 0.0 {
        return None;
    }
    let left = std::time::Duration::try_from_secs_f64((f64::from(left) / rate).round()).ok()?;
    Some(humantime::format_duration(left).to_string())
}
