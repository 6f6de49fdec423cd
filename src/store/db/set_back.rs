//! The rule for a clock that was set back: a wait that began in what is now the future is void, or it would
//! last for as long as the clock was set back.
//!
//! Code that stores the end of a wait stores its beginning too, and compares both with the functions here.

use crate::clock::{Timestamp, from_millis};

/// SQL for "the wait until `$until` ends at `$bound` or before, or began after `$now`". All four are columns
/// or placeholders.
macro_rules! is_over {
    ($until:literal, $bound:literal, $since:literal, $now:literal) => {
        concat!("(", $until, " <= ", $bound, " OR ", $since, " > ", $now, ")")
    };
}
pub(in crate::store) use is_over;

/// `at`, or the epoch if what it follows from began after `now`.
pub(in crate::store) fn unless_set_back(at: Timestamp, since: Timestamp, now: Timestamp) -> Timestamp {
    if since > now { from_millis(0) } else { at }
}
