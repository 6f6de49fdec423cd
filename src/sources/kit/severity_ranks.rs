//! Severities by their rank in the account, for tools whose users name severities as they like.
//!
//! Ranks are kept in [`Memory`], because webhooks do not tell them. Must not know any tool.

use super::Memory;
use crate::domain::Severity;

/// Keeps the rank of each id, most severe first, and forgets those that are not listed any more.
pub(super) fn remember(memory: &mut Memory, prefix: &str, ids: &[String]) {
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
pub(super) fn find(memory: &Memory, prefix: &str, id: &str) -> Option<usize> {
    memory.get(&format!("{prefix}{id}"))?.parse().ok()
}

/// Only a number in the name counts: words such as "major" are free text here, and the rank knows better.
pub(super) fn find_level(name: &str) -> Option<Severity> {
    name.chars().any(|c| c.is_ascii_digit()).then(|| Severity::find_by_name(name)).flatten()
}
