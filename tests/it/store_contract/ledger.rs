//! What destinations remember, and deliveries that they have put off.

use incident_bridge::store::LedgerFilter;

use super::*;

fn row(name: &str, state: &str, number: Option<i64>) -> LedgerRow {
    LedgerRow {
        name: name.to_owned(),
        state: state.to_owned(),
        number,
        record: format!("{{\"of\":\"{name}\"}}"),
    }
}

pub async fn a_record_is_written_in_place_of_the_one_before_and_found(world: World) {
    let (ops, other) = (DestinationId("ops".to_owned()), DestinationId("other".to_owned()));
    let ledger = world.store.ledger();
    assert_eq!(ledger.find(&ops, "incident/pd:1").await.expect("it looks"), None);
    let rows = [
        row("incident/pd:1", "linked", Some(9)),
        row("incident/pd:2", "gone", Some(100)),
        row("incident/pdx:3", "gone", None),
        row("review/pd:4", "gone", None),
    ];
    ledger.write(&ops, &rows).await.expect("it writes");
    ledger.write(&other, &[row("incident/pd:1", "creating", Some(1000))]).await.expect("it writes");
    ledger.write(&ops, &[row("incident/pd:1", "gone", Some(9))]).await.expect("it writes");
    let found = ledger.find(&ops, "incident/pd:1").await.expect("it looks");
    assert_eq!(found, Some(row("incident/pd:1", "gone", Some(9))));
    let names = async |filter: LedgerFilter<'_>, limit| {
        let rows = ledger.list(&ops, filter, limit).await.expect("it lists");
        rows.into_iter().map(|row| row.name).collect::<Vec<_>>()
    };
    let of_source = LedgerFilter { prefix: "incident/pd:", ..LedgerFilter::default() };
    assert_eq!(names(of_source, 10).await, ["incident/pd:1", "incident/pd:2"]);
    assert_eq!(names(LedgerFilter { after: "incident/pd:1", ..of_source }, 10).await, ["incident/pd:2"]);
    let gone = LedgerFilter { prefix: "incident/", state: Some("gone"), after: "" };
    assert_eq!(names(gone, 2).await, ["incident/pd:1", "incident/pd:2"]);
    let last = ledger.find_last(&ops).await.expect("it looks").expect("there are some");
    assert_eq!(last.name, "incident/pd:2");
}

pub async fn an_installation_has_one_id_for_ever(world: World) {
    let ids = futures::future::join_all((0..8).map(|_| world.store.ledger().installation())).await;
    let ids: std::collections::BTreeSet<String> = ids.into_iter().map(|id| id.expect("it is read")).collect();
    assert_eq!(ids.len(), 1, "{ids:?}");
}

pub async fn what_a_destination_puts_off_waits_for_its_time_or_for_news(world: World) {
    let site = world.install("key", "a secret of enough bytes").await;
    world.apply(&[incident("1", "Down", 0), incident("2", "Slow", 0)]).await;
    let deliveries = world.store.deliveries();
    let next =
        async || deliveries.find_next_batch(&site, &rules(10, Pace::Everything)).await.expect("it finds");
    let has_work = async || world.list_with_work().await.contains(&site);
    let put_off = async |id: &str, seconds| {
        let batch = next().await.expect("something is due");
        let entity = batch.entities.iter().find(|it| it.id.as_str() == id).expect("it is due");
        let until = world.clock.now() + TimeDelta::seconds(seconds);
        let later = Verdict::Later { until, reason: "not now".to_owned() };
        let outcomes = [outcome(&entity.id, entity.version, later)];
        let kept = deliveries.record_outcomes(&since_start(&site), batch.kind, &outcomes, None).await;
        assert!(kept.expect("it records"));
    };
    put_off("pd:1", 30).await;
    let left: Vec<String> =
        next().await.expect("one is due").entities.iter().map(|it| it.id.to_string()).collect();
    assert_eq!(left, ["pd:2"]);
    put_off("pd:2", 60).await;
    assert!(next().await.is_none() && !has_work().await);
    let row = &deliveries.list_of(&EntityId::from_text("pd:1")).await.expect("it lists")[0];
    assert_eq!((row.state, row.reason.as_deref()), (DeliveryState::Waiting, Some("not now")));
    assert_eq!(row.not_before, Some(world.clock.now() + TimeDelta::seconds(30)));
    world.apply(&[incident("2", "Down as well", 1)]).await;
    assert_eq!(next().await.expect("news is due").entities.len(), 1);
    put_off("pd:2", 60).await;
    world.clock.advance(TimeDelta::seconds(30));
    assert!(has_work().await);
    assert_eq!(deliveries.wake(&site).await.expect("it wakes"), 1);
    assert_eq!(next().await.expect("it is due").entities[0].id.as_str(), "pd:1");
    assert_eq!(deliveries.wake_all(&site, "another reason").await.expect("it wakes"), 0);
    assert_eq!(deliveries.wake_all(&site, "not now").await.expect("it wakes"), 1);
    world.deliver(&site, false).await;
    assert_eq!(world.state_of("pd:2").await, DeliveryState::Accepted);
}
