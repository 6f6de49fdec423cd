//! `doctor`: walks the deployment and says, line by line, what is well and what to mend.

use std::process::ExitCode;
use std::time::Duration;

use serde::Serialize;

use super::output;
use crate::app::build_engine;
use crate::clock::Clock;
use crate::config::Config;
use crate::destinations::operations::client::{Disposition, JiraError};
use crate::sync::Engine;

/// Clocks further apart than this make tokens fail.
const MAX_SKEW_SECS: i64 = 30;
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, Serialize)]
struct Finding {
    what: String,
    well: bool,
    /// What was seen, or how to mend it.
    detail: String,
}

/// The findings so far.
#[derive(Default)]
struct Examination(Vec<Finding>);

impl Examination {
    fn note(&mut self, what: impl Into<String>, result: Result<impl Into<String>, String>) {
        let (well, detail) = match result {
            Ok(seen) => (true, seen.into()),
            Err(fix) => (false, fix),
        };
        self.0.push(Finding { what: what.into(), well, detail });
    }
}

pub async fn main(config: &Config, json: bool) -> anyhow::Result<ExitCode> {
    let mut found = Examination::default();
    found.note(
        "configuration",
        Ok(format!("{} source(s), sites: {}", config.sources.len(), config.connect.sites.join(", "))),
    );
    match build_engine(config, Clock::system()).await {
        Ok(engine) => {
            let has_schema = examine_store(&engine, &mut found).await;
            examine_base_url(&engine, &mut found).await;
            examine_sources(&engine, &mut found).await;
            if has_schema {
                examine_words(&engine, &mut found).await;
            }
            examine_sites(&engine, &mut found).await;
        }
        Err(fault) => found.note("database, keys and sources", Err::<String, _>(format!("{fault:#}"))),
    }
    print(&found.0, json)?;
    Ok(if found.0.iter().all(|finding| finding.well) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Returns whether the tables are there.
async fn examine_store(engine: &Engine, found: &mut Examination) -> bool {
    let migrations = match engine.store.pending_migrations().await {
        Ok(0) => Ok("up to date"),
        Ok(n) => Err(format!("{n} migration(s) missing: run `incident-bridge migrate`")),
        Err(fault) => Err(fault.to_string()),
    };
    let ready = migrations.is_ok();
    found.note("database schema", migrations);
    if ready {
        let writable =
            engine.store.check_writable().await.map(|()| "takes writes").map_err(|fault| fault.to_string());
        found.note("database", writable);
    }
    ready
}

/// Asks the public address the way Atlassian would: through the proxy, with its certificate checked.
async fn examine_base_url(engine: &Engine, found: &mut Examination) {
    let address = format!("{}/atlassian-connect.json", engine.base_url.as_str().trim_end_matches('/'));
    let client = reqwest::Client::builder().timeout(PATIENCE).build();
    let fetched = match client {
        Ok(client) => client.get(&address).send().await.and_then(reqwest::Response::error_for_status),
        Err(fault) => Err(fault),
    };
    let result = match fetched {
        Ok(response) => match response.json::<serde_json::Value>().await {
            Ok(descriptor) if descriptor["key"] == engine.app_key.as_str() => {
                Ok("answers with this app's descriptor")
            }
            _ => Err(format!(
                "{address} answers, but not with this app's descriptor: point the proxy at server.listen"
            )),
        },
        Err(fault) => Err(format!(
            "{address} cannot be fetched ({}): start the service, and check proxy, name and certificate",
            fault.without_url()
        )),
    };
    found.note("public address", result);
}

async fn examine_sources(engine: &Engine, found: &mut Examination) {
    for source in engine.registry.iter() {
        let what = format!("source {}", source.id());
        let Some(poller) = source.source.poller() else {
            found.note(what, Ok("receives webhooks only"));
            continue;
        };
        let catalogue = poller.catalogue(engine.clock.now()).await;
        let seen = catalogue.map(|catalogue| {
            format!(
                "its API answers: {} service(s), {} team(s)",
                catalogue.components.len(),
                catalogue.workspaces.len()
            )
        });
        found.note(what, seen.map_err(|fault| fault.to_string()));
    }
}

/// The words for severity and status that the tools used and that still have no meaning.
async fn examine_words(engine: &Engine, found: &mut Examination) {
    for source in engine.registry.iter() {
        match engine.store.polls().list_unmapped(source.id()).await {
            Ok(words) => {
                for word in words.iter().filter(|word| !source.config.knows(word)) {
                    let what = format!("{} of source {}", word.kind.as_str(), source.id());
                    let fix = format!("{:?} has no meaning; {}", word.word, word.advice());
                    found.note(what, Err::<String, _>(fix));
                }
            }
            Err(fault) => {
                found.note(format!("words of source {}", source.id()), Err::<String, _>(fault.to_string()));
            }
        }
    }
}

async fn examine_sites(engine: &Engine, found: &mut Examination) {
    if let Err(fault) = engine.directory.refresh().await {
        return found.note("installations", Err::<String, _>(fault.to_string()));
    }
    let snapshot = engine.directory.current();
    for site in snapshot.sites() {
        let asked = match engine.jira(site) {
            Ok(jira) => jira.list_workspaces(None).await.map_err(|error| fix(&error)),
            Err(fault) => Err(fault.to_string()),
        };
        let result = asked.and_then(|answer| match answer.meta.date_skew {
            Some(skew) if skew.num_seconds().abs() > MAX_SKEW_SECS => Err(format!(
                "this machine's clock is {} s off Jira's: set it (NTP)",
                skew.num_seconds().abs()
            )),
            _ => Ok(format!("Jira accepts our tokens; {} workspace(s) linked", answer.value.len())),
        });
        found.note(format!("site {}", site.site), result);
    }
    if snapshot.sites().next().is_none() {
        found.note("installations", Ok("none yet: install the app from the public address"));
    }
}

fn fix(error: &JiraError) -> String {
    match error.disposition {
        Disposition::Unauthorized => {
            format!("{error}: install the app again on the site, and check this machine's clock")
        }
        Disposition::Forbidden => {
            format!("{error}: the installed app lacks the module or a scope; update it on the site")
        }
        _ => error.to_string(),
    }
}

fn print(findings: &[Finding], json: bool) -> anyhow::Result<()> {
    if json {
        return output::json(&findings);
    }
    for finding in findings {
        let mark = if finding.well { "ok  " } else { "MEND" };
        output::line(format!("{mark}  {}: {}", finding.what, finding.detail));
    }
    Ok(())
}
