//! Every wait and limit of the way out, with the reason for each.
//!
//! Backoff after failures is in `sync/backoff.rs`, because the way in shares it.

use std::time::Duration;

use chrono::TimeDelta;

/// The first read-back of what a destination accepted: it shows soon, later under load.
pub(super) const FIRST_READ_BACK: TimeDelta = TimeDelta::seconds(1);

/// How long to wait after each unsuccessful read-back, in 1200ths of `delivery.visible_within`: seconds,
/// unless that is changed.
pub(super) const READ_BACK_DELAYS: [i32; 5] = [4, 15, 60, 300, 900];

/// How often an entity that never shows is sent again before a person is asked.
pub(super) const RESENDS: i64 = 2;

/// How long reading back waits when a limit names no time: nothing depends on it.
pub(super) const READ_PAUSE: TimeDelta = TimeDelta::seconds(30);

/// How many entities are sent to a destination that has not answered properly: a request that is likely to
/// fail should cost little.
pub(super) const PROBE_BATCH: usize = 20;

/// How long such a destination is waited for.
pub(super) const PROBE_ANSWER: Duration = Duration::from_secs(10);

/// One of this many such requests is waited for longer: a slow destination must not be taken for a dead one.
pub(super) const PATIENT_PROBE: i64 = 8;

/// How long that one is: what waits must be sent within half a minute of the destination's return.
pub(super) const PATIENT_ANSWER: Duration = Duration::from_secs(25);

/// The shortest pause between an attempt that failed and the next: waits count from the start of an attempt,
/// which may have taken longer.
pub(super) const SHORTEST_PAUSE: TimeDelta = TimeDelta::seconds(1);

/// How often a destination that needs a person is retried.
pub(super) const PARKED_PROBE: TimeDelta = TimeDelta::minutes(5);

/// How long one warning of a limit that is nearly used up counts.
pub(super) const NEAR_LIMIT_LASTS: TimeDelta = TimeDelta::minutes(1);

/// How long a refresh may be held back near a limit; then it is sent anyway.
pub(super) const REFRESH_HELD_BACK: TimeDelta = TimeDelta::minutes(5);

/// What was refused this long ago is tried again each night: its cause may be gone.
pub(super) const REFUSED_RETRY: TimeDelta = TimeDelta::hours(23);

/// How long a destination keeps its seat at least while others wait for one: taking it costs more than a request.
pub(super) const SEAT: Duration = Duration::from_secs(1);

/// After this long, what is to be read back no longer waits until everything is sent: something always is.
pub(super) const LASTING: Duration = Duration::from_secs(1);

/// How long what a first sync finds may wait until it fills a request.
pub(super) const LONGEST_FILL: TimeDelta = TimeDelta::seconds(30);

/// After this long without a page, a first sync no longer holds entities back to fill a request.
pub(super) const FILL_STALLED: TimeDelta = TimeDelta::seconds(10);
