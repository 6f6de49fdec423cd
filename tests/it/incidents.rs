//! `incidents`: which are listed, in which order, and where each stands; on both databases.

use incident_bridge::domain::{Entity, Observation, PostIncidentReview, ReviewStatus};
use incident_bridge::store::{Origin, Report};
use incident_bridge::sync::{IncidentFilter, IncidentList};
use serde_json::Value;

use crate::harness::pagerduty::triggered;
use crate::harness::place::{Place, command};
use crate::harness::program::eventually;
use crate::harness::{Bridge, Setup, on_both_databases, start_time};

async fn list(bridge: &Bridge, filter: IncidentFilter, limit: usize) -> IncidentList {
    bridge.engine.operator().list_incidents(&filter, limit).await.expect("the store works")
}

fn ids(list: &IncidentList) -> Vec<&str> {
    list.incidents.iter().map(|incident| incident.jira_id.as_str()).collect()
}

on_both_databases! {
    the_last_changed_comes_first_and_a_limit_says_that_there_are_more
    a_filter_picks_open_ones_those_of_a_source_and_those_of_a_site
    an_incident_is_found_by_number_and_address_and_shows_its_reviews_and_issues
}

async fn the_last_changed_comes_first_and_a_limit_says_that_there_are_more(setup: Setup) {
    let bridge = setup.start().await;
    bridge.install().await;
    for id in ["Q1", "Q2", "Q3"] {
        bridge.pagerduty(&triggered(id)).await;
        bridge.settle().await;
        bridge.settle_after(60).await;
    }
    bridge.pagerduty(&triggered("Q1").resolved()).await;
    bridge.settle().await;
    bridge.settle_after(5).await;
    let all = list(&bridge, IncidentFilter::default(), 3).await;
    assert_eq!((ids(&all), all.has_more), (vec!["pd:Q1", "pd:Q3", "pd:Q2"], false));
    let some = list(&bridge, IncidentFilter::default(), 2).await;
    assert_eq!((ids(&some), some.has_more), (vec!["pd:Q1", "pd:Q3"], true));
    let first = &all.incidents[0];
    assert_eq!((first.title.as_str(), first.status, first.severity), ("Incident Q1", "resolved", "P2"));
    assert_eq!(
        (first.services.as_slice(), first.number.as_deref()),
        (&["Service PCHECKOUT".to_owned()][..], Some("7"))
    );
    let site = bridge.jira().addr().to_string();
    assert!(
        first.destinations.iter().any(|it| it.site == site && it.state.as_str() == "confirmed"),
        "{first:?}"
    );
    bridge.finish().await;
}

async fn a_filter_picks_open_ones_those_of_a_source_and_those_of_a_site(setup: Setup) {
    let bridge = setup.sites(2).start().await;
    bridge.install().await;
    bridge.pagerduty(&triggered("Q1")).await;
    bridge.pagerduty(&triggered("Q2")).await;
    bridge.settle_after(60).await;
    bridge.pagerduty(&triggered("Q1").resolved()).await;
    bridge.settle_after(5).await;
    let open = IncidentFilter { open: true, ..IncidentFilter::default() };
    assert_eq!(ids(&list(&bridge, open, 10).await), ["pd:Q2"]);
    for (source, count) in [("pd", 2), ("am", 0)] {
        let of_source = IncidentFilter { source: Some(source.to_owned()), ..IncidentFilter::default() };
        assert_eq!(list(&bridge, of_source, 10).await.incidents.len(), count, "{source}");
    }
    for (site, count) in [(0, 2), (1, 0)] {
        let site = bridge.sites[site].addr().to_string();
        let at_site = IncidentFilter { site: Some(site.clone()), ..IncidentFilter::default() };
        assert_eq!(list(&bridge, at_site, 10).await.incidents.len(), count, "{site}");
    }
    bridge.finish().await;
}

async fn an_incident_is_found_by_number_and_address_and_shows_its_reviews_and_issues(setup: Setup) {
    let bridge = setup.start().await;
    bridge.install().await;
    bridge.pagerduty(&triggered("Q1")).await;
    bridge.settle().await;
    bridge.jira().associate("pd:Q1", "10001").await.expect("an answer");
    bridge.settle_after(2).await;
    tell_reviews(&bridge).await;
    let operator = bridge.engine.operator();
    for name in ["7", "#7", "https://acme.pagerduty.com/incidents/Q1"] {
        let told = operator.explain(name, &[]).await.expect("the store works");
        assert_eq!(told.stories.len(), 1, "{name}");
        let facts = told.stories[0].facts.as_ref().expect("it is there");
        assert_eq!(
            (facts.title.as_str(), facts.issues.as_slice()),
            ("Incident Q1", &["10001".to_owned()][..])
        );
        let reviews: Vec<_> = facts.reviews.iter().map(|it| (it.title.as_str(), it.status)).collect();
        assert_eq!(reviews, [("What we learned", "completed")], "{name}");
    }
    // As a release stored it that did not keep addresses.
    bridge.execute("UPDATE entities SET url_digest = NULL, number = NULL").await;
    let told =
        operator.explain("https://acme.pagerduty.com/incidents/Q1", &[]).await.expect("the store works");
    assert_eq!(told.stories.len(), 1);
    for name in ["8", "https://acme.pagerduty.com/incidents/Q2"] {
        assert!(operator.explain(name, &[]).await.expect("the store works").unknown.is_some(), "{name}");
    }
    bridge.finish().await;
}

