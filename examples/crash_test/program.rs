//! The real program as a child process, which nothing outlives but its database.
//!
//! Must not look into that database.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use tokio::process::{Child, Command};
use tokio::time::sleep;

use super::model::{Random, configure_sources};

/// How long the bridge may take to start.
const START_LIMIT: Duration = Duration::from_mins(1);

/// The program with its folder and its port, which are the same for every start.
pub struct Program {
    binary: PathBuf,
    folder: PathBuf,
    port: u16,
    http: reqwest::Client,
    /// Environment of each start, as the shell would set it; not empty only to make its clock run faster, and with that its
    /// waits for a locked database shorter.
    pub environment: Vec<(String, String)>,
}

impl Program {
    pub fn new(binary: &Path, folder: &Path, port: u16, http: reqwest::Client) -> Self {
        let (binary, folder) = (binary.to_owned(), folder.to_owned());
        Self { binary, folder, port, http, environment: Vec::new() }
    }

    pub fn base_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn config(&self) -> PathBuf {
        self.folder.join("bridge.toml")
    }

    /// Writes the configuration: these PagerDuty sources, a SQLite database, and what `destination` says.
    pub fn configure(&self, destination: &str, accounts: &[&str]) -> anyhow::Result<()> {
        let (port, url) = (self.port, self.base_url());
        let database = self.folder.join("bridge.db");
        let text = format!(
            "[server]\nlisten = \"127.0.0.1:{port}\"\nbase_url = \"{url}\"\n[operator]\nlisten = \"127.0.0.1:0\"\n\
             [store]\nurl = \"sqlite://{}\"\n[vault]\nkey = \"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\"\n\
             {destination}{}",
            database.display(),
            configure_sources(accounts)
        );
        Ok(std::fs::write(self.config(), text)?)
    }

    pub fn spawn(&self) -> anyhow::Result<Child> {
        let log = std::fs::File::options().create(true).append(true).open(self.folder.join("bridge.log"))?;
        let mut command = Command::new(&self.binary);
        command.arg("serve").arg("--config").arg(self.config()).kill_on_drop(true);
        command.envs(self.environment.clone());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        command.spawn().with_context(|| format!("{} does not start", self.binary.display()))
    }

    /// Returns once it answers.
    pub async fn start(&self) -> anyhow::Result<Child> {
        let mut bridge = self.spawn()?;
        let start = Instant::now();
        while self.http.get(self.base_url()).send().await.is_err() {
            let ended = bridge.try_wait()?;
            let may_wait = ended.is_none() || !self.environment.is_empty();
            ensure!(may_wait && start.elapsed() < START_LIMIT, "the bridge does not start: {ended:?}");
            if ended.is_some() {
                bridge = self.spawn()?;
            }
            sleep(Duration::from_millis(10)).await;
        }
        Ok(bridge)
    }

    /// One start in four is killed before it completes. Returns the program, and how often it was killed.
    pub async fn start_or_die_trying(&self, random: &mut Random) -> anyhow::Result<(Child, u32)> {
        let dies = random.chance(25);
        if dies {
            let mut bridge = self.spawn()?;
            sleep(Duration::from_millis(random.below(150))).await;
            bridge.kill().await?;
        }
        Ok((self.start().await?, u32::from(dies)))
    }

    /// What waits or was refused, as an operator would ask it.
    pub async fn list_left(&self) -> anyhow::Result<Vec<String>> {
        let mut command = Command::new(&self.binary);
        command.args(["deliveries", "list", "--json", "--config"]).arg(self.config());
        command.envs(self.environment.clone());
        let said = command.output().await?;
        if !said.status.success() {
            let why = String::from_utf8_lossy(&said.stderr).into_owned();
            ensure!(!self.environment.is_empty(), "{why}");
            return Ok(vec![why]);
        }
        let rows: Vec<serde_json::Value> = serde_json::from_slice(&said.stdout)?;
        Ok(rows.iter().map(ToString::to_string).collect())
    }
}
