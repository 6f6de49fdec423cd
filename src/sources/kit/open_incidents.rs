//! Notices that an incident is no longer listed as open, for tools that list only what is open or cannot filter by
//! change. Until then, keeps what only polls show of it.
//!
//! Pure: what is known is in the source's [`Memory`]. Must not know any tool.

use crate::domain::{IncidentStatus, Timestamp};
use crate::sources::{Findings, Memory};

/// Prefix of the keys of [`Memory`] that name open incidents; the value is the run that saw them last.
const OPEN: &str = "open/";

/// Remembers which of these incidents the run that began at `started` saw open.
pub(in crate::sources) fn note_open(memory: &mut Memory, findings: &Findings, started: Timestamp) {
    let run = started.timestamp_millis().to_string();
    for incident in findings.incidents() {
        if incident.status == IncidentStatus::Resolved {
            forget_open(memory, &incident.provider_id);
        } else {
            memory.set(format!("{OPEN}{}", incident.provider_id), run.clone());
        }
    }
}

/// The incidents that an earlier run saw open and that this run, which has read all open ones, did not see:
/// they were resolved or deleted meanwhile and have to be fetched. They are then forgotten.
pub(in crate::sources) fn take_unseen(memory: &mut Memory, started: Timestamp) -> Vec<String> {
    let unseen = list_unseen(memory, started, "", usize::MAX);
    for incident in &unseen {
        forget_open(memory, incident);
    }
    unseen
}

/// The same without forgetting, at most `limit` of them, in order, after the id `after`: for pollers that fetch
/// them at once and must stay below the tool's rate limit.
pub(in crate::sources) fn list_unseen(
    memory: &Memory,
    started: Timestamp,
    after: &str,
    limit: usize,
) -> Vec<String> {
    let run = started.timestamp_millis().to_string();
    let unseen = memory.with_prefix(OPEN).filter(|(_, seen)| *seen != run);
    let unseen = unseen.filter_map(|(key, _)| key.strip_prefix(OPEN)).filter(|id| *id > after);
    unseen.take(limit).map(str::to_owned).collect()
}

/// Forgets an incident that is over, or that the tool no longer has.
pub(in crate::sources) fn forget_open(memory: &mut Memory, incident: &str) {
    memory.forget(&format!("{OPEN}{incident}"));
    memory.forget(&priority_key(incident));
}

/// The key of [`Memory`] with the priority of an incident that is not over, for tools whose webhooks leave it
/// out.
pub(in crate::sources) fn priority_key(incident: &str) -> String {
    format!("priority/{incident}")
}

/// Keeps the priority that a poll read, as long as the incident may still have webhooks.
pub(in crate::sources) fn remember_priority(
    memory: &mut Memory,
    incident: &str,
    told: Option<&str>,
    status: IncidentStatus,
) {
    let key = priority_key(incident);
    match told {
        Some(told) if status != IncidentStatus::Resolved => {
            if memory.get(&key) != Some(told) {
                memory.set(key, told);
            }
        }
        _ => memory.forget(&key),
    }
}

/// At most `limit` ids of incidents that were last seen open, in order, after the id `after`.
pub(in crate::sources) fn list_open(memory: &Memory, after: &str, limit: usize) -> Vec<String> {
    let ids = memory.with_prefix(OPEN).filter_map(|(key, _)| key.strip_prefix(OPEN));
    ids.filter(|id| *id > after).take(limit).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::from_millis;

    #[test]
    fn what_an_earlier_run_saw_open_and_this_one_did_not_is_taken_once() {
        let (first, second) = (from_millis(1), from_millis(2));
        let mut memory = Memory::default();
        for (incident, run) in [("a", first), ("b", first), ("c", second)] {
            memory.set(format!("{OPEN}{incident}"), run.timestamp_millis().to_string());
        }
        assert_eq!(list_open(&memory, "a", 1), ["b"]);
        assert_eq!(list_unseen(&memory, second, "", 9), ["a", "b"]);
        assert_eq!(list_unseen(&memory, second, "a", 9), ["b"]);
        assert_eq!(list_unseen(&memory, second, "", 1), ["a"]);
        forget_open(&mut memory, "b");
        assert_eq!(take_unseen(&mut memory, second), ["a"]);
        assert_eq!(list_open(&memory, "", 9), ["c"]);
        assert!(take_unseen(&mut memory, second).is_empty());
    }
}
