//! What is on the disk: readable by its owner alone, without credentials, and gone once it is erased.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use incident_bridge::domain::{Needle, SourceId};
use incident_bridge::store::InboxEntry;
use incident_bridge::sync::Subject;

use crate::harness::Bridge;
use crate::harness::pagerduty::triggered;
use crate::harness::place::{Place, command, read};

const DAY: i64 = 24 * 3600;
const FILES: [&str; 4] = ["bridge.db", "bridge.db-wal", "bridge.db-shm", "bridge.db.lock"];

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).expect("it exists").permissions().mode() & 0o777
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("it is ours");
}

/// Which of the database's files contain the text.
fn files_with(bridge: &Bridge, text: &str) -> Vec<&'static str> {
    let folder: PathBuf = Path::new(&bridge.config_files()[0]).parent().expect("a folder").to_owned();
    let contains = |file: &&str| {
        let bytes = std::fs::read(folder.join(file)).unwrap_or_default();
        memchr::memmem::find(&bytes, text.as_bytes()).is_some()
    };
    FILES.into_iter().filter(contains).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_files_of_a_database_belong_to_their_owner_alone() {
    let place = Place::new();
    let mut bridge = place.serve_under("umask 022").await;
    assert_eq!(place.post("Q1").await, 202);
    let paths = FILES.map(|name| place.folder.path().join(name));
    for path in &paths {
        assert_eq!(mode(path), 0o600, "{}", path.display());
    }
    assert!(!read(&place.log()).contains("chmod"));
    bridge.signal("-TERM");
    bridge.ended().await;
    drop(bridge);

    // Files of an earlier version stay as they are, and both commands say what to run.
    for path in [&paths[0], &paths[3]] {
        set_mode(path, 0o644);
    }
    let _bridge = place.serve().await;
    let doctor = command(&["doctor"], Some(&place.file)).await;
    assert_eq!(doctor.code, Some(1));
    for path in [&paths[0], &paths[3]] {
        let fix = format!("chmod 600 {}", path.display());
        assert!(doctor.out.contains(&fix), "{doctor:?}");
        assert!(read(&place.log()).contains(&fix));
        assert_eq!(mode(path), 0o644);
    }
}

#[tokio::test]
async fn what_an_uninstall_erases_is_in_no_file() {
    let bridge = Bridge::installed().await;
    bridge.pagerduty(&triggered("Q1")).await;
    bridge.settle().await;
    bridge.jira().associate("pd:Q1", "ISSUE-4711").await.expect("an answer");
    assert!(!files_with(&bridge, "ISSUE-4711").is_empty());
    bridge.jira().uninstall().await.expect("it is installed");
    assert_eq!(files_with(&bridge, "ISSUE-4711"), [""; 0]);
    bridge.finish().await;
}

#[tokio::test]
async fn what_retention_removes_is_in_no_file_and_the_file_shrinks() {
    let bridge = Bridge::installed().await;
    let post = async |body: String| {
        let credential = [("Authorization", "Bearer generic-token")];
        bridge.post_webhook("gen", body, &credential).await.status
    };
    let padding = "only the webhook says so ".repeat(8_000);
    for n in 0..3 {
        let body = serde_json::json!({ "id": format!("G{n}"), "title": "Down", "state": "open",
            "link": "https://tool.example/1", "opened": "2026-09-14T08:00:00Z", "note": padding });
        // As earlier releases kept it: in a compressed body nobody would find the text.
        let entry = InboxEntry {
            source: SourceId::parse("gen").expect("valid"),
            delivery_key: format!("G{n}"),
            delivery_id: None,
            received_at: bridge.clock.now(),
            verified_by: "webhook_token".to_owned(),
            headers: "[]".to_owned(),
            body: body.to_string().into_bytes().into(),
            quarantine: None,
        };
        bridge.engine.store().inbox().record(&[entry]).await.expect("it records");
    }
    assert_eq!(post("{ never to be mapped".to_owned()).await, 400);
    bridge.settle().await;
    bridge.engine.run_nightly().await.expect("the store works");
    let size = || {
        let folder = Path::new(&bridge.config_files()[0]).with_file_name("bridge.db");
        std::fs::metadata(folder).expect("it exists").len()
    };
    let before = size();
    assert!(!files_with(&bridge, "only the webhook").is_empty());
    bridge.advance(15 * DAY);
    bridge.engine.run_nightly().await.expect("the store works");
    assert_eq!(files_with(&bridge, "only the webhook"), [""; 0]);
    assert!(size() + 400_000 < before, "{} of {before}", size());
    assert!(!files_with(&bridge, "never to be mapped").is_empty(), "a person may still want it");
    bridge.advance(76 * DAY);
    bridge.engine.run_nightly().await.expect("the store works");
    assert_eq!(files_with(&bridge, "never to be mapped"), [""; 0]);
    bridge.finish().await;
}

