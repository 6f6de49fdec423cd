//! Every wait and limit of the way in, with the reason for each.
//!
//! Backoff after failures is in `sync/backoff.rs`, because the way out shares it.

use std::time::Duration;

use chrono::TimeDelta;

/// Longest that a sender is kept waiting: shorter than senders' own timeouts. A webhook that is stored later
/// after all is recognised when the sender repeats it.
pub(super) const LONGEST_ANSWER: Duration = Duration::from_secs(4);

/// How soon to look again at a source that another process reads.
pub(super) const READ_ELSEWHERE: Duration = Duration::from_secs(1);

/// How often a page is read while webhooks keep changing what its source remembers. Then they are busier than a poll
/// can be, and it waits for a quieter moment.
pub(super) const PAGE_ATTEMPTS: usize = 3;

/// How old the list of services and teams may get.
pub(super) const CATALOGUE_AGE: TimeDelta = TimeDelta::hours(1);

/// Longest wait that a tool may ask for: a wrong header must not stop its polls for good.
pub(super) const LONGEST_ASKED_WAIT: Duration = Duration::from_hours(2);

/// After a refusal that only a person can fix.
pub(super) const REFUSED_WAIT: TimeDelta = TimeDelta::minutes(15);

/// Shortest wait after a failure, however long the failed request took.
pub(super) const SHORTEST_WAIT: TimeDelta = TimeDelta::seconds(1);

/// How long one incident that the tool refuses is left alone, unless it is named again.
pub(super) const REFUSED_INCIDENT_WAIT: TimeDelta = TimeDelta::minutes(15);

/// Longest delay of a scheduled poll behind its schedule.
pub(super) const LONGEST_SPREAD: TimeDelta = TimeDelta::minutes(5);
