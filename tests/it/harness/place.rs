//! The real program with its files: for tests that start, stop and command it.

use std::path::{Path, PathBuf};

use incident_bridge::clock::Clock;
use incident_bridge::simulator::RunningSimulator;

use super::pagerduty::{sign, triggered};
use super::program::{Program, eventually};
use super::{bridge_file, pick_port, start_site};

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_incident-bridge");
const SOURCE: &str =
    "[[sources]]\nid = \"pd\"\ntype = \"pagerduty\"\nwebhook_secrets = [\"pagerduty-signs-with-this\"]\n";

/// The files and addresses of a bridge that may be started several times.
pub struct Place {
    pub folder: tempfile::TempDir,
    pub site: RunningSimulator,
    pub file: PathBuf,
    pub base_url: String,
}

impl Place {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let site = start_site(&Clock::system(), 0);
        let port = pick_port();
        let file = folder.path().join("bridge.toml");
        std::fs::write(&file, bridge_file(port, folder.path(), &site, SOURCE))
            .expect("the folder is writable");
        Self { folder, site, file, base_url: format!("http://127.0.0.1:{port}") }
    }

    pub fn log(&self) -> PathBuf {
        self.folder.path().join("bridge.log")
    }

    pub async fn serve(&self) -> Program {
        let arguments = ["serve".as_ref(), "--config".as_ref(), self.file.as_os_str()];
        let mut program = Program::start(PROGRAM, &arguments, &self.log());
        eventually("the bridge answers", async || {
            assert!(program.is_running(), "{}", read(&self.log()));
            reqwest::get(&self.base_url).await.ok()
        })
        .await;
        program
    }

    pub async fn post(&self, incident: &str) -> u16 {
        let body = triggered(incident).body(&Clock::system());
        let request = reqwest::Client::new().post(format!("{}/webhooks/pd", self.base_url));
        let request = request.header("X-PagerDuty-Signature", sign(&body)).body(body);
        request.send().await.expect("the bridge answers").status().as_u16()
    }
}

pub fn read(path: &Path) -> String {
    std::fs::read_to_string(path).expect("the log is readable")
}

/// What a command that ended has said.
#[derive(Debug)]
pub struct Said {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

/// Runs one command of the program to its end.
pub async fn command(arguments: &[&str], config: Option<&Path>) -> Said {
    let mut command = tokio::process::Command::new(PROGRAM);
    command.args(arguments).env_clear().stdin(std::process::Stdio::null());
    if let Some(file) = config {
        command.arg("--config").arg(file);
    }
    let ended = command.output().await.expect("the program starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Said { code: ended.status.code(), out: text(&ended.stdout), err: text(&ended.stderr) }
}
