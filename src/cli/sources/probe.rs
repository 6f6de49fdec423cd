//! `sources test`: asks one configured tool once, and prints what Jira would get of it.

use std::process::ExitCode;

use serde::Serialize;

use crate::app::{build_destination_types, build_registry, open_operator};
use crate::cli::layout::count;
use crate::cli::output;
use crate::cli::usage::{Usage, unknown};
use crate::clock::Clock;
use crate::config::Config;
use crate::destinations::TYPES;
use crate::domain::UnmappedValue;
use crate::sources::{Memory, find_kind};
use crate::sync::{Probe, ProbedEntity, ProbedPayload, SourceRuntime, probe};

/// The answer for programs.
#[derive(Serialize)]
struct Tested<'a> {
    source: &'a str,
    services: usize,
    teams: usize,
    entities: &'a [ProbedEntity],
    deleted: usize,
    unmappable: &'a [String],
    /// What to write into the source's configuration for each word without a meaning.
    unknown_words: Vec<String>,
    has_more: bool,
}

pub async fn main(config: &Config, id: &str, json: bool) -> anyhow::Result<ExitCode> {
    let registry = build_registry(config)?;
    let found = registry.find(id);
    let Some(source) = found else {
        let known: Vec<&str> = registry.iter().map(|source| source.id().as_str()).collect();
        anyhow::bail!(unknown("source", id, &known))
    };
    let Some(poller) = source.adapter.poller() else {
        return explain_webhook(config, &source, json);
    };
    let types = build_destination_types(config, Clock::system(), TYPES)?;
    let Some((_, destination)) = types.iter().next() else {
        anyhow::bail!("there is no type of destination")
    };
    let memory = recall(config, &source).await;
    match probe(&source, poller, &**destination, memory, Clock::system().now()).await {
        Ok(answer) => {
            print(&source, &answer, json)?;
            Ok(ExitCode::SUCCESS)
        }
        Err(fault) => anyhow::bail!("{id} cannot be read: {fault}"),
    }
}

/// What the source keeps from one webhook or poll to the next: for some tools, an incident's id in Jira follows from
/// it. Nothing before the bridge has a database.
async fn recall(config: &Config, source: &SourceRuntime) -> Memory {
    let Ok(operator) = open_operator(config, Clock::system()).await else { return Memory::default() };
    operator.load_memory(source.id()).await.unwrap_or_default()
}

/// A source that nobody can ask is tested from the other side.
fn explain_webhook(config: &Config, source: &SourceRuntime, json: bool) -> anyhow::Result<ExitCode> {
    let kind = find_kind(&source.config.kind).map_err(Usage)?;
    let base = config.server.base_url.as_str().trim_end_matches('/');
    let address = format!("{base}/webhooks/{}", source.id());
    let page = kind.page_path();
    if json {
        output::json(
            &serde_json::json!({ "source": source.id(), "polling": false, "webhook": address, "page": page }),
        )?;
        return Ok(ExitCode::SUCCESS);
    }
    output::line(format!(
        "{} only gets webhooks, so there is nothing to ask; they go to {address}\nTo test that, from {page}:\n",
        source.id()
    ));
    output::text(kind.section("Test it"));
    Ok(ExitCode::SUCCESS)
}

fn print(source: &SourceRuntime, answer: &Probe, json: bool) -> anyhow::Result<()> {
    let unknown_words: Vec<String> = answer.unmapped_values.iter().map(UnmappedValue::advice).collect();
    if json {
        return output::json(&Tested {
            source: source.id().as_str(),
            services: answer.services,
            teams: answer.teams,
            entities: &answer.entities,
            deleted: answer.deleted,
            unmappable: &answer.unmappable,
            unknown_words,
            has_more: answer.has_more,
        });
    }
    output::line(format!(
        "{}: its API answers with {} and {}",
        source.id(),
        count(answer.services, "service", "services"),
        count(answer.teams, "team", "teams")
    ));
    for entity in &answer.entities {
        match &entity.outcome {
            ProbedPayload::Payload(payload) => {
                output::line(format!("{} {}", entity.kind, entity.jira_id));
                output::json(payload)?;
            }
            ProbedPayload::Unmappable(why) => {
                output::line(format!("{} {} cannot be mapped: {why}", entity.kind, entity.jira_id));
            }
        }
    }
    for reason in &answer.unmappable {
        output::line(format!("an entry cannot be mapped: {reason}"));
    }
    for advice in &unknown_words {
        output::line(format!("a word without a meaning: {advice}"));
    }
    let more = if answer.has_more { "; a poll would go on" } else { "" };
    let entities = count(answer.entities.len(), "entity", "entities");
    let gone = answer.deleted;
    output::line(format!("one page: {entities}, {gone} deleted{more}. Nothing was stored or sent"));
    Ok(())
}