#[tokio::test]
async fn what_an_operator_erases_is_in_no_file() {
    let bridge = Bridge::installed().await;
    bridge.pagerduty(&triggered("QERASED1").titled("Zanzibar is down")).await;
    bridge.pagerduty(&triggered("QOTHER1").titled("Jane Doe is on it")).await;
    bridge.settle().await;
    assert!(!files_with(&bridge, "Zanzibar").is_empty() && !files_with(&bridge, "Jane Doe").is_empty());
    let needle = Needle::parse("jane doe").expect("long enough");
    for subject in [Subject::Incident("QERASED1".to_owned()), Subject::Person(needle)] {
        let operator = bridge.engine.operator();
        let plan = operator.plan_erasure(&subject).await.expect("the store works");
        operator.erase(&plan).await.expect("the store works");
    }
    assert_eq!((files_with(&bridge, "Zanzibar"), files_with(&bridge, "Jane Doe")), (vec![], vec![]));
    bridge.finish().await;
}

#[tokio::test]
async fn an_expired_secret_is_erased_within_minutes() {
    let bridge = Bridge::installed().await;
    bridge.jira().reinstall().await.expect("it installs again");
    bridge.settle().await;
    let count = async || {
        let rows = bridge.engine.store().sites().list_installations().await.expect("the store works");
        rows[0].secrets.len()
    };
    let housekeeping = bridge.task("housekeeping");
    housekeeping.run().await.expect("the store works");
    assert_eq!(count().await, 2);
    bridge.advance(5 * 60);
    housekeeping.run().await.expect("the store works");
    // The reader hides an expired secret; a clock that is set back would show one that is still stored.
    bridge.clock.set(chrono::TimeDelta::minutes(-5));
    assert_eq!(count().await, 1);
    bridge.clock.set(chrono::TimeDelta::minutes(5));
    bridge.finish().await;
}

#[tokio::test]
async fn of_the_headers_of_a_webhook_only_harmless_ones_are_stored() {
    let bridge = Bridge::installed().await;
    let headers = [
        ("Authorization", "Bearer generic-token"),
        ("User-Agent", "tool/1"),
        ("X-Original-URI", "/webhooks/gen/generic-token"),
        ("X-Forwarded-For", "192.0.2.7"),
        ("X-Auth-Request-User", "jane"),
        ("Webhook-Id", "msg_1"),
        ("Referer", "https://proxy.example/webhooks/gen/generic-token"),
    ];
    let body = "{\"id\":\"G1\",\"title\":\"Down\",\"state\":\"open\",\"link\":\"https://tool.example/1\",\"opened\":\"2026-09-14T08:00:00Z\"}";
    assert_eq!(bridge.post_webhook("gen", body, &headers).await.status, 202);
    let id = SourceId::parse("gen").expect("valid");
    let row = bridge.engine.store().inbox().list_new(&id, 1).await.expect("the store works").remove(0);
    let kept: Vec<(String, String)> = serde_json::from_str(&row.headers).expect("JSON");
    let mut names: Vec<&str> = kept.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["content-type", "user-agent", "webhook-id", "x-request-id"], "{kept:?}");
    assert_eq!(files_with(&bridge, "generic-token"), [""; 0]);
    bridge.settle().await;
    assert!(bridge.jira().incident("gen:G1").is_some());
    bridge.finish().await;
}
