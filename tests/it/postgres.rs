//! One complete story on PostgreSQL, and what only PostgreSQL allows: two processes on one database.

use incident_bridge::app::{App, Roles, build_ready_engine};
use incident_bridge::domain::DeliveryState;
use incident_bridge::simulator::{EntityKind as Kind, Fault};
use secrecy::ExposeSecret as _;
use tokio_util::sync::CancellationToken;

use crate::harness::pagerduty::triggered;
use crate::harness::program::eventually;
use crate::harness::{Setup, fresh_postgres};

const INCIDENTS: &str = "/rest/operations/1.0/bulk";

#[tokio::test]
async fn an_incident_lives_its_whole_life() {
    let mut bridge = Setup::default().store(fresh_postgres().await).start().await;
    bridge.pagerduty(&triggered("Q1").titled("Checkout is down")).await;
    bridge.settle().await;
    let site = bridge.install().await;
    bridge.settle().await;
    assert_eq!(bridge.jira().incident("pd:Q1").expect("it arrived")["status"], "open");
    assert_eq!(bridge.jira().linked_workspaces().len(), 3);
    bridge.settle_after(1).await;
    assert_eq!(bridge.delivery("pd:Q1").await.state, DeliveryState::Confirmed);

    bridge.jira().associate("pd:Q1", "10001").await.expect("an answer");
    bridge.jira().fail_next(Fault::rate_limited("jira-burst-based", Some(30)).on("POST", INCIDENTS));
    bridge.advance(60);
    bridge.pagerduty(&triggered("Q1").titled("Checkout is down").resolved()).await;
    bridge.settle().await;
    bridge.restart().await;
    bridge.settle().await;
    assert_eq!(bridge.jira().incident("pd:Q1").expect("it is there")["status"], "open");
    bridge.settle_after(30).await;
    assert_eq!(bridge.jira().incident("pd:Q1").expect("it is there")["status"], "resolved");
    assert_eq!(bridge.jira().submitted_versions(Kind::Incident, "pd:Q1").len(), 2);

    bridge.jira().refuse("pd:Q2", "not this one");
    bridge.pagerduty(&triggered("Q2")).await;
    bridge.pagerduty(&triggered("Q3")).await;
    bridge.settle().await;
    assert_eq!(bridge.delivery("pd:Q2").await.state, DeliveryState::Refused);
    assert!(bridge.jira().incident("pd:Q3").is_some());

    bridge.jira().reinstall().await.expect("it installs again");
    bridge.jira().allow("pd:Q2");
    bridge.settle().await;
    assert_eq!(bridge.jira().count(Kind::Incident), 3);
    bridge.engine.run_nightly().await.expect("the store works");
    bridge.settle_after(1).await;
    assert_eq!(bridge.delivery("pd:Q1").await.state, DeliveryState::Confirmed);

    bridge.jira().uninstall().await.expect("it is installed");
    assert!(bridge.deliveries("pd:Q1").await.is_empty());
    let answer = bridge.call(&site, reqwest::Method::GET, "/jira/containers/search", None).await;
    assert_eq!(answer.status, 401);
    bridge.finish().await;
}

#[tokio::test]
async fn readiness_is_answered_while_the_database_answers_nothing() {
    let bridge = Setup::default().store(fresh_postgres().await).start().await;
    let pool = sqlx::PgPool::connect(bridge.config.store.url.expose_secret()).await.expect("it is there");
    let mut holder = pool.begin().await.expect("a transaction");
    let hold = "LOCK TABLE generations IN ACCESS EXCLUSIVE MODE";
    sqlx::query(hold).execute(&mut *holder).await.expect("it takes the lock");
    let answer = bridge.get_as_operator("/readyz").await;
    assert_eq!((answer.status, &answer.body["database"]["ok"]), (503, &false.into()), "{answer:?}");
    assert_eq!(answer.body["database"]["why"], "no answer within 2 s");
    assert_eq!(bridge.get_as_operator("/healthz").await.status, 200);
    holder.rollback().await.expect("it lets go");
    // Within two seconds, which a busy database may take too.
    let is_ready = async || (bridge.get_as_operator("/readyz").await.status == 200).then_some(());
    eventually("it is ready again", is_ready).await;
    pool.close().await;
    bridge.finish().await;
}

