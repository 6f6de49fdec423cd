//! The same alerts to a simulated Jira in three ways, in real time: through Incident Bridge, through Alertmanager's own
//! `jira_configs`, and through these without updates of texts.
//!
//! Run it with `cargo run --locked --example jira_config -- --alertmanager PATH`. It prints what Jira has recorded as a table
//! in Markdown. It must not judge: who reads it does.

mod figures;
mod story;
mod way;

use std::path::PathBuf;

use anyhow::ensure;
use clap::Parser as _;
use figures::Figures;
use tokio::process::Command;
use way::{Kind, Way};

#[derive(clap::Parser)]
struct Arguments {
    /// An Alertmanager that has `jira_configs` with `api_type`, such as version 0.33
    #[arg(long)]
    alertmanager: PathBuf,
    /// Its default templates, where it does not find those of its own version: Debian's reads them from a file
    #[arg(long)]
    templates: Option<PathBuf>,
    /// Alertmanager's `group_interval` in seconds; all else follows at multiples of it
    #[arg(long, default_value_t = 15)]
    group_interval: u32,
    /// Seconds by which Jira's search is behind
    #[arg(long, default_value_t = 10)]
    lag: u32,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let version = find_version(&arguments).await?;
    let folder = tempfile::tempdir()?;
    let mut ways = Vec::new();
    for kind in Kind::ALL {
        ways.push(Way::start(kind, &arguments, folder.path()).await?);
    }
    let told = story::play(&ways, arguments.group_interval).await?;
    let figures: Vec<Figures> = ways.iter().map(|way| Figures::of(way, &told)).collect();
    let Arguments { group_interval, lag, .. } = arguments;
    println!(
        "Incident Bridge {}, {version}; group_wait 1s, group_interval {group_interval}s, repeat_interval {}s; the search is \
         {lag} s behind; {} groups of alerts with {} incidents, {} edits by hand, {} answer to a creation lost\n",
        env!("CARGO_PKG_VERSION"),
        2 * group_interval,
        told.groups.len(),
        told.incidents(),
        told.edits.len() / ways.len(),
        story::LOST,
    );
    print!("{}", figures::to_table(&figures));
    for way in ways {
        way.stop().await?;
    }
    Ok(())
}

/// What the program says of its version, such as `alertmanager, version 0.33.1`.
async fn find_version(arguments: &Arguments) -> anyhow::Result<String> {
    let said = Command::new(&arguments.alertmanager).arg("--version").output().await?;
    ensure!(said.status.success(), "{}: {}", arguments.alertmanager.display(), said.status);
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    Ok(text.split(" (").next().unwrap_or_default().trim().to_owned())
}
