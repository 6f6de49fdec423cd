//! Programs that run beside the tests, and the only place that waits for them in real time.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How long to wait for another program.
const TIMEOUT: Duration = Duration::from_mins(1);

/// The value of a variable that `tests/run` sets.
pub fn require(variable: &str) -> String {
    let value = std::env::var_os(variable).and_then(|value| value.into_string().ok());
    let value = value.filter(|value| !value.is_empty());
    value.unwrap_or_else(|| panic!("{variable} is not set: run the tests with tests/run, which sets it"))
}

/// A program that is killed when the test is over.
pub struct Program(Child);

impl Program {
    /// Its output goes to the file `log`.
    pub fn start<S: AsRef<OsStr>>(program: impl AsRef<OsStr>, arguments: &[S], log: &Path) -> Self {
        let file = std::fs::File::create(log).expect("the folder is writable");
        let out = file.try_clone().expect("a second handle");
        let mut command = Command::new(program.as_ref());
        command.args(arguments).stdin(Stdio::null()).stdout(out).stderr(file);
        Self(command.spawn().unwrap_or_else(|fault| panic!("{}: {fault}", program.as_ref().display())))
    }

    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// Sends a signal such as `-TERM`.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args([name, &self.id().to_string()]).status();
        assert!(status.expect("kill exists").success());
    }

    pub fn is_running(&mut self) -> bool {
        self.0.try_wait().expect("it is ours").is_none()
    }

    /// Kills it without warning, as a power cut would.
    pub fn kill(&mut self) {
        self.0.kill().expect("it runs");
        self.0.wait().expect("it has ended");
    }

    /// Waits until it ends by itself.
    pub async fn ended(&mut self) -> ExitStatus {
        eventually("the program ends", async || self.0.try_wait().expect("it is ours")).await
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // If it has ended already, there is nothing to do.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Asks again and again until there is an answer.
pub async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(start.elapsed() < TIMEOUT, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
