//! What reaches Jira, in which order, how often, and in which version.

use chrono::TimeDelta;
use incident_bridge::domain::{Component, DeliveryState, EntityKind, Observation, SourceId, Tier};
use incident_bridge::simulator::{EntityKind as Kind, Fault};
use incident_bridge::store::{Origin, Report};

use crate::harness::pagerduty::triggered;
use crate::harness::program::eventually;
use crate::harness::{Bridge, Setup};

const INCIDENTS: &str = "/rest/operations/1.0/bulk";
const COMPONENTS: &str = "/rest/devopscomponents/1.0/bulk";

/// Paths of the writes to the first site since the start, with their sizes.
fn writes(bridge: &Bridge) -> Vec<(String, usize)> {
    let requests = bridge.jira().requests().into_iter();
    requests
        .filter(|request| request.method == "POST" && request.path.ends_with("/bulk"))
        .filter(|request| !request.path.contains("linkedWorkspaces"))
        .map(|request| (request.path, request.entities))
        .collect()
}

#[tokio::test]
async fn components_arrive_before_the_incidents_that_affect_them() {
    let bridge = Bridge::installed().await;
    let before = writes(&bridge).len();
    bridge.pagerduty(&triggered("Q1").on("PNEW")).await;
    bridge.settle().await;
    let new = writes(&bridge).split_off(before);
    assert_eq!(new, [(COMPONENTS.to_owned(), 1), (INCIDENTS.to_owned(), 1)]);
    let component = bridge.jira().entity(Kind::Component, "pd:PNEW").expect("it arrived");
    assert_eq!(component["name"], "Service PNEW");
    bridge.finish().await;
}

#[tokio::test]
async fn every_submission_says_its_source_and_workspace() {
    let bridge = Bridge::installed().await;
    bridge.pagerduty(&triggered("Q1")).await;
    bridge.settle().await;
    let stored = bridge.jira().find_stored(Kind::Incident, "pd:Q1").expect("it arrived");
    assert_eq!(stored.properties["source"], "pd");
    assert_eq!(stored.properties["workspace"], "pd:account");
    bridge.finish().await;
}

#[tokio::test]
async fn ten_changes_while_jira_is_unavailable_cost_one_write() {
    let bridge = Bridge::installed().await;
    bridge.pagerduty(&triggered("Q1")).await;
    bridge.settle().await;
    bridge.jira().fail_next(Fault::status(503).on("POST", INCIDENTS));
    for n in 0..10 {
        bridge.advance(1);
        bridge.pagerduty(&triggered("Q1").titled(&format!("Title {n}"))).await;
    }
    bridge.settle().await;
    assert_eq!(bridge.jira().incident("pd:Q1").expect("it is there")["summary"], "Incident Q1");
    assert_eq!(bridge.delivery("pd:Q1").await.state, DeliveryState::Waiting);
    bridge.settle_after(600).await;
    assert_eq!(bridge.jira().incident("pd:Q1").expect("it is there")["summary"], "Title 9");
    assert_eq!(bridge.jira().submitted_versions(Kind::Incident, "pd:Q1").len(), 2);
    bridge.finish().await;
}

#[tokio::test]
async fn a_change_while_the_one_before_is_on_its_way_is_not_lost() {
    let bridge = Bridge::installed().await;
    bridge.pagerduty(&triggered("Q1").titled("First")).await;
    bridge.engine.inbound().process_inbox().await.expect("the store works");
    let slow = std::time::Duration::from_millis(300);
    bridge.jira().fail_next(Fault::slow(slow).on("POST", INCIDENTS));
    let key = incident_bridge::domain::DestinationId(
        bridge.jira().find_installation().expect("installed").client_key,
    );
    let second = async {
        bridge.advance(1);
        bridge.pagerduty(&triggered("Q1").titled("Second")).await;
        bridge.engine.inbound().process_inbox().await.expect("the store works");
    };
    let (served, ()) = tokio::join!(bridge.serve(&key), second);
    served.expect("the store works");
    bridge.settle().await;
    assert_eq!(bridge.jira().incident("pd:Q1").expect("it is there")["summary"], "Second");
    let versions = bridge.jira().submitted_versions(Kind::Incident, "pd:Q1");
    assert!(versions.windows(2).all(|pair| pair[0] < pair[1]), "{versions:?}");
    bridge.finish().await;
}

