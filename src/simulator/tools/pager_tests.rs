//! The simulated pager: every change is an event with the whole incident, and events may be repeated or
//! overtake each other.

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::*;

const CHECKOUT: Service =
    Service { id: "PCHKOUT1", name: "Checkout API", team_id: "PTEAMPAY", team: "Payments" };

fn start() -> (Pager, UnboundedReceiver<Webhook>) {
    let (sender, events) = unbounded_channel();
    let clock = Clock::manual(from_millis(1_775_207_699_999));
    (Pager::new(clock, "http://pager.test".to_owned(), sender), events)
}

fn next(events: &mut UnboundedReceiver<Webhook>) -> (String, Value) {
    let webhook = events.try_recv().unwrap();
    (webhook.id, serde_json::from_slice::<Value>(&webhook.body).unwrap()["event"].take())
}

#[test]
fn every_change_is_told_with_the_whole_incident_and_a_later_instant() {
    let (pager, mut events) = start();
    let id = pager.open("Checkout is slow", CHECKOUT, Some(3));
    for change in [Change::Acknowledge, Change::Prioritise(None), Change::Resolve, Change::Reopen] {
        assert!(pager.change(&id, change));
    }
    let told: Vec<Value> = (0..5).map(|_| next(&mut events).1).collect();
    let of = |pointer: &str| told.iter().map(|event| event.pointer(pointer).cloned()).collect::<Vec<_>>();
    let statuses = ["triggered", "acknowledged", "acknowledged", "resolved", "triggered"];
    assert_eq!(of("/data/status"), statuses.map(|status| Some(Value::from(status))));
    assert_eq!(told[0].pointer("/data/priority/summary").unwrap(), "P3");
    assert!(told[2]["data"]["priority"].is_null());
    assert_eq!(told[4]["event_type"], "incident.reopened");
    assert!(told[4]["data"]["reopened_at"].is_string());
    let instants: Vec<&str> = told.iter().map(|event| event["occurred_at"].as_str().unwrap()).collect();
    assert!(instants.is_sorted_by(|a, b| a < b), "{instants:?}");
    assert!(instants.iter().all(|instant| !instant.contains(".000")), "{instants:?}");
    assert_eq!((pager.changes(), pager.sent()), (5, 5));
}

#[test]
fn a_repeat_is_the_same_webhook_and_no_change() {
    let (pager, mut events) = start();
    let id = pager.open("Checkout is slow", CHECKOUT, None);
    assert!(pager.repeat_latest(&id));
    assert_eq!(next(&mut events), next(&mut events));
    assert_eq!((pager.changes(), pager.sent()), (1, 2));
    assert!(!pager.repeat_latest("nobody"));
}

#[test]
fn changes_out_of_order_are_told_late_first_and_both_hold() {
    let (pager, mut events) = start();
    let id = pager.open("Checkout is slow", CHECKOUT, None);
    assert!(pager.change_out_of_order(&id, Change::Acknowledge, Change::Resolve));
    next(&mut events);
    let (later, earlier) = (next(&mut events).1, next(&mut events).1);
    assert_eq!(
        (&later["data"]["status"], &earlier["data"]["status"]),
        (&"resolved".into(), &"acknowledged".into())
    );
    assert!(later["occurred_at"].as_str() > earlier["occurred_at"].as_str());
    assert_eq!(pager.find(&id).unwrap().status, Status::Resolved);
}
