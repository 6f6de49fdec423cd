//! A task that waits is alive; one that is stuck, late, failing or panicking is named.

use chrono::TimeDelta;

use super::*;
use crate::clock::from_millis;

const WAIT: Duration = Duration::from_secs(1);

fn setup() -> (Clock, Heartbeats) {
    let (clock, heartbeats) = (Clock::manual(from_millis(0)), Heartbeats::default());
    heartbeats.waits("inbox", Importance::Vital, WAIT, &clock);
    (clock, heartbeats)
}

fn one(heartbeats: &Heartbeats, clock: &Clock) -> Heartbeat {
    let mut list = heartbeats.list(clock);
    assert_eq!(list.len(), 1, "{list:?}");
    list.remove(0)
}

#[test]
fn a_round_that_takes_longer_than_it_may_is_named_whatever_the_clock_is_set_to() {
    let (clock, heartbeats) = setup();
    heartbeats.runs("inbox", Duration::from_mins(2), &clock);
    clock.set(TimeDelta::hours(1));
    clock.advance(TimeDelta::seconds(119));
    assert!(one(&heartbeats, &clock).alive);
    clock.set(TimeDelta::hours(-2));
    clock.advance(TimeDelta::seconds(1));
    let stuck = one(&heartbeats, &clock);
    assert!(!stuck.alive && stuck.state == "running" && stuck.since == from_millis(0), "{stuck:?}");
    heartbeats.goes_on("inbox", &clock);
    assert!(one(&heartbeats, &clock).alive, "a sign of life");
}

#[test]
fn a_task_that_waits_for_a_signal_is_alive_and_one_that_misses_its_time_is_named() {
    let (clock, heartbeats) = setup();
    clock.advance(TimeDelta::seconds(10));
    assert!(one(&heartbeats, &clock).alive);
    clock.advance(TimeDelta::seconds(1));
    assert!(one(&heartbeats, &clock).why.is_some_and(|why| why.contains("overdue")));
    heartbeats.waits("inbox", Importance::Vital, Duration::MAX, &clock);
    clock.advance(TimeDelta::days(300));
    assert!(one(&heartbeats, &clock).alive);
}

#[test]
fn a_task_that_panics_is_named_at_once_and_until_a_round_ends_well() {
    let (clock, heartbeats) = setup();
    let panic = |why| heartbeats.panicked("inbox", Importance::Vital, why, &clock);
    assert_eq!(panic("first"), (1, Duration::ZERO));
    clock.advance(TimeDelta::seconds(3));
    assert_eq!(panic("second"), (2, Duration::from_secs(3)));
    let named = one(&heartbeats, &clock);
    assert!(!named.alive && named.state == "failing" && named.since == from_millis(0), "{named:?}");
    assert!(named.why.is_some_and(|why| why.contains("second")));
    heartbeats.succeeded("inbox", &clock);
    let healthy = one(&heartbeats, &clock);
    assert!(healthy.alive && healthy.why.is_none() && healthy.last == Some(clock.now()));
    assert_eq!(panic("again"), (1, Duration::ZERO));
}

#[test]
fn rounds_that_fail_are_named_after_two_minutes() {
    let (clock, heartbeats) = setup();
    heartbeats.failed("inbox", "the disk is full".to_owned(), &clock);
    heartbeats.waits("inbox", Importance::Vital, Duration::MAX, &clock);
    clock.advance(TimeDelta::seconds(119));
    assert!(one(&heartbeats, &clock).alive);
    clock.advance(TimeDelta::seconds(1));
    assert!(one(&heartbeats, &clock).why.is_some_and(|why| why.contains("the disk is full")));
}
