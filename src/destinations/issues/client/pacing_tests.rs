//! Which requests wait for what, on a clock that is moved by hand.

use super::*;
use crate::domain::parse_timestamp;

fn setup(writes: u32) -> (Clock, Pacing) {
    let clock = Clock::manual(parse_timestamp("2026-04-03T09:12:00Z").unwrap());
    let pacing = Pacing::new(&clock, NonZeroU32::new(writes).unwrap());
    (clock, pacing)
}

fn ms(n: i64) -> TimeDelta {
    TimeDelta::milliseconds(n)
}

fn throttled(reason: Reason, clock: &Clock, seconds: i64) -> Throttled {
    let until = (seconds > 0).then(|| clock.now() + TimeDelta::seconds(seconds));
    Throttled { reason, until }
}

#[test]
fn writes_keep_the_pace_and_reads_do_not_count() {
    let (clock, pacing) = setup(5);
    for n in 0..3 {
        pacing.take(Endpoint::EditIssue, Some(&n.to_string())).unwrap();
    }
    pacing.take(Endpoint::CreateIssue, None).unwrap();
    pacing.take(Endpoint::CreateIssue, None).unwrap();
    let held = pacing.take(Endpoint::Transition, Some("x")).unwrap_err();
    assert_eq!((held.scope, held.until - clock.now()), (Scope::Site, ms(201)));
    pacing.take(Endpoint::FindIssue, None).unwrap();
    pacing.take(Endpoint::Search, None).unwrap();
    clock.advance(ms(201));
    pacing.take(Endpoint::Transition, Some("x")).unwrap();
    clock.advance(TimeDelta::seconds(60));
    let burst =
        (0..10).take_while(|n| pacing.take(Endpoint::EditIssue, Some(&format!("i{n}"))).is_ok()).count();
    assert_eq!(burst, 5);
}

#[test]
fn an_issue_is_written_every_two_seconds_after_a_whole_change() {
    let (clock, pacing) = setup(100);
    for endpoint in [Endpoint::Transition, Endpoint::EditIssue, Endpoint::Transition, Endpoint::PutRemoteLink]
    {
        pacing.take(endpoint, Some("1")).unwrap();
    }
    let held = pacing.take(Endpoint::Transition, Some("1")).unwrap_err();
    assert_eq!((held.scope, held.until - clock.now()), (Scope::Issue, ms(2001)));
    pacing.take(Endpoint::EditIssue, Some("2")).unwrap();
    pacing.take(Endpoint::FindIssue, Some("1")).unwrap();
    clock.advance(ms(2001));
    pacing.take(Endpoint::Transition, Some("1")).unwrap();
}

#[test]
fn what_one_limit_holds_back_costs_the_others_nothing() {
    let (clock, pacing) = setup(1);
    pacing.take(Endpoint::CreateIssue, None).unwrap();
    for _ in 0..50 {
        assert_eq!(pacing.take(Endpoint::EditIssue, Some("1")).unwrap_err().scope, Scope::Site);
    }
    clock.advance(ms(1001));
    for _ in 0..4 {
        pacing.take(Endpoint::EditIssue, Some("1")).unwrap();
    }
    assert_eq!(pacing.find_held(Endpoint::EditIssue, Some("1")).unwrap().scope, Scope::Issue);
    assert_eq!(pacing.find_held(Endpoint::FindIssue, Some("1")), None);
}

#[test]
fn a_change_that_has_begun_is_finished_and_others_wait_for_that() {
    let (clock, pacing) = setup(1);
    pacing.take(Endpoint::EditIssue, Some("1")).unwrap();
    pacing.take(Endpoint::Transition, Some("1")).unwrap();
    pacing.take(Endpoint::PutRemoteLink, Some("1")).unwrap();
    let held = pacing.take(Endpoint::EditIssue, Some("2")).unwrap_err();
    assert_eq!((held.scope, held.until - clock.now()), (Scope::Site, ms(3001)));
    clock.advance(TimeDelta::seconds(60));
    pacing.take(Endpoint::EditIssue, Some("2")).unwrap();
    assert_eq!(pacing.take(Endpoint::Transition, Some("1")).unwrap_err().scope, Scope::Site);
}

#[test]
fn one_operation_has_the_documented_burst() {
    for (endpoint, size) in [(Endpoint::FindIssue, 100), (Endpoint::Search, 100), (Endpoint::EditIssue, 50)] {
        let (_, pacing) = setup(1_000);
        let taken = (0..1_000).take_while(|n| pacing.take(endpoint, Some(&n.to_string())).is_ok()).count();
        assert_eq!(taken, size, "{endpoint}");
        assert_eq!(pacing.find_held(endpoint, Some("new")).unwrap().scope, Scope::Call);
        assert_eq!(pacing.find_held(Endpoint::Myself, None), None);
    }
}

