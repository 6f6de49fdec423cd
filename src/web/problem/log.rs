//! The log lines of problems: enough of each to see what is wrong, never as many as strangers like.
//!
//! Every problem counts in the metrics, whether or not its line is written.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use actix_web::http::StatusCode;

use super::Problem;
use crate::clock::Clock;
use crate::telemetry::Metrics;
use crate::web::request_id::Asked;

/// Lines of one kind of problem within [`PERIOD`].
const LINES: u32 = 10;
const PERIOD: Duration = Duration::from_secs(10);
/// What webhooks that name no source are counted under here: other unknown addresses must not drown them.
const UNKNOWN_SOURCE: &str = "unknown-source";

/// Writes the lines of one process.
#[derive(Debug)]
pub struct ProblemLog {
    clock: Clock,
    written: Mutex<HashMap<&'static str, Written>>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Written {
    since: Duration,
    lines: u32,
    left_out: u64,
}

impl ProblemLog {
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self { clock, written: Mutex::default() }
    }

    pub(super) fn write(&self, problem: &Problem, asked: &Asked, metrics: &Metrics) {
        let (status, name) = (problem.status.as_u16(), problem.kind.name());
        metrics.count_problem(name);
        let notice = if problem.notes.known_sources.is_some() { UNKNOWN_SOURCE } else { name };
        let Some(left_out) = self.take_line(notice) else { return };
        if left_out > 0 {
            tracing::warn!(problem = notice, left_out, "more requests ended like this than were logged");
        }
        let (method, path, source) =
            (asked.method.as_str(), asked.path.as_str(), problem.notes.source_id.as_deref());
        let (request_id, trace_id) = (asked.trail.request_id.as_str(), asked.trail.trace_id.as_deref());
        let reason = problem.notes.reason.as_deref().unwrap_or(&problem.detail);
        if let Some(known) = &problem.notes.known_sources {
            tracing::warn!(
                status,
                source,
                known,
                method,
                path,
                request_id,
                trace_id,
                "webhook for an unknown source"
            );
        } else if problem.status.is_server_error() {
            tracing::error!(
                status,
                problem = name,
                source,
                method,
                path,
                request_id,
                trace_id,
                reason,
                "request failed"
            );
        } else if matches!(problem.status, StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED) {
            tracing::debug!(
                status,
                problem = name,
                method,
                path,
                request_id,
                trace_id,
                reason,
                "request refused"
            );
        } else {
            tracing::warn!(
                status,
                problem = name,
                source,
                method,
                path,
                request_id,
                trace_id,
                reason,
                "request refused"
            );
        }
    }

    /// Whether a line may be written, and how many were left out in the period before.
    fn take_line(&self, name: &'static str) -> Option<u64> {
        let now = self.clock.elapsed();
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let of_name = written.entry(name).or_insert(Written { since: now, ..Written::default() });
        let mut left_out = 0;
        if now.saturating_sub(of_name.since) >= PERIOD {
            left_out = of_name.left_out;
            *of_name = Written { since: now, ..Written::default() };
        }
        if of_name.lines >= LINES {
            of_name.left_out = of_name.left_out.saturating_add(1);
            return None;
        }
        of_name.lines = of_name.lines.saturating_add(1);
        Some(left_out)
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::clock::from_millis;

    #[test]
    fn each_kind_of_problem_has_its_lines_and_the_rest_are_counted() {
        let clock = Clock::manual(from_millis(0));
        let log = ProblemLog::new(clock.clone());
        let flood: Vec<_> = (0..1000).filter_map(|_| log.take_line("token-refused")).collect();
        assert_eq!(flood, [0; 10]);
        assert_eq!(log.take_line("not-stored"), Some(0), "another kind is not drowned");
        clock.advance(TimeDelta::seconds(10));
        assert_eq!([log.take_line("token-refused"), log.take_line("token-refused")], [Some(990), Some(0)]);
    }
}
