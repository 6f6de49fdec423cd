//! `sync`: one run now, or what one would do.

use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::layout::count;
use super::usage::{Usage, unknown};
use super::{consent, dry_run, output};
use crate::app::{build_ready_engine, open_engine};
use crate::clock::{Clock, Timestamp, before};
use crate::config::Config;
use crate::domain::parse_timestamp;
use crate::sync::{DeliveryTotals, Engine, PollOutcome, Preview, SourceRuntime, Window};

const BAR: &str = "{prefix:<24} {wide_bar} {pos}/{len}  {per_sec}  {eta}";
const SPINNER: &str = "{prefix:<24} {spinner} {pos}  {per_sec}";
const REDRAW: Duration = Duration::from_millis(200);

#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[command(after_help = "Examples:\n  \
    incident-bridge sync --config bridge.toml\n  \
    incident-bridge sync --source pd --since 2026-09-01T00:00:00Z\n  \
    incident-bridge sync --since 2025-01-01T00:00:00Z --until 2025-07-01T00:00:00Z\n  \
    incident-bridge sync --dry-run --json")]
pub struct Arguments {
    /// Only this source
    #[arg(long, value_name = "ID")]
    source: Option<String>,
    /// Read the tool from this instant on, whatever was read before
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// With --since: read only what began before this instant, and go on polling where it stood
    #[arg(long, value_name = "TIME", requires = "since", conflicts_with_all = ["full", "dry_run"])]
    until: Option<String>,
    /// Read the whole backfill window again, and send everything again
    #[arg(long)]
    full: bool,
    /// Stop polling a source until it is resumed; its webhooks go on
    #[arg(long, value_name = "ID", conflicts_with_all = ["source", "since", "until", "full", "dry_run", "resume"])]
    pause: Option<String>,
    /// Go on polling a paused source where it stopped
    #[arg(long, value_name = "ID", conflicts_with_all = ["source", "since", "until", "full", "dry_run"])]
    resume: Option<String>,
    /// Print what differs from what Jira holds; change and send nothing
    #[arg(long)]
    dry_run: bool,
    /// With --dry-run: the whole payloads
    #[arg(long, requires = "dry_run")]
    verbose: bool,
    /// Make all work items of a first sync, however many
    #[arg(long, conflicts_with_all = ["dry_run", "pause", "resume"])]
    yes: bool,
}

#[derive(Debug, Default, Serialize)]
struct Summary {
    pages: usize,
    read: usize,
    changed: usize,
    /// Once nothing more could be done.
    #[serde(flatten)]
    deliveries: DeliveryTotals,
    /// Sources that could not be read to their end, with the reason.
    stopped: Vec<String>,
}

impl Summary {
    fn add(&mut self, outcome: &PollOutcome) {
        self.pages += outcome.pages;
        self.read += outcome.observations;
        self.changed += outcome.changed;
    }
}

