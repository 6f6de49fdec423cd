//! One of the programs that share a database, and the supervisor that starts it again.
//!
//! Must not know what the accidents are for.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Instant;

use anyhow::{Context as _, ensure};
use tokio::process::{Child, Command};

/// A program with a configuration, which may be stopped for a while.
pub struct Replica {
    /// What the next start runs.
    pub program: PathBuf,
    config: PathBuf,
    log: PathBuf,
    process: Option<Child>,
    /// Stopped until then.
    stopped: Option<Instant>,
}

impl Replica {
    /// # Errors
    /// When the program cannot be started.
    pub fn start(program: PathBuf, config: PathBuf, log: PathBuf) -> anyhow::Result<Self> {
        let mut it = Self { program, config, log, process: None, stopped: None };
        it.spawn()?;
        Ok(it)
    }

    fn spawn(&mut self) -> anyhow::Result<()> {
        let log = std::fs::File::options().create(true).append(true).open(&self.log)?;
        let mut command = Command::new(&self.program);
        command.arg("serve").arg("--config").arg(&self.config).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        self.process =
            Some(command.spawn().with_context(|| format!("{} does not start", self.program.display()))?);
        self.stopped = None;
        Ok(())
    }

    /// Starts it again if it has ended, as a supervisor would, and lets it go on when its time has come.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn look_after(&mut self) -> anyhow::Result<()> {
        if self.stopped.is_some_and(|until| until <= Instant::now()) {
            self.stopped = None;
            self.signal("-CONT")?;
        }
        let ended = match &mut self.process {
            Some(process) => process.try_wait()?.is_some(),
            None => true,
        };
        if ended { self.spawn() } else { Ok(()) }
    }

    pub fn is_stopped(&self) -> bool {
        self.stopped.is_some()
    }

    /// Nothing of it runs until then.
    ///
    /// # Errors
    /// When there is no `kill`.
    pub fn stop(&mut self, until: Instant) -> anyhow::Result<()> {
        self.stopped = Some(until);
        self.signal("-STOP")
    }

    /// # Errors
    /// When there is no `kill`.
    pub fn signal(&self, name: &str) -> anyhow::Result<()> {
        let Some(id) = self.process.as_ref().and_then(Child::id) else { return Ok(()) };
        let status = std::process::Command::new("kill").args([name, &id.to_string()]).status()?;
        ensure!(status.success(), "kill {name} {id}: {status}");
        Ok(())
    }
}
