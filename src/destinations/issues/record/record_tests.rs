//! What a record says is to be done, and that it stays readable.

use chrono::TimeDelta;

use super::*;
use crate::clock::from_millis;
use crate::destinations::issues::content::workflow::Wish;
use crate::domain::{Incident, IncidentStatus, Severity, ToolWords};

fn incident(status: IncidentStatus) -> Incident {
    Incident {
        provider_id: "1".to_owned(),
        summary: "Down".to_owned(),
        description: String::new(),
        url: String::new(),
        status,
        severity: Severity::P1,
        created_at: from_millis(0),
        updated_at: from_millis(0),
        components: vec![],
        workspaces: vec![],
        associations: vec![],
        words: ToolWords::default(),
    }
}

const POLICY: Policy = Policy { severe_enough: true, create_resolved: false, reopen_within: None };

fn in_state(state: State) -> Record {
    Record { state, ..Record::default() }
}

fn step(record: &Record, status: IncidentStatus, policy: Policy) -> Step {
    record.step(&incident(status), policy, from_millis(100_000))
}

#[test]
fn a_work_item_is_made_for_what_is_open_and_severe_enough() {
    use IncidentStatus::{Open, Resolved, Unknown};
    for state in [State::Absent, State::Creating, State::Refused] {
        let record = in_state(state);
        assert_eq!(step(&record, Open, POLICY), Step::Create);
        assert_eq!(step(&record, Unknown, POLICY), Step::Create);
        assert!(matches!(step(&record, Resolved, POLICY), Step::None(_)));
        assert_eq!(step(&record, Resolved, Policy { create_resolved: true, ..POLICY }), Step::Create);
        assert!(matches!(step(&record, Open, Policy { severe_enough: false, ..POLICY }), Step::None(_)));
    }
}

#[test]
fn an_unclear_creation_is_looked_for_at_its_times_whatever_the_incident_says() {
    let mut record = in_state(State::Sending);
    assert_eq!(step(&record, IncidentStatus::Resolved, POLICY), Step::Recover);
    record.lose_sight(from_millis(90_000), "no answer");
    let mut times = Vec::new();
    while let Some(at) = record.creation.next_look() {
        times.push((at - from_millis(90_000)).num_seconds());
        record.creation.looks += 1;
    }
    assert_eq!(times, [5, 15, 45, 120, 300]);
    record.creation.looks = 1;
    assert_eq!(step(&record, IncidentStatus::Open, POLICY), Step::Wait(from_millis(105_000)));
    record.creation.looks = 0;
    assert_eq!(step(&record, IncidentStatus::Open, POLICY), Step::Recover);
}

#[test]
fn an_incident_that_comes_back_too_late_gets_another_work_item() {
    let mut record = in_state(State::Linked);
    record.said.standing = Some(Standing::Resolved);
    record.said.resolved_at = Some(from_millis(0));
    let within = |seconds| Policy { reopen_within: Some(TimeDelta::seconds(seconds)), ..POLICY };
    assert_eq!(step(&record, IncidentStatus::Open, POLICY), Step::Update);
    assert_eq!(step(&record, IncidentStatus::Open, within(100)), Step::Update);
    assert_eq!(step(&record, IncidentStatus::Open, within(99)), Step::NewEpisode);
    assert_eq!(step(&record, IncidentStatus::Resolved, within(99)), Step::Update);
}

#[test]
fn another_episode_knows_its_incident_its_reviews_and_the_work_item_before() {
    let mut record = in_state(State::Linked);
    record.subject = Subject { source: "pd".to_owned(), id: "1".to_owned() };
    record.issue = Some(IssueRef { id: "10000".to_owned(), key: "OPS-1".to_owned() });
    record.reviews.insert("R".to_owned(), ReviewLink { link: Value::Null, sent: true });
    record.begin_episode();
    assert_eq!((record.state, record.episode, &*record.subject.id), (State::Absent, 2, "1"));
    assert_eq!(record.before.as_ref().map(|it| it.key.as_str()), Some("OPS-1"));
    assert!(record.issue.is_none() && !record.reviews["R"].sent);
}

#[test]
fn the_status_follows_the_tool_and_nothing_else() {
    use Standing::{Acknowledged, Open, Resolved};
    for (now, said, wishes) in [
        (Some(Resolved), None, &[Wish::Resolve][..]),
        (Some(Resolved), Some(Acknowledged), &[Wish::Resolve]),
        (Some(Resolved), Some(Resolved), &[]),
        (Some(Open), Some(Resolved), &[Wish::Reopen]),
        (Some(Open), Some(Acknowledged), &[]),
        (Some(Acknowledged), None, &[Wish::Acknowledge]),
        (Some(Acknowledged), Some(Acknowledged), &[]),
        (Some(Acknowledged), Some(Resolved), &[Wish::Reopen, Wish::Acknowledge]),
        (None, Some(Resolved), &[]),
        (None, None, &[]),
    ] {
        assert_eq!(find_wishes(now, said), wishes, "{now:?} after {said:?}");
    }
}

#[test]
fn what_a_lost_request_may_have_brought_about_is_repeated_or_taken_back() {
    use Standing::{Acknowledged, Open, Resolved};
    use Wish::{Acknowledge, Reopen, Resolve};
    for (said, wish, now, wishes) in [
        (Open, Resolve, Open, &[Reopen][..]),
        (Open, Resolve, Resolved, &[Resolve]),
        (Open, Resolve, Acknowledged, &[Reopen, Acknowledge]),
        (Resolved, Reopen, Resolved, &[Resolve]),
        (Resolved, Reopen, Acknowledged, &[Reopen, Acknowledge]),
        (Open, Acknowledge, Open, &[]),
    ] {
        let mut record = Record::default();
        record.said.standing = Some(said);
        record.moving = Some(Moving { wish, to: None, after: None, refusals: 0 });
        assert_eq!(record.wishes(Some(now)), wishes, "{now:?} after {record:?}");
        record.moving = Some(Moving { wish, to: None, after: None, refusals: 1 });
        assert_eq!(record.wishes(Some(now)), find_wishes(Some(now), Some(said)), "it was refused");
    }
}

#[test]
fn a_record_of_an_older_release_is_read_and_comes_back_as_it_was() {
    let old: Record = serde_json::from_str(r#"{ "state": "linked", "new": 1 }"#).unwrap();
    assert_eq!((old.state, old.episode), (State::Linked, 1));
    let mut record = in_state(State::Uncertain);
    record.lose_sight(from_millis(7), "x");
    let text = serde_json::to_string(&record).unwrap();
    assert_eq!(serde_json::from_str::<Record>(&text).unwrap(), record);
}
