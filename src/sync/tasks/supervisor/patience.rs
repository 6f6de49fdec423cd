//! How long something that panics rests before it starts again, and when its process gives up.

use std::time::Duration;

/// The rests after panics in a row double from the first to the longest.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    pub first: Duration,
    pub longest: Duration,
    /// The process gives up on a vital task that has panicked this often in a row…
    pub panics: u32,
    /// … for at least this long.
    pub lasts: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(1),
            // What waits meanwhile must still be in Jira within half a minute.
            longest: Duration::from_secs(15),
            panics: 10,
            lasts: Duration::from_mins(2),
        }
    }
}

impl Patience {
    /// How long to rest after this many panics in a row.
    #[must_use]
    pub fn rest(&self, panics: u32) -> Duration {
        let doublings = panics.saturating_sub(1);
        self.first.saturating_mul(2_u32.saturating_pow(doublings)).min(self.longest)
    }

    /// Whether starting again no longer helps.
    #[must_use]
    pub fn is_over(&self, panics: u32, lasting: Duration) -> bool {
        panics >= self.panics && lasting >= self.lasts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rests_double_up_to_the_longest() {
        let rests = [1, 2, 3, 4, 5, 1_000, u32::MAX].map(|panics| Patience::default().rest(panics).as_secs());
        assert_eq!(rests, [1, 2, 4, 8, 15, 15, 15]);
    }

    #[test]
    fn only_what_panics_often_and_for_long_is_given_up() {
        let patience = Patience::default();
        assert!(!patience.is_over(1_000, Duration::from_secs(119)));
        assert!(!patience.is_over(9, Duration::from_hours(24)));
        assert!(patience.is_over(10, Duration::from_mins(2)));
    }
}
