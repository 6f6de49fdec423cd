//! What the installations' page says of each source: how far it has been read, and what its webhooks did.

use super::layout::moment_and_age;
use super::output;
use crate::clock::Timestamp;
use crate::sync::{SourceProgress, SourceStatus, SourcesAt};

/// Prints one line a source; with an earlier moment, the rate since then and the time left of first syncs.
pub fn print(now: &SourcesAt, before: Option<&SourcesAt>) {
    if now.sources.is_empty() {
        return output::line("no source is configured yet; `incident-bridge sources` lists the types");
    }
    let row = |source: &SourceStatus| {
        [
            source.source.to_string(),
            standing(source, now, before),
            moment_and_age(source.polling.as_ref().and_then(|polling| polling.polled_at), now.at),
            moment_and_age(source.last_webhook_at, now.at),
            source.unread.to_string(),
            source.refused.to_string(),
            source.quarantined.to_string(),
        ]
    };
    let headings =
        ["SOURCE", "POLLING", "LAST POLL", "LAST WEBHOOK", "UNREAD", "REFUSED BY JIRA", "QUARANTINED"];
    output::table(headings, &now.sources.iter().map(row).collect::<Vec<_>>());
    for source in &now.sources {
        if let Some(failure) = source.polling.as_ref().and_then(|polling| polling.failure.as_ref()) {
            output::line(format!("{}: {failure}", source.source));
        }
    }
}

fn standing(source: &SourceStatus, now: &SourcesAt, before: Option<&SourcesAt>) -> String {
    match &source.polling {
        None if source.polls => "not yet".to_owned(),
        None => "webhooks only".to_owned(),
        Some(SourceProgress { paused: true, .. }) => "paused".to_owned(),
        Some(SourceProgress { failure: Some(_), .. }) => "failing".to_owned(),
        Some(SourceProgress { caught_up: true, .. }) => "current".to_owned(),
        Some(polling) => {
            let total = polling.total.map_or_else(String::new, |total| format!(" of {total}"));
            let rate = before.and_then(|before| rate(source, polling, (before, now.at)));
            let left = rate.and_then(|rate| eta(polling, rate));
            let rate = rate.map_or_else(String::new, |rate| format!(", {rate:.0}/s"));
            let left = left.map_or_else(String::new, |left| format!(", {left} left"));
            format!("first sync, {}{total} read{rate}{left}", polling.read_count)
        }
    }
}

/// Statements a second since the earlier moment.
fn rate(
    source: &SourceStatus,
    polling: &SourceProgress,
    (before, now): (&SourcesAt, Timestamp),
) -> Option<f64> {
    let earlier = before.sources.iter().find(|earlier| earlier.source == source.source)?;
    let read = u32::try_from(polling.read_count - earlier.polling.as_ref()?.read_count).ok()?;
    let seconds = (now - before.at).as_seconds_f64();
    (seconds > 0.0).then(|| f64::from(read) / seconds)
}

fn eta(polling: &SourceProgress, rate: f64) -> Option<String> {
    let left = u32::try_from(polling.total? - polling.read_count).ok()?;
    if rate <= 0.0 {
        return None;
    }
    let left = std::time::Duration::try_from_secs_f64((f64::from(left) / rate).round()).ok()?;
    Some(humantime::format_duration(left).to_string())
}
