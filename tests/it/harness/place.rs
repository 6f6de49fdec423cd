//! The real program with its files, for tests that start and stop it and run its commands.

use std::ffi::OsStr;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use incident_bridge::clock::Clock;
use incident_bridge::simulator::RunningSimulator;
use serde_json::Value;

use super::pagerduty::{sign, triggered};
use super::program::{Program, eventually};
use super::{bridge_file, pick_port, start_site};

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_incident-bridge");
/// A PagerDuty that posts webhooks.
pub const SOURCE: &str =
    "[[sources]]\nid = \"pd\"\ntype = \"pagerduty\"\nwebhook_secrets = [\"pagerduty-signs-with-this\"]\n";

/// The files and addresses of a bridge that may be started several times.
pub struct Place {
    pub folder: tempfile::TempDir,
    pub site: RunningSimulator,
    pub file: PathBuf,
    pub base_url: String,
    operator_url: String,
}

impl Place {
    pub fn new() -> Self {
        Self::with(&[], SOURCE)
    }

    /// With more sites that may install, and with its own sources and other sections.
    pub fn with(more_sites: &[RunningSimulator], sources: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let site = start_site(&Clock::system(), 0);
        let (port, operator_port) = (pick_port(), pick_port());
        let file = folder.path().join("bridge.toml");
        let sites: Vec<_> = std::iter::once(&site).chain(more_sites).collect();
        let text = bridge_file(port, folder.path(), &sites, sources);
        let text = text.replacen("127.0.0.1:0", &format!("127.0.0.1:{operator_port}"), 1);
        std::fs::write(&file, text).expect("the folder is writable");
        // It holds secrets, so the bridge would warn of it.
        std::fs::set_permissions(&file, Permissions::from_mode(0o600)).expect("it is ours");
        let url = |port| format!("http://127.0.0.1:{port}");
        Self { folder, site, file, base_url: url(port), operator_url: url(operator_port) }
    }

    pub fn log(&self) -> PathBuf {
        self.folder.path().join("bridge.log")
    }

    pub async fn serve(&self) -> Program {
        self.serve_under("").await
    }

    /// Started by a shell that first runs `first`, such as setting a limit or a variable.
    pub async fn serve_under(&self, first: &str) -> Program {
        let script = format!("{first}\nexec \"$@\"");
        let arguments: [&OsStr; 7] = [
            "-c".as_ref(),
            script.as_ref(),
            "sh".as_ref(),
            PROGRAM.as_ref(),
            "serve".as_ref(),
            "--config".as_ref(),
            self.file.as_os_str(),
        ];
        let mut program = Program::start("/bin/sh", &arguments, &self.log());
        eventually("the bridge answers", async || {
            assert!(program.is_running(), "{}", read(&self.log()));
            reqwest::get(&self.base_url).await.ok()
        })
        .await;
        program
    }

    /// What `/readyz` says: its status and its body.
    pub async fn readiness(&self) -> (u16, Value) {
        let answer = reqwest::get(format!("{}/readyz", self.operator_url)).await.expect("it answers");
        (answer.status().as_u16(), answer.json().await.expect("it is JSON"))
    }

    /// What the operator's listener answers.
    pub async fn ask_operator(&self, target: &str) -> (u16, String) {
        let answer = reqwest::get(format!("{}{target}", self.operator_url)).await.expect("it answers");
        (answer.status().as_u16(), answer.text().await.expect("it is text"))
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

/// The output of a finished command.
#[derive(Debug)]
pub struct Said {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

/// Runs one command of the program to its end.
pub async fn command(arguments: &[&str], config: Option<&Path>) -> Said {
    let file = config.map(|file| ["--config".as_ref(), file.as_os_str()]);
    let given: Vec<&OsStr> = arguments.iter().map(AsRef::as_ref).chain(file.into_iter().flatten()).collect();
    command_in(Path::new("."), &given, &[]).await
}

/// The same in another working directory, and with variables.
pub async fn command_in(folder: &Path, arguments: &[&OsStr], variables: &[(&str, &OsStr)]) -> Said {
    let mut command = tokio::process::Command::new(PROGRAM);
    command.args(arguments).env_clear().envs(variables.iter().copied()).current_dir(folder);
    command.stdin(std::process::Stdio::null());
    let ended = command.output().await.expect("the program starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Said { code: ended.status.code(), out: text(&ended.stdout), err: text(&ended.stderr) }
}