/// A review of Q1, and one of another incident.
async fn tell_reviews(bridge: &Bridge) {
    let at = start_time();
    let review = |id: &str, title: &str, incident: &str| {
        let review = PostIncidentReview {
            provider_id: id.to_owned(),
            incidents: vec![incident.to_owned()],
            summary: title.to_owned(),
            description: "About Q1 too".to_owned(),
            url: format!("https://tool.example.com/reviews/{id}"),
            status: ReviewStatus::Completed,
            created_at: at,
            updated_at: at,
            workspaces: Vec::new(),
            associations: Vec::new(),
        };
        Observation::present(Entity::Review(review), at)
    };
    let observations = [review("R1", "What we learned", "Q1"), review("R2", "\"Q1\" and Q11", "Q11")];
    let runtime = bridge.engine.registry().find("pd").expect("it is configured").clone();
    let report = Report { observations: &observations, ..Report::new(Origin::Catalogue) };
    bridge.engine.store().apply(&runtime.scope(), &[report]).await.expect("the store works");
    bridge.settle_after(5).await;
}

/// The rows that a query plan of SQLite has, as one text.
async fn plan(bridge: &Bridge, sql: &str) -> String {
    use secrecy::ExposeSecret as _;
    use sqlx::{Connection as _, Row as _};
    let url = bridge.config.store.url.expose_secret();
    let mut connection = sqlx::sqlite::SqliteConnection::connect(url).await.expect("it opens");
    let sql = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"));
    let rows = sqlx::query(sql).fetch_all(&mut connection).await.expect("it plans");
    rows.iter().map(|row| row.get::<String, _>("detail")).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn no_list_and_no_look_up_reads_all_incidents() {
    let bridge = Bridge::start().await;
    for (condition, index) in [
        (
            "kind = 'incident' AND content IS NOT NULL ORDER BY updated_at DESC, id DESC LIMIT 9",
            "entities_by_change",
        ),
        (
            "kind = 'incident' AND content IS NOT NULL AND SUBSTR(standing, 1, 5) = 'open/' \
             ORDER BY updated_at DESC, id DESC LIMIT 9",
            "open_incidents_by_change",
        ),
        (
            "(kind IN ('component', 'incident', 'review') AND id = 'x') OR provider_id = 'x'",
            "entities_by_provider_id",
        ),
        ("number = 'x' OR url_digest = 'y'", "entities_by_number"),
    ] {
        let plan = plan(&bridge, &format!("SELECT content FROM entities WHERE {condition}")).await;
        assert!(plan.contains(index) && !plan.contains("SCAN entities\n"), "{condition}:\n{plan}");
    }
    bridge.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_lists_what_is_there_and_names_what_is_not() {
    let place = Place::new();
    let _bridge = place.serve().await;
    let ask =
        async |arguments: &[&str]| command(&[&["incidents"], arguments].concat(), Some(&place.file)).await;
    let said = ask(&[]).await;
    assert_eq!((said.code, said.out.as_str()), (Some(0), "there is no incident here\n"));
    place.site.install(&place.base_url).await.expect("it installs");
    assert_eq!(place.post("Q1").await, 202);
    eventually("it arrives", async || place.site.incident("pd:Q1")).await;
    let said = ask(&["--open", "--source", "pd", "--site", &place.site.addr().to_string()]).await;
    for part in ["TITLE", "Incident Q1", "open", "P2", "Service PCHECKOUT", "pd:Q1", "at 127.0.0.1"] {
        assert!(said.out.contains(part), "{part} in {said:?}");
    }
    let listed = ask(&["--json"]).await;
    let listed: Value = serde_json::from_str(&listed.out).expect("it is JSON");
    assert_eq!(listed["incidents"][0]["jira_id"], "pd:Q1");
    for (arguments, known) in
        [(["--source", "dp"], "\"pd\""), (["--site", "nowhere.atlassian.net"], "127.0.0.1")]
    {
        let said = ask(&arguments).await;
        assert_eq!(said.code, Some(1), "{said:?}");
        assert!(said.err.contains(arguments[1]) && said.err.contains(known), "{said:?}");
    }
}
