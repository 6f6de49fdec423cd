//! `erase`: removes an incident, or a person's name, from the store and from Jira, and says what it removed.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use serde::Serialize;

use super::layout::count;
use super::output;
use super::usage::Usage;
use crate::app::open_engine;
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::{EntityId, EntityKind, Needle, State};
use crate::sources::Poller;
use crate::sync::{Engine, ErasedEntity, ErasureCounts, ErasurePlan, Subject};

/// Incidents that tools are asked about; a command that asks about thousands would take hours.
const MOST_ASKED: usize = 25;

#[derive(Debug, clap::Args)]
#[command(
    group(clap::ArgGroup::new("subject").required(true)),
    after_help = "Examples:\n  \
    incident-bridge erase --incident pd:Q1A2B3C4D5E6F7 --dry-run\n  \
    incident-bridge erase --incident Q1A2B3C4D5E6F7 --yes\n  \
    incident-bridge erase --person \"Jane Doe\""
)]
pub struct Arguments {
    /// Incident or review to erase: the tool's id or the id in Jira
    #[arg(long, value_name = "ID", group = "subject")]
    incident: Option<String>,
    /// Text to take out of everything that is stored, such as a name or an address
    #[arg(long, value_name = "TEXT", group = "subject")]
    person: Option<String>,
    /// Only say what would be erased
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// What the command prints.
#[derive(Serialize)]
struct Report<'a> {
    erased: bool,
    #[serde(flatten)]
    counts: ErasureCounts,
    entities: &'a [ErasedEntity],
    /// Webhooks that were not read yet, and so were not searched.
    unread: i64,
    /// What is still to be sent to a destination.
    unsent: Vec<(EntityId, String)>,
    /// What the tools still have, as sentences.
    still: Vec<String>,
}

pub async fn main(config: &Config, arguments: &Arguments, json: bool) -> anyhow::Result<ExitCode> {
    let subject = subject(arguments)?;
    if !arguments.dry_run && !arguments.yes && !std::io::stdin().is_terminal() {
        return Err(Usage("give --yes to erase, or --dry-run to see what would be erased".to_owned()).into());
    }
    let engine = open_engine(config, Clock::system()).await?;
    if !arguments.dry_run {
        engine.inbound().process_inbox().await?;
    }
    let operator = engine.operator();
    let plan = operator.plan_erasure(&subject).await?;
    let erases = !plan.is_empty() && !arguments.dry_run && (arguments.yes || is_confirmed(&plan)?);
    let (mut unsent, mut still) = (Vec::new(), Vec::new());
    if erases {
        operator.erase(&plan).await?;
        engine.run_until_idle().await?;
        unsent = operator.list_unsent(&plan).await?;
    }
    if !plan.is_empty() {
        still = ask_tools(&engine, &subject, &plan.entities).await;
    }
    let (counts, unread) = (plan.counts(), operator.count_unread().await?);
    print(&Report { erased: erases, counts, entities: &plan.entities, unread, unsent, still }, json)?;
    Ok(if plan.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn subject(arguments: &Arguments) -> anyhow::Result<Subject> {
    if let Some(id) = &arguments.incident {
        return Ok(Subject::Incident(id.clone()));
    }
    let needle = Needle::parse(arguments.person.as_deref().unwrap_or_default());
    let short =
        || Usage("--person: give at least three characters; fewer occur nearly everywhere".to_owned());
    Ok(Subject::Person(needle.ok_or_else(short)?))
}

fn is_confirmed(plan: &ErasurePlan) -> anyhow::Result<bool> {
    let ErasureCounts { entities, webhooks, .. } = plan.counts();
    let mut err = std::io::stderr();
    write!(
        err,
        "erase from {} and {}? [y/N] ",
        count(entities, "incident, review or component", "incidents, reviews or components"),
        count(webhooks, "webhook", "webhooks")
    )?;
    err.flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// Asks each tool whether it still has what was erased.
async fn ask_tools(engine: &Engine, subject: &Subject, entities: &[ErasedEntity]) -> Vec<String> {
    let incidents: Vec<_> = entities.iter().filter(|it| it.kind == EntityKind::Incident).collect();
    let mut still = Vec::new();
    for ErasedEntity { jira_id, source, provider_id, .. } in incidents.iter().take(MOST_ASKED) {
        let found = engine.registry().find(source);
        let Some(poller) = found.as_ref().and_then(|source| source.adapter.poller()) else {
            still.push(format!("{jira_id}: its tool cannot be asked whether it still has it"));
            continue;
        };
        match still_has(poller, provider_id, subject, engine.clock()).await {
            Ok(false) => {}
            Ok(true) => still.push(match subject {
                Subject::Incident(_) => format!("{jira_id}: the tool still has it; the bridge takes nothing more of it"),
                Subject::Person(_) => format!("{jira_id}: the tool still contains the text, and its next change there brings it back; take it out there, then run this again"),
            }),
            Err(fault) => still.push(format!("{jira_id}: the tool could not be asked: {fault}")),
        }
    }
    let rest = incidents.len().saturating_sub(MOST_ASKED);
    if rest > 0 {
        still.push(format!("{rest} more: their tools were not asked"));
    }
    still
}

async fn still_has(
    poller: &dyn Poller,
    provider_id: &str,
    subject: &Subject,
    clock: &Clock,
) -> Result<bool, String> {
    let fetched = poller.fetch_incident(provider_id, clock.now()).await.map_err(|fault| fault.to_string())?;
    let observations = fetched.into_iter().flat_map(|findings| findings.observations);
    Ok(observations.into_iter().any(|observation| match (&observation.state, subject) {
        (State::Present(_), Subject::Incident(_)) => true,
        (State::Present(entity), Subject::Person(needle)) => needle.redact(entity).is_some(),
        (State::Deleted { .. }, _) => false,
    }))
}

fn print(report: &Report<'_>, json: bool) -> anyhow::Result<()> {
    if json {
        return output::json(report);
    }
    let ErasureCounts { entities, webhooks, history, facts, reasons, workspaces } = report.counts;
    if report.counts.sum() == 0 {
        output::line("nothing that is stored contains it");
    } else {
        let what = if report.erased { "erased from" } else { "would be erased from" };
        let parts = [
            count(entities, "incident, review or component", "incidents, reviews or components"),
            count(webhooks, "webhook", "webhooks"),
            count(history, "entry of the history", "entries of the history"),
            count(facts, "fact of a source", "facts of sources"),
            count(reasons, "message of a destination", "messages of destinations"),
            count(workspaces, "name of a workspace", "names of workspaces"),
        ];
        output::line(format!("{what} {}", parts.join(", ")));
    }
    for entity in report.entities {
        let remains = if entity.remains { "; an id or address contains the text and keeps it" } else { "" };
        output::line(format!("  {} {}{remains}", entity.kind, entity.jira_id));
    }
    for (id, site) in &report.unsent {
        output::line(format!("{id} at {site}: not sent yet; the running service sends it"));
    }
    for sentence in &report.still {
        output::line(sentence);
    }
    if report.unread > 0 {
        let waiting = count(report.unread, "webhook waits", "webhooks wait");
        output::line(format!("{waiting} to be read and cannot be searched before; run this again"));
    }
    Ok(())
}
