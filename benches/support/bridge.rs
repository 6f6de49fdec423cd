//! The real program as a child process with default settings, on its own SQLite file or on a database that it shares.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use incident_bridge::store::Vault;
use secrecy::SecretString;
use tempfile::TempDir;

use crate::client::Connection;
use crate::config::{Site, sqlite_url, write_config};

/// A first start sets up each source, at a few syncs of the disk.
const START_LIMIT: Duration = Duration::from_mins(3);

/// A folder with a configuration, ready to serve from.
pub struct Ground {
    folder: TempDir,
    pub config: PathBuf,
    pub public: SocketAddr,
    operator: SocketAddr,
    base_url: String,
    /// The program of this build, or the one that the variable `BRIDGE_BENCH_BINARY` names.
    pub program: PathBuf,
}

/// What several processes have in common.
pub struct Shared<'a> {
    /// URL of their database.
    pub store: &'a str,
    pub vault_key: &'a SecretString,
    /// Where Jira finds them. `None`: at this one's own address.
    pub base_url: Option<&'a str>,
}

impl Ground {
    /// `jira` and `install_keys` are addresses of the sites that may install; `sources` is TOML.
    pub fn new(jira: &[&str], install_keys: &str, sources: &str) -> Self {
        Self::prepare(None, jira, install_keys, sources)
    }

    /// The same for one of several processes.
    pub fn sharing(shared: &Shared<'_>, jira: &[&str], install_keys: &str, sources: &str) -> Self {
        Self::prepare(Some(shared), jira, install_keys, sources)
    }

    fn prepare(shared: Option<&Shared<'_>>, jira: &[&str], install_keys: &str, sources: &str) -> Self {
        // On the disk that the program was built on: the system's temporary folder may be in memory.
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        let (public, operator) = free_addresses();
        let base_url = shared.and_then(|shared| shared.base_url);
        let base_url = base_url.map_or_else(|| format!("http://{public}"), str::to_owned);
        let config = write_config(&Site {
            folder: folder.path(),
            public,
            operator,
            base_url: &base_url,
            store: &shared.map_or_else(|| sqlite_url(folder.path()), |shared| shared.store.to_owned()),
            vault_key: shared.map_or(&Vault::generate_key(), |shared| shared.vault_key),
            jira,
            install_keys,
            sources,
        });
        Self { folder, config, public, operator, base_url, program: program() }
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn base_url(&self) -> String {
        self.base_url.clone()
    }

    /// Starts the program; returns once `/healthz` answers, with the time this took.
    pub async fn start(&self) -> (Bridge, Duration) {
        self.run("", &[]).await
    }

    /// The same in some roles only; what it logs goes to a file in its folder.
    pub async fn start_as(&self, roles: &str) -> (Bridge, Duration) {
        let log = self.folder().join("log");
        self.run(&format!("exec 2>>'{}'", log.display()), &["--role", roles]).await
    }

    /// Runs another command of the program with the same configuration, whatever it says.
    pub async fn command(&self, arguments: &[&str]) {
        let mut command = tokio::process::Command::new(&self.program);
        command.args(arguments).arg("--config").arg(&self.config);
        command.output().await.expect("the program");
    }

    /// The same, by a shell that first runs `first`, such as setting a limit.
    pub async fn start_under(&self, first: &str) -> (Bridge, Duration) {
        self.run(first, &[]).await
    }

    async fn run(&self, first: &str, arguments: &[&str]) -> (Bridge, Duration) {
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(format!("{first}\nexec \"$@\"")).arg("sh");
        command.arg(&self.program).arg("serve").arg("--config").arg(&self.config).args(arguments);
        let start = Instant::now();
        let child = command.spawn().expect("the program");
        let bridge = Bridge { child, operator: self.operator };
        while !bridge.is_healthy().await {
            assert!(start.elapsed() < START_LIMIT, "the program does not start");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        (bridge, start.elapsed())
    }
}

fn program() -> PathBuf {
    let other = std::env::var_os("BRIDGE_BENCH_BINARY").map(PathBuf::from);
    other.unwrap_or_else(|| env!("CARGO_BIN_EXE_incident-bridge").into())
}

/// Two free ports, both held until both are known.
fn free_addresses() -> (SocketAddr, SocketAddr) {
    let bind = || TcpListener::bind("127.0.0.1:0").expect("a free port");
    let (one, other) = (bind(), bind());
    (one.local_addr().expect("an address"), other.local_addr().expect("an address"))
}

/// The running program; dropping it ends it.
pub struct Bridge {
    child: Child,
    operator: SocketAddr,
}

impl Bridge {
    pub async fn is_healthy(&self) -> bool {
        matches!(self.ask("/healthz").await, Ok((200, _)))
    }

    /// CPU time of the process so far, which the kernel counts in hundredths of a second.
    pub fn cpu(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()));
        let stat = stat.expect("the status of a running process");
        // The second field is the program's name, in brackets; user and system time are the fields 14 and 15.
        let fields = stat.rsplit(')').next().expect("fields").split_whitespace().skip(11).take(2);
        let ticks: u64 = fields.map(|field| field.parse::<u64>().expect("a number")).sum();
        Duration::from_millis(ticks * 10)
    }

    /// Memory of the process in MB, as the kernel counts it.
    pub fn resident_mb(&self) -> f64 {
        self.memory_mb("VmRSS:")
    }

    /// Its peak.
    pub fn peak_mb(&self) -> f64 {
        self.memory_mb("VmHWM:")
    }

    fn memory_mb(&self, field: &str) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.expect("the status of a running process");
        let line = status.lines().find_map(|line| line.strip_prefix(field)).expect("its memory");
        let kilobytes: f64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
        kilobytes / 1024.0
    }

    /// The value of one line of `/metrics`.
    pub async fn metric(&self, series: &str) -> Option<usize> {
        let (_, text) = self.ask("/metrics").await.expect("metrics");
        let value = text.lines().find_map(|line| line.strip_prefix(series))?;
        value.trim().parse().ok()
    }

    async fn ask(&self, path: &str) -> std::io::Result<(u16, String)> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.operator);
        let mut connection = Connection::open(self.operator).await?;
        let (status, body) = connection.call(request.as_bytes()).await?;
        Ok((status, String::from_utf8_lossy(body).into_owned()))
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        self.child.kill().expect("a process of our own");
        self.child.wait().expect("its end");
    }
}
