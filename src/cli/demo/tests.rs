//! The whole demo in one process: the real bridge between a simulated Jira and simulated tools.

use super::stage::Stage;
use super::{compare, story};
use crate::clock::Clock;

#[tokio::test(flavor = "multi_thread")]
async fn after_the_story_jira_equals_the_tools() {
    let stage = Stage::build(0, &Clock::system()).await.unwrap();
    let summary = story::tell(&stage).await.unwrap();
    let text = summary.to_string();
    assert_eq!(summary.differences, Vec::<String>::new(), "{text}");
    assert!(summary.equal && text.ends_with("Jira equals the tools: yes"), "{text}");

    let [pager, alerts, status] = summary.tools.as_slice() else { panic!("{text}") };
    assert_eq!((pager.incidents, pager.open, alerts.incidents, alerts.open), (12, 1, 5, 0));
    assert_eq!((status.incidents, status.open, status.changes, summary.reviews), (5, 0, 12, 2));
    let told = pager.changes + 1 + status.changes;
    assert_eq!((summary.webhooks, summary.delivered.accepted), (told, summary.webhooks));
    assert_eq!(summary.delivered.dropped, 0);
    assert!(pager.changes >= 52, "{text}");
    assert_eq!((stage.jira.incidents().len(), summary.work_items), (22, 12));
    // Bursts are written once: fewer versions than changes, and many entities per request.
    assert!((summary.incident_versions as u64) < summary.changes(), "{text}");
    assert!(summary.writes < summary.entities_written, "{text}");

    // The comparison is not blind: what cannot reach Jira is named.
    stage.jira.disable().await.unwrap();
    stage.tools.pager.open("Nobody has heard of this yet", super::scenery::CHECKOUT, None);
    assert_eq!(compare::compare(&stage.jira, &stage.tools).len(), 1);
    assert_eq!(stage.differences().iter().filter(|it| it.ends_with("has no work item")).count(), 1);
    stage.strike().await.unwrap();
}
