//! Lets Jira fail in every way at once, in real time, and measures how soon everything arrives when it is
//! back.
//!
//! Run it with `cargo run --example outage`, after `cargo build`. Each way has a simulated site of its own on
//! one real bridge. It exits with 1 when anything arrives later than it must.

use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use clap::Parser as _;
use incident_bridge::clock::Clock;
use incident_bridge::connect::jwt::InstallKeyPair;
use incident_bridge::domain::format_timestamp;
use incident_bridge::simulator::{Fault, RunningSimulator, Simulator, SimulatorOptions};
use serde_json::json;
use tokio::process::{Child, Command};
use tokio::time::sleep;

/// Within this time of Jira's return everything must be there.
const SOON: Duration = Duration::from_secs(30);
const PORT: u16 = 27_999;
const SOURCE: &str = "[[sources]]\nid = \"gen\"\ntype = \"generic\"\nwebhook_token = \"generic-token-for-this\"\n\
                      [sources.mapping]\nid = \"/id\"\nsummary = \"/title\"\nstatus = \"/state\"\nurl = \"/link\"\n\
                      createdDate = \"/at\"\nlastUpdated = \"/at\"\n";

#[derive(clap::Parser)]
struct Arguments {
    /// How long the outage lasts
    #[arg(long, default_value_t = 180)]
    seconds: u64,
    /// The bridge; by default the one built with the same profile
    #[arg(long)]
    program: Option<PathBuf>,
}

/// One way to fail; without a fault, the site does not listen.
struct Way {
    name: &'static str,
    fault: Option<Fault>,
    site: Option<RunningSimulator>,
    simulator: Simulator,
    requests: u64,
    arrived: Option<Duration>,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let program = match arguments.program {
        Some(program) => program,
        None => find_program()?,
    };
    let folder = tempfile::tempdir()?;
    let mut ways = start_sites()?;
    let _bridge = start_bridge(&program, folder.path(), &ways).await?;
    for site in ways.iter().filter_map(|way| way.site.as_ref()) {
        site.install(&base_url()).await?;
    }
    tell(0).await?;
    let there =
        |way: &Way, count: u64| (0..count).all(|n| way.simulator.incident(&format!("gen:{n}")).is_some());
    while !ways.iter().all(|way| there(way, 1)) {
        sleep(Duration::from_millis(50)).await;
    }
    for way in &mut ways {
        way.begin().await?;
    }
    for n in 1..=arguments.seconds {
        tell(n).await?;
        sleep(Duration::from_secs(1)).await;
    }
    for way in &mut ways {
        way.end()?;
    }
    let back = Instant::now();
    while ways.iter().any(|way| way.arrived.is_none()) && back.elapsed() < 2 * SOON {
        for way in ways.iter_mut().filter(|way| way.arrived.is_none()) {
            way.arrived = there(way, arguments.seconds + 1).then(|| back.elapsed());
        }
        sleep(Duration::from_millis(50)).await;
    }
    Ok(report(&ways, arguments.seconds))
}

impl Way {
    async fn begin(&mut self) -> anyhow::Result<()> {
        self.requests = self.simulator.request_count();
        match &self.fault {
            Some(fault) => self.simulator.fail_next(fault.clone().times(u32::MAX)),
            None => self.site.take().context("it listens")?.stop().await?,
        }
        Ok(())
    }

    fn end(&mut self) -> anyhow::Result<()> {
        self.requests = self.simulator.request_count() - self.requests;
        self.simulator.clear_faults();
        if self.site.is_none() {
            let address = self.simulator.url().trim_start_matches("http://").parse()?;
            self.site = Some(self.simulator.listen_again(address)?);
        }
        Ok(())
    }
}

fn report(ways: &[Way], seconds: u64) -> ExitCode {
    println!(
        "{:<28}{:>20}{:>22}",
        format!("an outage of {seconds} s"),
        "requests meanwhile",
        "all there after"
    );
    let mut result = ExitCode::SUCCESS;
    for way in ways {
        let requests = if way.fault.is_some() { way.requests.to_string() } else { "not seen".to_owned() };
        let arrived =
            way.arrived.map_or("never".to_owned(), |arrived| format!("{:.1} s", arrived.as_secs_f64()));
        println!("{:<28}{requests:>20}{arrived:>22}", way.name);
        if way.arrived.is_none_or(|arrived| arrived > SOON) {
            result = ExitCode::FAILURE;
        }
    }
    result
}

fn start_sites() -> anyhow::Result<Vec<Way>> {
    let key = InstallKeyPair::generate("install-key")?;
    let start = |(name, fault)| {
        let options = SimulatorOptions { install_key: Some(key.clone()), ..SimulatorOptions::default() };
        let site = Simulator::start(Clock::system(), "127.0.0.1:0".parse()?, options)?;
        let simulator = site.simulator().clone();
        Ok(Way { name, fault, site: Some(site), simulator, requests: 0, arrived: None })
    };
    let ways = [
        ("503", Some(Fault::status(503))),
        ("refused connections", None),
        ("broken connections", Some(Fault::dropped())),
        ("no answer", Some(Fault::hang())),
        ("429 without a time", Some(Fault::rate_limited("jira-burst-based", None))),
        ("429, Retry-After 20 s", Some(Fault::rate_limited("jira-burst-based", Some(20)))),
    ];
    ways.into_iter().map(start).collect()
}

fn base_url() -> String {
    format!("http://127.0.0.1:{PORT}")
}

async fn start_bridge(program: &Path, folder: &Path, ways: &[Way]) -> anyhow::Result<Child> {
    let hosts: Vec<String> =
        ways.iter().filter_map(|way| Some(way.site.as_ref()?.addr().to_string())).collect();
    let keys = ways.first().context("there are sites")?.simulator.install_keys_url();
    let text = format!(
        "[server]\nlisten = \"127.0.0.1:{PORT}\"\nbase_url = \"{}\"\n[operator]\nlisten = \"127.0.0.1:0\"\n\
         [store]\nurl = \"sqlite://{}\"\n[vault]\nkey = \"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\"\n\
         [connect]\nsites = {hosts:?}\ninsecure_sites = {hosts:?}\ninstall_key_urls = [\"{keys}\"]\n{SOURCE}",
        base_url(),
        folder.join("bridge.db").display(),
    );
    let file = folder.join("bridge.toml");
    std::fs::write(&file, text)?;
    let mut command = Command::new(program);
    command.arg("serve").arg("--config").arg(&file).kill_on_drop(true).stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(std::fs::File::create(folder.join("bridge.log"))?);
    let mut bridge = command.spawn()?;
    while reqwest::get(base_url()).await.is_err() {
        ensure!(bridge.try_wait()?.is_none(), "{}", std::fs::read_to_string(folder.join("bridge.log"))?);
        sleep(Duration::from_millis(50)).await;
    }
    Ok(bridge)
}

/// The tool says that an incident has opened.
async fn tell(n: u64) -> anyhow::Result<()> {
    let now = format_timestamp(Clock::system().now());
    let body = json!({ "id": n.to_string(), "title": "Down", "state": "open", "link": "https://tool.example/1", "at": now });
    let request = reqwest::Client::new().post(format!("{}/webhooks/gen", base_url()));
    let answer = request.bearer_auth("generic-token-for-this").json(&body).send().await?;
    ensure!(answer.status() == 202, "{}", answer.text().await?);
    Ok(())
}

/// `target/debug/examples/outage` is one folder below the program.
fn find_program() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let folder = own.parent().and_then(Path::parent).context("this program has no folder")?;
    Ok(folder.join(format!("incident-bridge{}", std::env::consts::EXE_SUFFIX)))
}
