//! Measures one store: a start, idle seconds, new components, installations, and memory after all of it.

use std::path::Path;
use std::time::{Duration, Instant};

use incident_bridge::clock::Clock;
use incident_bridge::config::{Environment, load};
use incident_bridge::connect::jwt::InstallKeyPair;
use incident_bridge::simulator::{RunningSimulator, Simulator, SimulatorOptions};

use crate::bridge::{Bridge, Ground};
use crate::client::Connection;
use crate::fill::{Size, fill};
use crate::jira::Jira;
use crate::webhook::{Event, Template};

/// How long an idle process is watched.
const WATCHED: Duration = Duration::from_secs(30);
/// What a start leaves to do is done by then.
pub const SETTLES: Duration = Duration::from_mins(2);
/// Work that takes longer is given up.
const PATIENCE: Duration = Duration::from_mins(5);
const TIMES: u32 = 5;

/// What was measured; `None` where what came before was not over in time.
pub struct Figures {
    pub start: Duration,
    /// CPU of an idle second.
    pub idle: Duration,
    /// CPU of each.
    pub component: Cost,
    pub installed: Option<Cost>,
    pub resident_mb: f64,
    pub peak_mb: f64,
}

/// CPU of a piece of work and all that follows from it.
pub struct Cost {
    pub cpu: Duration,
    /// Whether it was given up, so that this is not all.
    pub is_more: bool,
}

/// Measures a program, by default the one of this build, in a store of this size.
pub async fn measure(size: Size, program: Option<&Path>) -> Figures {
    let jira_site = start_site();
    let address = jira_site.addr().to_string();
    let mut ground =
        Ground::new(&[&format!("http://{address}")], &jira_site.install_keys_url(), &size.sources_toml());
    if let Some(program) = program {
        program.clone_into(&mut ground.program);
    }
    // Makes the tables, and stores what the configuration implies.
    drop(start(&ground).await);
    let config =
        load(std::slice::from_ref(&ground.config), &Environment::default()).expect("a configuration").config;
    let jira = Jira::start().await;
    let file = ground.folder().join("bridge.db");
    fill(&file, &config.vault.key, size, &jira).await;
    let (first, _) = start(&ground).await;
    settle(&first, SETTLES).await;
    drop(first);
    let (bridge, start) = start(&ground).await;
    settle(&bridge, SETTLES).await;
    let idle = idle_second(&bridge).await;
    let before = jira.writes();
    let component = new_component(&bridge, &ground, idle).await;
    // Several components share a request when they come faster than a site is served.
    assert!(component.is_more || jira.writes() >= before + size.sites, "not every site was told");
    let mut installed = None;
    if !component.is_more {
        installed = Some(installation(&bridge, &jira_site, &ground, idle).await);
    }
    let (resident_mb, peak_mb) = (bridge.resident_mb(), bridge.peak_mb());
    Figures { start, idle, component, installed, resident_mb, peak_mb }
}

async fn start(ground: &Ground) -> (Bridge, Duration) {
    ground.start().await
}

pub fn start_site() -> RunningSimulator {
    let install_key = Some(InstallKeyPair::generate("bench").expect("a key"));
    let options = SimulatorOptions { install_key, ..SimulatorOptions::default() };
    let address = "127.0.0.1:0".parse().expect("an address");
    Simulator::start(Clock::system(), address, options).expect("a site")
}

/// CPU of an idle second.
async fn idle_second(bridge: &Bridge) -> Duration {
    let before = bridge.cpu();
    tokio::time::sleep(WATCHED).await;
    bridge.cpu().saturating_sub(before) / u32::try_from(WATCHED.as_secs()).expect("small")
}

/// Waits until three seconds cost little, `longest` at most.
pub async fn settle(bridge: &Bridge, longest: Duration) {
    let start = Instant::now();
    let mut last = bridge.cpu();
    while start.elapsed() < longest {
        tokio::time::sleep(Duration::from_secs(3)).await;
        let now = bridge.cpu();
        if now.saturating_sub(last) < Duration::from_millis(100) {
            return;
        }
        last = now;
    }
}

/// The CPU that `work`, which is to be done so often, and all that follows from it cost each time, without what the same
/// time costs an idle process.
async fn cost_of(bridge: &Bridge, idle: Duration, times: u32, work: impl AsyncFnOnce()) -> Cost {
    let (before, began) = (bridge.cpu(), Instant::now());
    work().await;
    let (mut last, mut is_more) = (bridge.cpu(), true);
    while is_more && began.elapsed() < PATIENCE {
        tokio::time::sleep(Duration::from_secs(3)).await;
        let now = bridge.cpu();
        is_more = now.saturating_sub(last) >= idle * 3 + Duration::from_millis(40);
        last = now;
    }
    let cpu = bridge.cpu().saturating_sub(before).saturating_sub(idle.mul_f64(began.elapsed().as_secs_f64()));
    Cost { cpu: cpu / times, is_more }
}

/// An incident of a service that was never named before, for everybody who may see it.
async fn new_component(bridge: &Bridge, ground: &Ground, idle: Duration) -> Cost {
    let template = Template::new(&ground.public.to_string());
    let post = async || {
        let mut connection = Connection::open(ground.public).await.expect("a connection");
        for number in 0..TIMES {
            let number = usize::try_from(number).expect("small");
            let (incident, title) = (format!("QNEW{number}"), "A service that is new");
            let event = Event { number, at: Clock::system().now(), incident: &incident, title };
            let service = format!("PNEW{number}");
            let request = template.request_with(&event, |incident| {
                incident["service"]["id"] = service.as_str().into();
                incident["service"]["summary"] = format!("Service {service}").into();
            });
            let (status, _) = connection.call(&request).await.expect("an answer");
            assert_eq!(status, 202);
            tokio::time::sleep(Duration::from_millis(1_500)).await;
        }
    };
    cost_of(bridge, idle, TIMES, post).await
}

/// A site that may see nothing installs the app again and again.
async fn installation(bridge: &Bridge, site: &RunningSimulator, ground: &Ground, idle: Duration) -> Cost {
    site.install(&ground.base_url()).await.expect("it is believed");
    let install = async || {
        for _ in 0..TIMES * 4 {
            site.reinstall().await.expect("it is believed");
        }
    };
    cost_of(bridge, idle, TIMES * 4, install).await
}
