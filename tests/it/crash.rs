//! The real program is started, killed and started again.

use incident_bridge::simulator::Fault;

use crate::crash_test::story::{Plan, play};
use crate::crash_test::work_items::{self, Haste};
use crate::harness::pick_port;
use crate::harness::place::{PROGRAM, Place, read};
use crate::harness::program::{Program, eventually, require};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_with_2xx_survives_a_kill() {
    let place = Place::new();
    let mut bridge = place.serve().await;
    place.site.install(&place.base_url).await.expect("it installs");
    place.site.fail_next(Fault::status(503).times(1_000));
    assert_eq!(place.post("Q1").await, 202);
    bridge.kill();
    assert!(place.site.incident("pd:Q1").is_none());
    place.site.clear_faults();
    let _bridge = place.serve().await;
    let arrived = eventually("the incident arrives", async || place.site.incident("pd:Q1")).await;
    assert_eq!(arrived["status"], "open");
    assert!(place.site.schema_violations().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_at_any_moment_lose_no_webhook_that_was_answered() {
    let place = Place::new();
    let mut bridge = place.serve().await;
    place.site.install(&place.base_url).await.expect("it installs");
    for round in 0..4 {
        for n in 0..5 {
            assert_eq!(place.post(&format!("Q{round}x{n}")).await, 202);
        }
        bridge.kill();
        bridge = place.serve().await;
    }
    let all = || place.site.incidents().len() == 20;
    eventually("all incidents arrive", async || all().then_some(())).await;
}

/// A short form of `cargo run --release --example crash_test`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_under_load_lose_nothing_and_turn_nothing_back() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let round = std::time::Duration::from_secs(2);
    let plan = Plan { program: PROGRAM.into(), port: pick_port(), rounds: 3, seed: 7, round };
    let report = play(plan, folder.path(), |_, _| ()).await.expect("the bridge starts again each time");
    assert!(report.is_clean(), "{report}");
    assert!(report.kills >= 3 && report.writes >= report.incidents && report.incidents > 10, "{report}");
}

/// A short form of `cargo run --release --example crash_test -- --work-items --faketime LIBRARY`: what takes five minutes
/// takes seconds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_under_load_double_no_work_item_and_undo_no_edit() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let plan = work_items::Plan {
        program: PROGRAM.into(),
        port: pick_port(),
        rounds: 3,
        seed: 7,
        round: std::time::Duration::from_secs(2),
        haste: Some(Haste { library: require("BRIDGE_TEST_FAKETIME").into(), speed: 20 }),
        brief: true,
    };
    let report = work_items::play(plan, folder.path(), |_, _| ()).await;
    let report = report.expect("the bridge starts again each time");
    assert!(report.is_clean(), "{report}");
    assert!(report.kills >= 3 && report.edits > 5 && report.incidents > 3, "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_process_on_the_same_sqlite_file_is_refused_with_a_reason() {
    let place = Place::new();
    let mut first = place.serve().await;
    let log = place.folder.path().join("second.log");
    let arguments = ["serve".as_ref(), "--config".as_ref(), place.file.as_os_str()];
    let mut second = Program::start(PROGRAM, &arguments, &log);
    assert_eq!(second.ended().await.code(), Some(1));
    let said = read(&log);
    assert!(said.contains("another incident-bridge already serves from this SQLite database"), "{said}");
    assert!(first.is_running());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_ends_it_with_exit_code_0() {
    let place = Place::new();
    for name in ["-TERM", "-INT"] {
        let mut bridge = place.serve().await;
        bridge.signal(name);
        assert_eq!(bridge.ended().await.code(), Some(0), "{}", read(&place.log()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_configuration_ends_it_with_exit_code_2_and_says_what_to_fix() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (file, log) = (folder.path().join("bad.toml"), folder.path().join("bad.log"));
    std::fs::write(&file, "[server]\nlisten_on = \"127.0.0.1:0\"\n").expect("the folder is writable");
    let arguments = ["serve".as_ref(), "--config".as_ref(), file.as_os_str()];
    let mut bridge = Program::start(PROGRAM, &arguments, &log);
    assert_eq!(bridge.ended().await.code(), Some(2));
    let said = read(&log);
    assert!(said.contains("server.listen_on") && said.contains("vault"), "{said}");
}
