//! Keeps labels whose values come from outside to a fixed number of series.

use std::collections::BTreeSet;
use std::sync::{PoisonError, RwLock};

/// The label of everything beyond the bound.
pub const OTHER: &str = "other";

/// The first names that come keep their own; all later ones share [`OTHER`].
#[derive(Debug)]
pub(super) struct BoundedNames {
    most: usize,
    known: RwLock<BTreeSet<String>>,
}

impl BoundedNames {
    pub fn new(most: usize) -> Self {
        Self { most, known: RwLock::default() }
    }

    /// The names with labels of their own.
    pub fn list(&self) -> Vec<String> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// The label for this name; always the same one.
    pub fn label<'a>(&self, name: &'a str) -> &'a str {
        if self.known.read().unwrap_or_else(PoisonError::into_inner).contains(name) {
            return name;
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() < self.most || known.contains(name) {
            known.insert(name.to_owned());
            return name;
        }
        OTHER
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_beyond_the_bound_share_one_label_and_the_others_keep_theirs() {
        let names = BoundedNames::new(2);
        assert_eq!(["a", "b", "c", "d", "a"].map(|name| names.label(name)), ["a", "b", OTHER, OTHER, "a"]);
    }
}
