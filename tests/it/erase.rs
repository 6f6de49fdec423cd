//! `erase`: an incident, or a person's name, leaves the store and Jira, and does not come back unseen.

use incident_bridge::domain::{EntityId, Needle, SourceId};
use incident_bridge::sync::{ErasureCounts, ErasurePlan, Subject};
use serde_json::Value;

use crate::harness::pagerduty::{sign, triggered};
use crate::harness::place::{Place, command};
use crate::harness::program::eventually;
use crate::harness::{Bridge, Setup, fresh_postgres};

#[derive(Clone, Copy)]
enum On {
    Sqlite,
    Postgres,
}

async fn start(on: On) -> Bridge {
    let bridge = match on {
        On::Sqlite => Bridge::start().await,
        On::Postgres => Setup::default().store(fresh_postgres().await).start().await,
    };
    bridge.install().await;
    bridge.settle().await;
    bridge
}

async fn erase(bridge: &Bridge, subject: Subject) -> ErasurePlan {
    let operator = bridge.engine.operator();
    let plan = operator.plan_erasure(&subject).await.expect("the store works");
    operator.erase(&plan).await.expect("the store works");
    bridge.settle().await;
    plan
}

fn person(text: &str) -> Subject {
    Subject::Person(Needle::parse(text).expect("long enough"))
}

async fn an_erased_incident_is_gone_and_stays_away(on: On) {
    let bridge = start(on).await;
    bridge.pagerduty(&triggered("QGONE1").titled("Secret outage")).await;
    bridge.pagerduty(&triggered("QSTAYS1").titled("Another outage")).await;
    let broken = "{\"event\": \"about QGONE1\"";
    assert_eq!(
        bridge.post_webhook("pd", broken, &[("X-PagerDuty-Signature", &sign(broken))]).await.status,
        400
    );
    bridge.settle().await;
    bridge.jira().associate("pd:QGONE1", "10001").await.expect("an answer");
    bridge.settle_after(2).await;
    let plan = erase(&bridge, Subject::Incident("QGONE1".to_owned())).await;
    assert_eq!(
        plan.counts(),
        ErasureCounts { entities: 1, webhooks: 2, history: 0, facts: 0, reasons: 0, workspaces: 0 }
    );
    assert!(bridge.jira().incident("pd:QGONE1").is_none());
    assert!(bridge.jira().incident("pd:QSTAYS1").is_some());
    let found = bridge.engine.store().entities().find("QGONE1").await.expect("the store works");
    assert!(found.iter().all(|entity| entity.content.is_none()), "{found:?}");
    let links =
        bridge.engine.store().entities().list_associations_of(&EntityId::from_text("pd:QGONE1")).await;
    assert!(links.expect("the store works").is_empty());
    assert_eq!(bridge.events("pd:QGONE1").await[0], "erased");
    let source = SourceId::parse("pd").expect("valid");
    let kept = bridge.engine.store().inbox().list_quarantined(&source, 10).await.expect("the store works");
    assert!(kept.is_empty(), "{kept:?}");

    // Whatever the tool says of it later.
    bridge.advance(60);
    bridge.pagerduty(&triggered("QGONE1").titled("Secret outage, worse")).await;
    bridge.pagerduty(&triggered("QGONE1").titled("Secret outage").resolved()).await;
    bridge.settle_after(5).await;
    assert!(bridge.jira().incident("pd:QGONE1").is_none());
    let again = bridge.engine.store().entities().find("QGONE1").await.expect("the store works");
    assert!(again.iter().all(|entity| entity.content.is_none()), "{again:?}");
    bridge.finish().await;
}

async fn a_name_is_taken_out_of_everything(on: On) {
    let bridge = start(on).await;
    bridge.jira().refuse("pd:QREFUSED1", "Jane Doe is not a component");
    bridge.pagerduty(&triggered("QJANE1").titled("Jane Doe is paged")).await;
    bridge.pagerduty(&triggered("QREFUSED1")).await;
    bridge.pagerduty(&triggered("QBOB1").titled("Bob is paged")).await;
    bridge.settle().await;
    let before = bridge.delivery("pd:QJANE1").await.wanted;
    let plan = erase(&bridge, person("JANE DOE")).await;
    // In the history: the refusal, and the title with which the incident was opened.
    assert_eq!(
        plan.counts(),
        ErasureCounts { entities: 1, webhooks: 1, history: 2, facts: 0, reasons: 1, workspaces: 0 }
    );
    let told = bridge.engine.operator().explain("QJANE1", &[]).await.expect("the store works");
    let told = serde_json::to_string(&told.stories).expect("it is JSON");
    assert!(told.contains("[erased] is paged") && !told.contains("Jane"), "{told}");
    assert_eq!(bridge.jira().incident("pd:QJANE1").expect("it is there")["summary"], "[erased] is paged");
    assert!(bridge.delivery("pd:QJANE1").await.wanted > before);
    assert_eq!(bridge.delivery("pd:QREFUSED1").await.reason.as_deref(), Some("[erased] is not a component"));
    assert!(erase(&bridge, person("Jane Doe")).await.is_empty(), "there is nothing left to erase");
    assert_eq!(bridge.jira().incident("pd:QBOB1").expect("it is there")["summary"], "Bob is paged");

    // The tool repeats what it said: nothing comes back. It says something new: that is new.
    bridge.pagerduty(&triggered("QJANE1").titled("Jane Doe is paged")).await;
    bridge.settle().await;
    assert_eq!(bridge.jira().incident("pd:QJANE1").expect("it is there")["summary"], "[erased] is paged");
    bridge.advance(60);
    bridge.pagerduty(&triggered("QJANE1").titled("Jane Doe has left").resolved()).await;
    bridge.settle_after(5).await;
    assert_eq!(bridge.jira().incident("pd:QJANE1").expect("it is there")["summary"], "Jane Doe has left");
    bridge.finish().await;
}

