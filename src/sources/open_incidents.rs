//! Notices that an incident which was open is not listed as open any more, for tools that list only what is open
//! or cannot filter by change.
//!
//! Pure: what is known stands in the source's [`Memory`]. Must not know any tool.

use super::{Findings, Memory};
use crate::domain::{IncidentStatus, Timestamp};

/// Prefix of the keys of [`Memory`] that name open incidents; the value is the run that saw them last.
const OPEN: &str = "open/";

/// Keeps in mind which of these incidents the run that began at `started` saw open.
pub(super) fn note_open(memory: &mut Memory, findings: &Findings, started: Timestamp) {
    let run = started.timestamp_millis().to_string();
    for incident in findings.incidents() {
        let key = format!("{OPEN}{}", incident.provider_id);
        if incident.status == IncidentStatus::Resolved {
            memory.forget(&key);
        } else {
            memory.set(key, run.clone());
        }
    }
}

/// The incidents that were open in an earlier run and that this one, having read all open ones, has not
/// seen: to be fetched, because they were resolved, or deleted, meanwhile. They are then forgotten.
pub(super) fn take_unseen(memory: &mut Memory, started: Timestamp) -> Vec<String> {
    let run = started.timestamp_millis().to_string();
    let unseen = memory.with_prefix(OPEN).filter(|(_, seen)| *seen != run);
    let unseen = unseen.map(|(key, _)| key[OPEN.len()..].to_owned()).collect::<Vec<_>>();
    for incident in &unseen {
        forget_open(memory, incident);
    }
    unseen
}

/// The tool has this incident no more: nothing to look after.
pub(super) fn forget_open(memory: &mut Memory, incident: &str) {
    memory.forget(&format!("{OPEN}{incident}"));
}

/// The ids of at most `limit` incidents that are open as far as is known, in order, from after `after`.
pub(super) fn list_open(memory: &Memory, after: &str, limit: usize) -> Vec<String> {
    let ids = memory.with_prefix(OPEN).map(|(key, _)| &key[OPEN.len()..]);
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
        forget_open(&mut memory, "b");
        assert_eq!(take_unseen(&mut memory, second), ["a"]);
        assert_eq!(list_open(&memory, "", 9), ["c"]);
        assert!(take_unseen(&mut memory, second).is_empty());
    }
}
