//! The real program is started, killed and started again.

use std::path::{Path, PathBuf};
use std::process::Command;

use incident_bridge::clock::Clock;
use incident_bridge::simulator::{Fault, RunningSimulator};

use crate::harness::pagerduty::{sign, triggered};
use crate::harness::program::{Program, eventually};
use crate::harness::{bridge_file, pick_port, start_site};

const PROGRAM: &str = env!("CARGO_BIN_EXE_incident-bridge");
const SOURCE: &str =
    "[[sources]]\nid = \"pd\"\ntype = \"pagerduty\"\nwebhook_secrets = [\"pagerduty-signs-with-this\"]\n";

/// The files and addresses of a bridge that may be started several times.
struct Place {
    folder: tempfile::TempDir,
    site: RunningSimulator,
    file: PathBuf,
    base_url: String,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let site = start_site(&Clock::system(), 0);
        let port = pick_port();
        let file = folder.path().join("bridge.toml");
        std::fs::write(&file, bridge_file(port, folder.path(), &site, SOURCE))
            .expect("the folder is writable");
        Self { folder, site, file, base_url: format!("http://127.0.0.1:{port}") }
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("bridge.log")
    }

    async fn serve(&self) -> Program {
        let arguments = ["serve".as_ref(), "--config".as_ref(), self.file.as_os_str()];
        let mut program = Program::start(PROGRAM, &arguments, &self.log());
        eventually("the bridge answers", async || {
            assert!(program.is_running(), "{}", read(&self.log()));
            reqwest::get(&self.base_url).await.ok()
        })
        .await;
        program
    }

    async fn post(&self, incident: &str) -> u16 {
        let body = triggered(incident).body(&Clock::system());
        let request = reqwest::Client::new().post(format!("{}/webhooks/pd", self.base_url));
        let request = request.header("X-PagerDuty-Signature", sign(&body)).body(body);
        request.send().await.expect("the bridge answers").status().as_u16()
    }
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).expect("the log is readable")
}

fn signal(program: &Program, name: &str) {
    let status = Command::new("kill").args([name, &program.id().to_string()]).status();
    assert!(status.expect("kill exists").success());
}

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
        signal(&bridge, name);
        assert_eq!(bridge.ended().await.code(), Some(0), "{}", read(&place.log()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_configuration_ends_it_with_exit_code_2_and_says_what_to_mend() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (file, log) = (folder.path().join("bad.toml"), folder.path().join("bad.log"));
    std::fs::write(&file, "[server]\nlisten_on = \"127.0.0.1:0\"\n").expect("the folder is writable");
    let arguments = ["serve".as_ref(), "--config".as_ref(), file.as_os_str()];
    let mut bridge = Program::start(PROGRAM, &arguments, &log);
    assert_eq!(bridge.ended().await.code(), Some(2));
    let said = read(&log);
    assert!(said.contains("server.listen_on") && said.contains("vault"), "{said}");
}