#[test]
fn each_reason_pauses_what_it_concerns() {
    use Endpoint::{DeleteRemoteLink, EditIssue, FindIssue, FindRemoteLinks, PutRemoteLink, Search};
    let cases = [
        (
            Reason::Issue,
            Scope::Issue,
            vec![(EditIssue, "1"), (PutRemoteLink, "1")],
            vec![(EditIssue, "2"), (FindIssue, "1")],
        ),
        (
            Reason::Burst,
            Scope::Call,
            vec![(EditIssue, "1"), (EditIssue, "2")],
            vec![(FindIssue, "1"), (PutRemoteLink, "1")],
        ),
        (
            Reason::Unnamed,
            Scope::Endpoint,
            vec![(EditIssue, "1"), (FindIssue, "2")],
            vec![(PutRemoteLink, "1")],
        ),
        (Reason::Tenant, Scope::Site, vec![(EditIssue, "1"), (Search, "9"), (FindRemoteLinks, "2")], vec![]),
    ];
    for (reason, scope, paused, free) in cases {
        let (clock, pacing) = setup(100);
        let held = pacing.pause(EditIssue, Some("1"), throttled(reason, &clock, 60));
        assert_eq!((held.scope, held.until - clock.now()), (scope, TimeDelta::seconds(60)));
        for (endpoint, issue) in paused {
            assert_eq!(pacing.take(endpoint, Some(issue)).unwrap_err().scope, scope, "{reason:?} {endpoint}");
        }
        for (endpoint, issue) in free {
            assert_eq!(pacing.take(endpoint, Some(issue)), Ok(()), "{reason:?} {endpoint}");
        }
        clock.advance(TimeDelta::seconds(61));
        assert_eq!(pacing.find_held(EditIssue, Some("1")), None);
        assert_eq!(pacing.find_held(DeleteRemoteLink, Some("1")), None);
    }
}

#[test]
fn pauses_grow_until_a_request_is_taken() {
    let (clock, pacing) = setup(100);
    let wait = || {
        let held = pacing.pause(Endpoint::Search, None, throttled(Reason::Burst, &clock, 0));
        let wait = held.until - clock.now();
        clock.advance(wait + ms(2));
        wait.num_milliseconds()
    };
    for (least, most) in [
        (1_400, 2_600),
        (2_800, 5_200),
        (5_600, 10_400),
        (11_200, 20_800),
        (21_000, 39_000),
        (21_000, 39_000),
    ] {
        let wait = wait();
        assert!((least..=most).contains(&wait), "{wait}");
    }
    pacing.note_success(Endpoint::FindIssue, None);
    assert!(wait() > 20_000, "another operation says nothing of this one");
    pacing.note_success(Endpoint::Search, None);
    assert!(wait() <= 2_600);
}

#[test]
fn those_on_their_way_together_are_refused_once_and_the_longest_wait_counts() {
    let (clock, pacing) = setup(100);
    let pause = |seconds| {
        let held = pacing.pause(Endpoint::Search, None, throttled(Reason::Burst, &clock, seconds));
        (held.until - clock.now()).num_milliseconds()
    };
    assert_eq!(pause(20), 20_000);
    assert_eq!(pause(0), 20_000);
    assert_eq!(pause(30), 30_000);
    clock.advance(ms(30_002));
    let wait = pause(0);
    assert!((2_800..=5_200).contains(&wait), "the second in a row, not the fourth: {wait}");
}

#[test]
fn as_many_begin_at_once_as_the_pace_has_room_for_and_one_during_a_pause() {
    let (clock, pacing) = setup(5);
    assert_eq!(pacing.find_room(), 5);
    for n in 0..3 {
        pacing.take(Endpoint::EditIssue, Some(&n.to_string())).unwrap();
    }
    assert_eq!(pacing.find_room(), 2);
    // A change that has begun is finished, even if that takes more than there is.
    for _ in 0..3 {
        pacing.take(Endpoint::EditIssue, Some("0")).unwrap();
    }
    assert_eq!(pacing.find_room(), 0);
    clock.advance(ms(401));
    assert_eq!(pacing.find_room(), 1);
    assert_eq!(pacing.find_held(Endpoint::EditIssue, Some("new")), None);
    clock.advance(ms(60_000));
    pacing.pause(Endpoint::EditIssue, Some("1"), throttled(Reason::Issue, &clock, 60));
    assert_eq!(pacing.find_room(), 5);
    pacing.pause(Endpoint::Search, None, throttled(Reason::Burst, &clock, 60));
    assert_eq!(pacing.find_room(), 1);
    clock.advance(ms(60_001));
    assert_eq!(pacing.find_room(), 5);
}

#[test]
fn a_late_answer_does_not_end_a_pause() {
    let (clock, pacing) = setup(100);
    pacing.pause(Endpoint::Search, None, throttled(Reason::Burst, &clock, 60));
    pacing.note_success(Endpoint::Search, None);
    assert!(pacing.take(Endpoint::Search, None).is_err());
}

#[test]
fn a_clock_that_is_set_moves_no_pause() {
    let (clock, pacing) = setup(100);
    pacing.pause(Endpoint::Search, None, throttled(Reason::Burst, &clock, 60));
    clock.set(TimeDelta::hours(-5));
    let held = pacing.take(Endpoint::Search, None).unwrap_err();
    assert_eq!(held.until - clock.now(), ms(60_001));
}

#[test]
fn issues_that_need_not_wait_are_forgotten() {
    let (clock, pacing) = setup(100);
    for n in 0..5_000 {
        clock.advance(ms(20));
        pacing.take(Endpoint::Transition, Some(&n.to_string())).unwrap();
    }
    assert!(pacing.lock().issues.len() <= TIDY_AFTER + 1);
}
