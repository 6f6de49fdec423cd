//! How far the reading of each polled source is.

use super::output;
use crate::sync::{Progress, SourceProgress};

/// Prints one line a source; with an earlier moment, the rate since then and the time left.
pub fn print(now: &Progress, before: Option<&Progress>) {
    if now.sources.is_empty() {
        return;
    }
    let rows: Vec<_> = now
        .sources
        .iter()
        .map(|state| {
            let total = state.total.map_or_else(|| "?".to_owned(), |total| total.to_string());
            let rate = before.and_then(|before| rate(state, now, before));
            let left = rate.and_then(|rate| eta(state, rate)).unwrap_or_default();
            let rate = rate.map_or_else(String::new, |rate| format!("{rate:.0}/s"));
            [
                state.source.to_string(),
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
    for state in &now.sources {
        if let Some(failure) = &state.failure {
            output::line(format!("{}: {failure}", state.source));
        }
    }
}

fn standing(state: &SourceProgress) -> String {
    let word = match state {
        SourceProgress { paused: true, .. } => "paused",
        SourceProgress { failure: Some(_), .. } => "failing",
        SourceProgress { caught_up: false, .. } => "first sync",
        _ => "current",
    };
    word.to_owned()
}

/// Statements a second since the earlier moment.
fn rate(state: &SourceProgress, now: &Progress, before: &Progress) -> Option<f64> {
    let earlier = before.sources.iter().find(|earlier| earlier.source == state.source)?;
    let read = u32::try_from(state.read_count - earlier.read_count).ok()?;
    let seconds = (now.at - before.at).as_seconds_f64();
    (seconds > 0.0 && !state.caught_up).then(|| f64::from(read) / seconds)
}

fn eta(state: &SourceProgress, rate: f64) -> Option<String> {
    let left = u32::try_from(state.total? - state.read_count).ok()?;
    if rate <= 0.0 {
        return None;
    }
    let left = std::time::Duration::try_from_secs_f64((f64::from(left) / rate).round()).ok()?;
    Some(humantime::format_duration(left).to_string())
}