#[tokio::test]
async fn unchanged_content_is_never_sent() {
    let mut bridge = Bridge::installed().await;
    bridge.pagerduty(&triggered("Q1")).await;
    bridge.settle().await;
    bridge.settle_after(5).await;
    let before = writes(&bridge).len();
    for _ in 0..3 {
        bridge.advance(60);
        bridge.pagerduty(&triggered("Q1").kind("incident.escalated")).await;
        bridge.settle().await;
    }
    bridge.restart().await;
    bridge.settle().await;
    assert_eq!(writes(&bridge).len(), before);
    assert_eq!(bridge.delivery("pd:Q1").await.state, DeliveryState::Confirmed);
    bridge.finish().await;
}

#[tokio::test]
async fn an_older_event_never_overwrites_a_newer_one() {
    let bridge = Bridge::installed().await;
    bridge.advance(600);
    bridge.pagerduty(&triggered("Q1").resolved()).await;
    bridge.settle().await;
    let late = bridge.clock.now() - TimeDelta::seconds(300);
    bridge.pagerduty(&triggered("Q1").at(late)).await;
    bridge.settle().await;
    assert_eq!(bridge.jira().incident("pd:Q1").expect("it is there")["status"], "resolved");
    assert_eq!(bridge.jira().submitted_versions(Kind::Incident, "pd:Q1").len(), 1);
    assert!(bridge.events("pd:Q1").await.contains(&"stale".to_owned()));
    bridge.finish().await;
}

#[tokio::test]
async fn versions_only_grow_even_within_one_millisecond_and_across_a_clock_set_back() {
    let bridge = Bridge::installed().await;
    let at = bridge.clock.now();
    for n in 0..5 {
        bridge.pagerduty(&triggered("Q1").titled(&format!("Title {n}")).at(at)).await;
        bridge.settle().await;
        if n == 2 {
            bridge.clock.set(TimeDelta::seconds(-2));
        }
    }
    let versions = bridge.jira().submitted_versions(Kind::Incident, "pd:Q1");
    assert_eq!(versions.len(), 5);
    assert!(versions.windows(2).all(|pair| pair[0] < pair[1]), "{versions:?}");
    assert_eq!(bridge.jira().incident("pd:Q1").expect("it is there")["summary"], "Title 4");
    assert_eq!(bridge.jira().stored_versions(Kind::Incident, "pd:Q1"), versions);
    bridge.clock.advance(TimeDelta::seconds(2));
    bridge.finish().await;
}

#[tokio::test]
async fn what_is_accepted_is_confirmed_once_it_shows() {
    let bridge = Bridge::installed().await;
    bridge.jira().set_visibility_delay(TimeDelta::seconds(30));
    bridge.pagerduty(&triggered("Q1")).await;
    bridge.settle().await;
    for wait in [1, 4, 15] {
        bridge.settle_after(wait).await;
        assert_eq!(bridge.delivery("pd:Q1").await.state, DeliveryState::Accepted);
    }
    bridge.settle_after(60).await;
    let row = bridge.delivery("pd:Q1").await;
    assert_eq!((row.state, row.confirmed), (DeliveryState::Confirmed, row.wanted));
    assert_eq!(bridge.jira().submitted_versions(Kind::Incident, "pd:Q1").len(), 1);
    assert_eq!(bridge.events("pd:Q1").await, ["stored", "accepted", "confirmed"]);
    bridge.finish().await;
}

#[tokio::test]
async fn a_202_without_a_word_is_read_back_and_sent_again_when_it_was_lost() {
    let bridge = Bridge::installed().await;
    bridge.jira().fail_next(Fault::answer(202, "{}").on("POST", INCIDENTS));
    bridge.pagerduty(&triggered("Q1")).await;
    bridge.settle().await;
    assert!(bridge.jira().incident("pd:Q1").is_none());
    for wait in [1, 4, 15, 60, 300, 900] {
        bridge.settle_after(wait).await;
    }
    assert!(bridge.jira().incident("pd:Q1").is_some(), "it was sent again");
    bridge.settle_after(1).await;
    assert_eq!(bridge.delivery("pd:Q1").await.state, DeliveryState::Confirmed);
    assert!(bridge.events("pd:Q1").await.contains(&"sent_again".to_owned()));
    bridge.finish().await;
}