async fn a_name_is_taken_out_of_workspaces_and_of_what_changed(on: On) {
    let bridge = start(on).await;
    bridge.pagerduty(&triggered("QJANE1").titled("Jane Doe is paged")).await;
    bridge.settle_after(60).await;
    bridge.pagerduty(&triggered("QJANE1").titled("Somebody is paged").resolved()).await;
    bridge.settle_after(5).await;
    let (source, store) = (SourceId::parse("pd").expect("valid"), bridge.engine.store());
    let team = incident_bridge::domain::Workspace {
        provider_id: "T1".to_owned(),
        name: "Team of Jane Doe".to_owned(),
        url: "https://tool.example.com/teams/jane%20doe".to_owned(),
    };
    store.entities().record_workspaces(&source, &[team]).await.expect("the store works");
    let plan = erase(&bridge, person("jane doe")).await;
    // Only the past names her: two versions, and the webhook of the first.
    assert_eq!(
        plan.counts(),
        ErasureCounts { entities: 0, webhooks: 1, history: 2, facts: 0, reasons: 0, workspaces: 1 }
    );
    let told = bridge.engine.operator().explain("QJANE1", &[]).await.expect("the store works");
    let told = serde_json::to_string(&told.stories).expect("it is JSON");
    assert!(told.contains("[erased] is paged") && !told.contains("Jane"), "{told}");
    let known = bridge.engine.store().entities().list_workspaces().await.expect("the store works");
    let team = known.iter().find(|it| it.id.as_str() == "pd:T1").expect("it is kept");
    assert_eq!((team.name.as_str(), team.url.as_str()), ("Team of [erased]", "https://tool.example.com/"));
    assert!(erase(&bridge, person("Jane Doe")).await.is_empty(), "there is nothing left to erase");
    bridge.finish().await;
}

macro_rules! both {
    ($($story:ident)*) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $story() {
                super::$story(super::On::Sqlite).await;
            })*
        }
        mod postgres {
            $(#[tokio::test]
            async fn $story() {
                super::$story(super::On::Postgres).await;
            })*
        }
    };
}

both! {
    an_erased_incident_is_gone_and_stays_away
    a_name_is_taken_out_of_everything
    a_name_is_taken_out_of_workspaces_and_of_what_changed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_plans_asks_erases_and_reports() {
    let place = Place::new();
    let _bridge = place.serve().await;
    place.site.install(&place.base_url).await.expect("it installs");
    assert_eq!(place.post("QGONE1").await, 202);
    eventually("it arrives", async || place.site.incident("pd:QGONE1")).await;
    let run = async |arguments: &[&str]| command(&[&["erase"], arguments].concat(), Some(&place.file)).await;
    let said = run(&["--incident", "QGONE1"]).await;
    assert!(said.code == Some(2) && said.err.contains("--yes"), "it cannot ask without a terminal: {said:?}");
    assert_eq!(run(&["--person", "ab", "--yes"]).await.code, Some(2));
    assert_eq!(run(&["--yes"]).await.code, Some(2));
    assert_eq!(run(&["--incident", "QNEVER1", "--yes"]).await.code, Some(1));
    let planned = run(&["--incident", "QGONE1", "--dry-run", "--json"]).await;
    let planned: Value = serde_json::from_str(&planned.out).expect("it prints JSON");
    assert_eq!((&planned["erased"], &planned["webhooks"]), (&Value::from(false), &Value::from(1)));
    assert_eq!(planned["entities"][0]["jira_id"], "pd:QGONE1");
    assert!(place.site.incident("pd:QGONE1").is_some());
    let said = run(&["--incident", "QGONE1", "--yes"]).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    for part in ["erased from 1 incident, review or component", "incident pd:QGONE1", "cannot be asked"] {
        assert!(said.out.contains(part), "{part} in {said:?}");
    }
    eventually("Jira has deleted it", async || place.site.incident("pd:QGONE1").is_none().then_some(()))
        .await;
    let told = command(&["explain", "pd:QGONE1"], Some(&place.file)).await;
    assert!(told.out.contains("erased") && !told.out.contains("stored as version"), "{told:?}");
}
