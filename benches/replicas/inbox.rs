//! An inbox full of webhooks that nobody has applied yet, and what became of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use sqlx::PgConnection;
use tokio::task::JoinSet;

use crate::client::Connection;
use crate::sender::{event_time, incident_id};
use crate::stage::Stage;
use crate::webhook::{Event, Template};

const CONNECTIONS: usize = 32;
const PATIENCE: Duration = Duration::from_mins(5);

pub fn source_id(nth: usize) -> String {
    format!("pd{nth}")
}

/// Posts webhooks to a process with the role `web` alone, each about an incident of its own, to the sources in turn; Jira
/// knows the app by then. The process has ended when this returns.
pub async fn fill(stage: &Stage, webhooks: usize, sources: usize) {
    let _web = stage.start(0, "web").await;
    stage.install().await;
    let address = stage.grounds.first().expect("a process").public;
    let templates = (0..sources).map(|nth| Template::named(&address.to_string(), &source_id(nth)));
    let (templates, numbers) = (Arc::new(templates.collect::<Vec<_>>()), Arc::new(AtomicUsize::new(0)));
    let mut tasks = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let (templates, numbers) = (templates.clone(), numbers.clone());
        tasks.spawn(async move {
            let mut connection = Connection::open(address).await.expect("a connection");
            loop {
                let number = numbers.fetch_add(1, Ordering::Relaxed);
                if number >= webhooks {
                    return;
                }
                let (incident, title) = (incident_id(number), "Checkout is slow");
                let event = Event { number, at: event_time(number), incident: &incident, title };
                let template = templates.get(number % templates.len()).expect("a source");
                let (status, _) = connection.call(&template.request(&event)).await.expect("an answer");
                assert_eq!(status, 202);
            }
        });
    }
    tasks.join_all().await;
}

/// How many are left.
pub async fn count_new(admin: &mut PgConnection) -> usize {
    let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM inbox WHERE state = 'new'")
        .fetch_one(admin)
        .await
        .expect("the inbox");
    usize::try_from(count).expect("not negative")
}

/// Returns once none is left.
pub async fn wait_until_empty(admin: &mut PgConnection) {
    let (sql, start) = ("SELECT EXISTS (SELECT 1 FROM inbox WHERE state = 'new')", Instant::now());
    while sqlx::query_scalar::<_, bool>(sql).fetch_one(&mut *admin).await.expect("the inbox") {
        assert!(start.elapsed() < PATIENCE, "webhooks are left");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// How often a webhook was applied to its incident: the least and the most of all.
pub async fn count_applied(admin: &mut PgConnection) -> (i64, i64) {
    let sql = "SELECT MIN(times), MAX(times) FROM (
                   SELECT COUNT(timeline.id) AS times
                   FROM inbox
                   LEFT JOIN timeline ON kind = 'incident' AND detail::JSONB->>'delivery' = inbox.id
                   GROUP BY inbox.id
               ) AS webhooks";
    sqlx::query_as(sql).fetch_one(admin).await.expect("the timeline")
}