#[tokio::test]
async fn refused_tokens_of_sites_cost_few_questions_to_the_database() {
    let bridge = Setup::default().store(fresh_postgres().await).start().await;
    let mut config = bridge.config.clone();
    config.server.listen.set_port(0);
    let second =
        App::start(&config, bridge.clock.clone(), Roles { web: true, sync: false }).await.expect("it starts");
    let target = "/jira/containers/search";
    let ask = async |token: &str| {
        let address = second.public_address().expect("it listens");
        let request = reqwest::Client::new().get(format!("http://{address}{target}"));
        crate::harness::send(request.header("Authorization", format!("JWT {token}"))).await.status
    };
    for _ in 0..20 {
        assert_eq!(ask("eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJub2JvZHkifQ.c2lnbmF0dXJl").await, 401);
    }
    let site = bridge.install().await;
    let claims = bridge.claims(&site, &reqwest::Method::GET, target);
    let token =
        incident_bridge::connect::jwt::sign_hs256(&claims, site.shared_secret.as_bytes()).expect("a token");
    assert_eq!(ask(&token).await, 401, "the database is not asked any more within this second");
    bridge.advance(1);
    assert_eq!(ask(&token).await, 200);
    let stop = CancellationToken::new();
    stop.cancel();
    second.run(stop).await.expect("it stops");
    bridge.finish().await;
}

#[tokio::test]
async fn a_second_process_answers_for_a_site_that_installed_at_the_first() {
    let bridge = Setup::default().store(fresh_postgres().await).start().await;
    let mut config = bridge.config.clone();
    config.server.listen.set_port(0);
    let second =
        App::start(&config, bridge.clock.clone(), Roles { web: true, sync: false }).await.expect("it starts");
    let site = bridge.install().await;
    let target = "/jira/containers/search";
    let claims = bridge.claims(&site, &reqwest::Method::GET, target);
    let token =
        incident_bridge::connect::jwt::sign_hs256(&claims, site.shared_secret.as_bytes()).expect("a token");
    let address = second.public_address().expect("it listens");
    let request = reqwest::Client::new().get(format!("http://{address}{target}"));
    let answer = crate::harness::send(request.header("Authorization", format!("JWT {token}"))).await;
    assert_eq!(answer.status, 200, "{answer:?}");

    // A webhook that the second process stored is delivered by the first.
    let event = triggered("Q1").body(&bridge.clock);
    let signature = crate::harness::pagerduty::sign(&event);
    let request = reqwest::Client::new().post(format!("http://{address}/webhooks/pd")).body(event);
    assert_eq!(crate::harness::send(request.header("X-PagerDuty-Signature", signature)).await.status, 202);
    bridge.settle().await;
    assert!(bridge.jira().incident("pd:Q1").is_some());
    let stop = CancellationToken::new();
    stop.cancel();
    second.run(stop).await.expect("it stops");
    bridge.finish().await;
}

#[tokio::test]
async fn two_processes_that_work_at_once_send_everything_and_lower_no_version() {
    let bridge = Setup::default().store(fresh_postgres().await).start().await;
    let second = build_ready_engine(&bridge.config, bridge.clock.clone()).await.expect("it starts");
    bridge.install().await;
    for round in 0..5 {
        for n in 0..10 {
            bridge.advance(1);
            bridge.pagerduty(&triggered(&format!("Q{n}")).titled(&format!("Round {round}"))).await;
        }
        let (one, two) = tokio::join!(bridge.engine.run_until_idle(), second.run_until_idle());
        one.and(two).expect("the store works");
    }
    bridge.settle().await;
    for n in 0..10 {
        let id = format!("pd:Q{n}");
        assert_eq!(bridge.jira().incident(&id).expect("it arrived")["summary"], "Round 4");
        let versions = bridge.jira().submitted_versions(Kind::Incident, &id);
        assert!(versions.windows(2).all(|pair| pair[0] <= pair[1]), "{versions:?}");
    }
    bridge.finish().await;
}
