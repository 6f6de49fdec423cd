//! Severities by their rank in the account, for tools whose users choose the names of severities.
//!
//! Ranks are kept in [`Memory`], because webhooks leave them out. Must not know any tool.

use crate::domain::Severity;
use crate::sources::Memory;

/// Keeps the rank of each id, most severe first, and forgets ids that are no longer listed.
pub(in crate::sources) fn remember(memory: &mut Memory, prefix: &str, ids: &[String]) {
    let known = memory.with_prefix(prefix).map(|(key, _)| key.to_owned());
    let gone = known.filter(|key| !ids.iter().any(|id| format!("{prefix}{id}") == *key));
    for key in gone.collect::<Vec<_>>() {
        memory.forget(&key);
    }
    for (rank, id) in ids.iter().enumerate() {
        if find(memory, prefix, id) != Some(rank) {
            memory.set(format!("{prefix}{id}"), rank.to_string());
        }
    }
}

/// The rank that was remembered last; 0 is the most severe.
pub(in crate::sources) fn find(memory: &Memory, prefix: &str, id: &str) -> Option<usize> {
    memory.get(&format!("{prefix}{id}"))?.parse().ok()
}

/// The severity that a number in the name gives. Words such as "major" are free text here; the rank is more
/// reliable.
pub(in crate::sources) fn find_level(name: &str) -> Option<Severity> {
    name.chars().any(|c| c.is_ascii_digit()).then(|| Severity::find_by_name(name)).flatten()
}