#[tokio::test]
async fn a_202_without_a_word_that_did_the_work_is_confirmed_by_reading() {
    let bridge = Bridge::installed().await;
    bridge.jira().fail_next(Fault::empty_accept().on("POST", INCIDENTS));
    bridge.pagerduty(&triggered("Q1")).await;
    bridge.settle().await;
    bridge.settle_after(1).await;
    assert_eq!(bridge.delivery("pd:Q1").await.state, DeliveryState::Confirmed);
    bridge.finish().await;
}

#[tokio::test]
async fn what_never_shows_is_given_up_with_a_reason_and_can_be_retried() {
    let bridge = Bridge::installed().await;
    bridge.jira().hide("pd:Q1");
    bridge.pagerduty(&triggered("Q1")).await;
    bridge.settle().await;
    for _ in 0..3 {
        for wait in [1, 4, 15, 60, 300, 900] {
            bridge.settle_after(wait).await;
        }
    }
    let row = bridge.delivery("pd:Q1").await;
    assert_eq!(row.state, DeliveryState::Refused);
    assert!(row.reason.is_some_and(|reason| reason.contains("never showed")));
    assert_eq!(bridge.jira().submitted_versions(Kind::Incident, "pd:Q1").len(), 3);
    bridge.jira().allow("pd:Q1");
    assert_eq!(bridge.engine.store().deliveries().retry(None).await.expect("the store works"), 1);
    bridge.settle().await;
    bridge.settle_after(1).await;
    assert_eq!(bridge.delivery("pd:Q1").await.state, DeliveryState::Confirmed);
    bridge.finish().await;
}

#[tokio::test]
async fn a_component_that_the_tool_has_deleted_disappears_from_jira() {
    let bridge = Bridge::installed().await;
    let source = SourceId::parse("pd").expect("valid");
    let runtime = bridge.engine.registry().find("pd").expect("it is configured").clone();
    let tell = async |observation: Observation| {
        let observations = [observation];
        let report = Report { observations: &observations, ..Report::new(Origin::Catalogue) };
        bridge.engine.store().apply(&runtime.scope(), &[report]).await.expect("the store works");
        bridge.settle().await;
    };
    let component = Component {
        provider_id: "POLD".to_owned(),
        name: "Old service".to_owned(),
        description: String::new(),
        url: "https://acme.pagerduty.com/services/POLD".to_owned(),
        avatar_url: None,
        tier: None,
        component_type: None,
        updated_at: bridge.clock.now(),
        workspaces: Vec::new(),
    };
    let present = incident_bridge::domain::Entity::Component(component);
    tell(Observation::present(present.clone(), bridge.clock.now())).await;
    assert!(bridge.jira().entity(Kind::Component, "pd:POLD").is_some());
    bridge.advance(60);
    tell(Observation::deleted(EntityKind::Component, "POLD".to_owned(), bridge.clock.now())).await;
    assert!(bridge.jira().entity(Kind::Component, "pd:POLD").is_none());
    bridge.settle_after(2).await;
    assert_eq!(bridge.delivery("pd:POLD").await.state, DeliveryState::Confirmed);
    assert_eq!(
        bridge.engine.store().entities().list_listed_components(&source).await.expect("the store works"),
        Vec::<String>::new()
    );

    // It may appear again.
    bridge.advance(60);
    tell(Observation::present(present, bridge.clock.now())).await;
    assert!(bridge.jira().entity(Kind::Component, "pd:POLD").is_some());
    bridge.finish().await;
}

#[tokio::test]
async fn many_incidents_share_requests_and_a_sample_of_them_is_read_back() {
    let bridge = Setup::default().config("[delivery]\nmax_batch = 100").start().await;
    bridge.install().await;
    for n in 0..150 {
        bridge.pagerduty(&triggered(&format!("Q{n}"))).await;
    }
    bridge.settle().await;
    let sizes: Vec<usize> =
        writes(&bridge).into_iter().filter(|(path, _)| path == INCIDENTS).map(|(_, size)| size).collect();
    assert_eq!(sizes, [100, 50]);
    let reads =
        || bridge.jira().requests().iter().filter(|request| request.path.contains("/incidents/")).count();
    assert_eq!(reads(), 0);
    bridge.settle_after(1).await;
    assert!((10..=45).contains(&reads()), "{} reads", reads());
    for n in 0..150 {
        assert_eq!(bridge.delivery(&format!("pd:Q{n}")).await.state, DeliveryState::Confirmed);
    }
    bridge.finish().await;
}