pub async fn main(config: &Config, arguments: &Arguments, json: bool) -> anyhow::Result<ExitCode> {
    let since = arguments.since.as_deref().map(|text| parse_instant("--since", text)).transpose()?;
    let until = arguments.until.as_deref().map(|text| parse_instant("--until", text)).transpose()?;
    let window = since.zip(until).map(|(since, until)| Window { since, until });
    if window.is_some_and(|window| window.until <= window.since) {
        return Err(Usage("--until must be later than --since".to_owned()).into());
    }
    let reads_only = arguments.dry_run || arguments.pause.is_some() || arguments.resume.is_some();
    let engine = if reads_only {
        open_engine(config, Clock::system()).await?
    } else {
        build_ready_engine(config, Clock::system()).await?
    };
    if let Some(id) = arguments.pause.as_deref().or(arguments.resume.as_deref()) {
        return pause(&engine, id, arguments.pause.is_some(), json).await;
    }
    let sources = select(&engine, arguments.source.as_deref())?;
    if arguments.dry_run {
        let previews = list_previews(&engine, &sources, since).await?;
        return dry_run::print(config, &previews, arguments.verbose, json);
    }
    engine.seed().await?;
    if arguments.yes {
        consent::approve_all(config, &engine.operator()).await?;
    }
    let mut summary = Summary::default();
    for source in &sources {
        if let Some(window) = window {
            read_window(&engine, source, window, &mut summary).await?;
        } else {
            rewind(&engine, source, since, arguments.full).await?;
            read(&engine, source, &mut summary).await?;
        }
    }
    deliver(&engine).await?;
    if consent::ask(&engine.operator(), json).await? {
        deliver(&engine).await?;
    }
    summary.deliveries = engine.operator().count_deliveries().await?;
    print(&summary, json)?;
    let DeliveryTotals { waiting, refused, .. } = summary.deliveries;
    let complete = waiting == 0 && refused == 0 && summary.stopped.is_empty();
    Ok(if complete { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn parse_instant(option: &str, text: &str) -> anyhow::Result<Timestamp> {
    let wrong = || Usage(format!("{option}: {text:?} is not an instant such as 2026-09-01T00:00:00Z"));
    Ok(parse_timestamp(text).ok_or_else(wrong)?)
}

fn select(engine: &Engine, only: Option<&str>) -> anyhow::Result<Vec<Arc<SourceRuntime>>> {
    let registry = engine.registry();
    let Some(id) = only else { return Ok(registry.iter().cloned().collect()) };
    if let Some(source) = registry.find(id) {
        return Ok(vec![source]);
    }
    let known: Vec<&str> = registry.iter().map(|source| source.id().as_str()).collect();
    bail!(unknown("source", id, &known))
}

async fn pause(engine: &Engine, id: &str, paused: bool, json: bool) -> anyhow::Result<ExitCode> {
    for source in select(engine, Some(id))? {
        if !engine.operator().pause_polls(source.id(), paused).await? {
            return Err(Usage(format!(
                "{id} was never polled: it has no API token, or the service has not run yet"
            ))
            .into());
        }
        if json {
            output::json(&serde_json::json!({ "source": id, "paused": paused }))?;
        } else if paused {
            output::line(format!("{id} is paused; `sync --resume {id}` goes on"));
        } else {
            output::line(format!("{id} goes on"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn rewind(
    engine: &Engine,
    source: &SourceRuntime,
    since: Option<Timestamp>,
    full: bool,
) -> anyhow::Result<()> {
    let from = since.or_else(|| full.then(|| before(engine.clock().now(), source.config.backfill)));
    // One that only gets webhooks has no beginning to go back to.
    if let Some(from) = from.filter(|_| source.adapter.poller().is_some()) {
        engine.operator().rewind_polls(source.id(), from).await?;
    }
    if full {
        engine.send_everything_again(source).await?;
    }
    Ok(())
}

async fn read(engine: &Engine, source: &SourceRuntime, summary: &mut Summary) -> anyhow::Result<()> {
    if source.adapter.poller().is_none() {
        return Ok(());
    }
    let bar = bar(&format!("reading {}", source.id()), None);
    let outcome = engine
        .inbound()
        .poll(source, |outcome, state| {
            if let Some(total) = state.total.and_then(|total| u64::try_from(total).ok()) {
                bar.set_length(total);
            }
            bar.set_position(u64::try_from(outcome.observations).unwrap_or(u64::MAX));
        })
        .await?;
    bar.finish_and_clear();
    summary.add(&outcome);
    if !outcome.done {
        let progress = engine.operator().find_progress(source.id()).await?;
        let paused = progress.as_ref().filter(|progress| progress.paused).map(|_| "it is paused".to_owned());
        let why = paused
            .or(progress.and_then(|progress| progress.failure))
            .unwrap_or_else(|| "it is being read elsewhere".to_owned());
        summary.stopped.push(format!("{}: {why}", source.id()));
    }
    Ok(())
}

async fn read_window(
    engine: &Engine,
    source: &SourceRuntime,
    window: Window,
    summary: &mut Summary,
) -> anyhow::Result<()> {
    let bar = bar(&format!("reading {}", source.id()), None);
    let read = engine
        .inbound()
        .read_window(source, window, |outcome| {
            bar.set_position(u64::try_from(outcome.observations).unwrap_or(u64::MAX));
        })
        .await?;
    bar.finish_and_clear();
    match read {
        Ok(outcome) => summary.add(&outcome),
        Err(failure) => summary.stopped.push(format!("{}: {failure}", source.id())),
    }
    Ok(())
}

async fn deliver(engine: &Arc<Engine>) -> anyhow::Result<()> {
    let total = waiting(engine).await?;
    let bar = bar("sending", Some(total));
    let work = engine.run_until_idle();
    tokio::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => { done?; break; }
            () = tokio::time::sleep(REDRAW) => bar.set_position(total.saturating_sub(waiting(engine).await?)),
        }
    }
    bar.finish_and_clear();
    Ok(())
}

async fn waiting(engine: &Engine) -> anyhow::Result<u64> {
    Ok(u64::try_from(engine.operator().count_deliveries().await?.waiting).unwrap_or(0))
}

fn print(summary: &Summary, json: bool) -> anyhow::Result<()> {
    if json {
        return output::json(summary);
    }
    output::line(format!(
        "{} read, {} in {}",
        count(summary.pages, "page", "pages"),
        count(summary.changed, "change", "changes"),
        count(summary.read, "statement", "statements")
    ));
    let deliveries = summary.deliveries;
    output::line(format!(
        "deliveries: {} confirmed, {} accepted, {} waiting, {} refused",
        deliveries.confirmed, deliveries.accepted, deliveries.waiting, deliveries.refused
    ));
    for stopped in &summary.stopped {
        output::line(format!("not read to its end: {stopped}"));
    }
    Ok(())
}

async fn list_previews(
    engine: &Engine,
    sources: &[Arc<SourceRuntime>],
    since: Option<Timestamp>,
) -> anyhow::Result<Vec<Preview>> {
    let mut previews = Vec::new();
    for source in sources {
        previews.extend(engine.preview(source, since).await?);
    }
    Ok(previews)
}

/// A bar on a terminal, nothing elsewhere.
fn bar(what: &str, total: Option<u64>) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = total.map_or_else(ProgressBar::no_length, ProgressBar::new).with_prefix(what.to_owned());
    let style = if total.is_some() { BAR } else { SPINNER };
    ProgressStyle::with_template(style).map_or(bar.clone(), |style| bar.with_style(style))
}
