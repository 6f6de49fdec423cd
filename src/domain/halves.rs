//! Finds the one at fault: what fails as a whole is tried again in halves, down to the one.
//!
//! Must not know what is tried.

/// Parts that are still to be tried, in order.
#[derive(Debug)]
pub struct Halves<'a, T>(Vec<&'a [T]>);

impl<'a, T> Halves<'a, T> {
    /// Everything, in parts of at most `size`.
    #[must_use]
    pub fn of(all: &'a [T], size: usize) -> Self {
        Self(all.chunks(size.max(1)).rev().collect())
    }

    /// A part failed: its halves come next. Returns the one at fault when there was only one.
    pub fn split(&mut self, failed: &'a [T]) -> Option<&'a T> {
        if let [one] = failed {
            return Some(one);
        }
        let (left, right) = failed.split_at(failed.len() / 2);
        self.0.extend([right, left].into_iter().filter(|part| !part.is_empty()));
        None
    }
}

impl<'a, T> Iterator for Halves<'a, T> {
    type Item = &'a [T];

    fn next(&mut self) -> Option<&'a [T]> {
        self.0.pop()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ones_at_fault_are_found_and_all_others_go_through_in_order() {
        let all: Vec<u8> = (0..40).collect();
        let (mut good, mut bad): (Vec<u8>, Vec<u8>) = Default::default();
        let mut halves = Halves::of(&all, 16);
        while let Some(part) = halves.next() {
            if part.iter().any(|n| [0, 7, 8, 39].contains(n)) {
                bad.extend(halves.split(part));
            } else {
                good.extend(part);
            }
        }
        assert_eq!(bad, [0, 7, 8, 39]);
        assert!(good.is_sorted() && good.len() == 36, "{good:?}");
    }
}
