//! Who has to leave when a listener is full.

use std::net::Ipv4Addr;

use chrono::TimeDelta;
use futures::task::noop_waker;

use super::*;
use crate::clock::from_millis;

fn peer(last: u8) -> IpAddr {
    Ipv4Addr::new(192, 0, 2, last).into()
}

fn seats(connections: usize, bodies: usize) -> (Clock, Arc<Seats>) {
    let clock = Clock::manual(from_millis(0));
    (clock.clone(), Seats::new(Room { connections, bodies }, clock))
}

fn must_leave(seat: &Seat) -> bool {
    seat.check(&Context::from_waker(&noop_waker())).is_err()
}

#[test]
fn a_newcomer_takes_the_place_of_whoever_has_waited_longest() {
    let (_, seats) = seats(3, 100);
    let [first, second, third] = [(); 3].map(|()| seats.take(peer(1)));
    first.begin(false);
    first.finish(0);
    let fourth = seats.take(peer(1));
    assert_eq!([&first, &second, &third, &fourth].map(|seat| must_leave(seat)), [false, true, false, false]);
}

#[test]
fn the_address_with_most_connections_gives_way() {
    let (_, seats) = seats(4, 100);
    let tool = seats.take(peer(1));
    let strangers = [(); 3].map(|()| seats.take(peer(2)));
    let newcomer = seats.take(peer(3));
    assert!(!must_leave(&tool) && !must_leave(&newcomer));
    assert_eq!(strangers.each_ref().map(|seat| must_leave(seat)), [true, false, false]);
}

#[test]
fn a_proven_request_keeps_its_seat_until_it_is_answered() {
    let (_, seats) = seats(2, 100);
    let proven = seats.take(peer(1));
    proven.begin(true);
    proven.keep();
    let strangers: Vec<_> = (0..5).map(|_| seats.take(peer(1))).collect();
    assert!(!must_leave(&proven));
    assert_eq!(strangers.iter().filter(|seat| !must_leave(seat)).count(), 1);
    proven.finish(0);
    let _newcomers = [(); 2].map(|()| seats.take(peer(1)));
    assert!(must_leave(&proven));
}

#[test]
fn whoever_leaves_makes_room() {
    let (_, seats) = seats(1, 100);
    drop(seats.take(peer(1)));
    let seat = seats.take(peer(1));
    assert!(!must_leave(&seat));
    let count = || {
        let taken = seats.lock();
        (taken.holders.len(), taken.waiting.len())
    };
    assert_eq!(count(), (1, 1));
    drop(seat);
    assert_eq!(count(), (0, 0));
}

#[test]
fn a_wait_has_an_end_once_others_come() {
    let (clock, seats) = seats(10, 100);
    let (idle, busy) = (seats.take(peer(1)), seats.take(peer(2)));
    busy.keep();
    clock.advance(TimeDelta::seconds(21));
    let newcomer = seats.take(peer(3));
    assert!(must_leave(&idle) && !must_leave(&busy) && !must_leave(&newcomer));
}

#[test]
fn the_largest_body_that_waits_gives_way_and_a_small_one_never_does() {
    let (_, seats) = seats(10, 100);
    let [large, larger, small] = [(); 3].map(|()| seats.take(peer(1)));
    assert_eq!((large.hold(40), larger.hold(50), small.hold(5)), (Ok(()), Ok(()), Ok(())));
    assert_eq!(small.hold(10), Ok(()));
    assert_eq!([&large, &larger, &small].map(|seat| must_leave(seat)), [false, true, false]);
    assert_eq!(large.hold(50), Err(NoRoom), "it is the largest itself");
    large.finish(0);
    assert_eq!(small.hold(80), Ok(()), "an answered request has no body");
}

#[test]
fn bodies_of_proven_senders_are_never_dropped_for_others() {
    let (_, seats) = seats(10, 100);
    let (proven, stranger) = (seats.take(peer(1)), seats.take(peer(1)));
    assert_eq!(proven.hold(90), Ok(()));
    proven.keep();
    assert_eq!(stranger.hold(20), Err(NoRoom));
    assert!(!must_leave(&proven));
}

#[test]
fn what_arrives_outside_a_request_is_bounded() {
    let (_, seats) = seats(10, 100);
    let seat = seats.take(peer(1));
    assert!(seat.count_read(MOST_HEAD).is_ok());
    assert!(seat.count_read(1).is_err());
    seat.begin(true);
    assert!(seat.count_read(10 * MOST_HEAD).is_ok());
    seat.finish(50);
    assert!(seat.count_read(MOST_HEAD + 50).is_ok(), "the rest of a body that was refused");
    assert!(seat.count_read(1).is_err());
    seat.begin(true);
    seat.has_read_body();
    seat.finish(50);
    assert!(seat.count_read(MOST_HEAD + 1).is_err());
}