#[tokio::test]
async fn a_change_need_not_wait_until_all_is_read_back() {
    let bridge = Bridge::installed().await;
    for n in 0..20 {
        bridge.pagerduty(&triggered(&format!("Q{n}"))).await;
    }
    bridge.settle().await;
    let slow = std::time::Duration::from_millis(100);
    bridge.jira().fail_next(Fault::slow(slow).on("GET", "/rest/operations").times(100));
    bridge.advance(1);
    let key = incident_bridge::domain::DestinationId(
        bridge.jira().find_installation().expect("installed").client_key,
    );
    let reads = || bridge.jira().requests().iter().filter(|it| it.path.contains("/incidents/")).count();
    let change = async {
        eventually("a read-back", async || (reads() > 0).then_some(())).await;
        bridge.pagerduty(&triggered("NEW")).await;
        bridge.engine.inbound().process_inbox().await.expect("the store works");
        eventually("the change", async || bridge.jira().incident("pd:NEW").map(drop)).await;
        reads()
    };
    let (served, reads) = tokio::join!(bridge.serve(&key), change);
    assert!(served.expect("the store works"));
    assert!((1..15).contains(&reads), "{reads} reads before the change could go");
    bridge.settle().await;
    bridge.jira().clear_faults();
    bridge.settle_after(1).await;
    bridge.finish().await;
}

#[tokio::test]
async fn nothing_is_read_back_when_that_is_switched_off() {
    let bridge = Setup::default().config("[delivery]\nconfirm = false").start().await;
    bridge.install().await;
    bridge.pagerduty(&triggered("Q1")).await;
    bridge.settle().await;
    bridge.settle_after(3600).await;
    assert!(bridge.jira().incident("pd:Q1").is_some());
    assert_eq!(bridge.delivery("pd:Q1").await.state, DeliveryState::Accepted);
    assert_eq!(
        bridge.jira().requests().iter().filter(|request| request.path.contains("/incidents/")).count(),
        0
    );
    bridge.finish().await;
}

#[tokio::test]
async fn components_have_the_defaults_of_their_source_and_a_change_of_these_arrives_with_a_full_sync() {
    let source = "[[sources]]\nid = \"pd\"\ntype = \"pagerduty\"\nwebhook_secrets = [\"pagerduty-signs-with-this\"]\n\
                  component_type = \"Cloud resource\"\ncomponent_avatar_url = \"https://cdn.example.com/service.png\"\n";
    let mut bridge = Setup::default().sources(source).start().await;
    bridge.install().await;
    bridge.pagerduty(&triggered("Q1")).await;
    bridge.settle_after(5).await;
    let component = |bridge: &Bridge| {
        let component = bridge.jira().entity(Kind::Component, "pd:PCHECKOUT").expect("it arrived");
        ["tier", "componentType", "avatarUrl"]
            .map(|field| component[field].as_str().expect("text").to_owned())
    };
    let icon = "https://cdn.example.com/service.png";
    assert_eq!(component(&bridge), ["Tier 4", "Cloud resource", icon]);
    bridge.config.sources[0].component_tier = Tier::One;
    bridge.restart().await;
    let source = bridge.engine.registry().find("pd").expect("it is configured").clone();
    bridge.engine.send_everything_again(&source).await.expect("the store works");
    bridge.settle().await;
    bridge.settle_after(5).await;
    assert_eq!(component(&bridge), ["Tier 1", "Cloud resource", icon]);
    assert_eq!(bridge.delivery("pd:Q1").await.state, DeliveryState::Confirmed);
    let versions = bridge.jira().submitted_versions(Kind::Incident, "pd:Q1");
    assert!(versions.is_sorted() && versions.len() == 2, "{versions:?}");
    bridge.finish().await;
}
