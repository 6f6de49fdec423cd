//! Destinations whose links may be incomplete, so that nobody has to look at the others.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::access::DestinationAccess;
use super::snapshot::Snapshot;
use crate::domain::DestinationId;

/// Destinations to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sync) enum Candidates {
    All,
    These(BTreeSet<DestinationId>),
}

impl Candidates {
    /// Those that are in the snapshot, in the order of their ids.
    pub fn find_in<'a>(&self, snapshot: &'a Snapshot) -> Vec<&'a Arc<DestinationAccess>> {
        let mut found: Vec<_> = match self {
            Self::All => snapshot.destinations().collect(),
            Self::These(these) => these.iter().filter_map(|id| snapshot.find(id)).collect(),
        };
        found.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        found
    }
}

/// The notes of what is to be looked at.
#[derive(Debug)]
pub(in crate::sync) struct Unlinked(Mutex<Candidates>);

impl Default for Unlinked {
    fn default() -> Self {
        Self(Mutex::new(Candidates::These(BTreeSet::new())))
    }
}

impl Unlinked {
    fn lock(&self) -> MutexGuard<'_, Candidates> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// These are to be looked at besides those that are already.
    pub fn note(&self, more: Candidates) {
        let mut candidates = self.lock();
        match (&mut *candidates, more) {
            (Candidates::These(these), Candidates::These(more)) => these.extend(more),
            (candidates, Candidates::All) => *candidates = Candidates::All,
            (Candidates::All, Candidates::These(_)) => {}
        }
    }

    /// Those that were noted since the last time.
    pub fn take(&self) -> Candidates {
        std::mem::replace(&mut *self.lock(), Candidates::These(BTreeSet::new()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn these<const N: usize>(ids: [&str; N]) -> Candidates {
        Candidates::These(ids.into_iter().map(|id| DestinationId(id.to_owned())).collect())
    }

    #[test]
    fn what_is_noted_is_taken_once_and_all_includes_any() {
        let unlinked = Unlinked::default();
        unlinked.note(these(["a"]));
        unlinked.note(these(["b", "a"]));
        assert_eq!([unlinked.take(), unlinked.take()], [these(["a", "b"]), these([])]);
        unlinked.note(Candidates::All);
        unlinked.note(these(["a"]));
        assert_eq!([unlinked.take(), unlinked.take()], [Candidates::All, these([])]);
    }
}
