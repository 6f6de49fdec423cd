//! `doctor`: checks the deployment and says, line by line, what is well and what to fix.

use std::process::ExitCode;
use std::time::Duration;

use serde::Serialize;

use super::output;
use crate::app::{build_engine, build_http};
use crate::clock::Clock;
use crate::config::Config;
use crate::destinations::{Refusal, Remedy};
use crate::http::{TransportFault, read_body};
use crate::sync::Engine;

/// Clocks further apart than this make tokens fail.
const MAX_SKEW_SECS: i64 = 30;
const TIMEOUT: Duration = Duration::from_secs(10);
const MAX_DESCRIPTOR: usize = 1024 * 1024;

#[derive(Debug, Serialize)]
struct Finding {
    what: String,
    well: bool,
    /// What was seen, or how to fix it.
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
            examine_base_url(config, &mut found).await;
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
    let migrations = match engine.operator().count_pending_migrations().await {
        Ok(0) => Ok("up to date"),
        Ok(n) => Err(format!("{n} migration(s) missing: run `incident-bridge migrate`")),
        Err(fault) => Err(fault.to_string()),
    };
    for file in engine.operator().list_exposed_files() {
        let path = file.path.display();
        let fix = format!("others can read it (permissions {:o}): run `chmod 600 {path}`", file.mode);
        found.note(format!("file {path}"), Err::<String, _>(fix));
    }
    let ready = migrations.is_ok();
    found.note("database schema", migrations);
    if ready {
        let writable = engine
            .operator()
            .check_writable()
            .await
            .map(|()| "takes writes")
            .map_err(|fault| fault.to_string());
        found.note("database", writable);
    }
    ready
}

/// Asks the public address the way Atlassian would: through the proxy before it, with its certificate
/// checked.
async fn examine_base_url(config: &Config, found: &mut Examination) {
    let address = format!("{}/atlassian-connect.json", config.server.base_url.as_str().trim_end_matches('/'));
    let result = match fetch(config, &address).await {
        Ok(descriptor) if descriptor["key"] == config.connect.app_key.as_str() => {
            Ok("answers with this app's descriptor")
        }
        Ok(_) => Err(format!(
            "{address} answers, but not with this app's descriptor: point the proxy at server.listen"
        )),
        Err(fault) => Err(format!(
            "{address} cannot be fetched ({fault}): start the service, and check proxy, name and certificate"
        )),
    };
    found.note("public address", result);
}

/// The JSON at the address, or null when the answer is not JSON.
async fn fetch(config: &Config, address: &str) -> anyhow::Result<serde_json::Value> {
    let request = build_http(config)?.get(address).timeout(TIMEOUT);
    let mut response = request.send().await.map_err(|error| TransportFault::of(&error))?;
    let status = response.status();
    anyhow::ensure!(status.is_success(), "it answers {status}");
    let body = read_body(&mut response, MAX_DESCRIPTOR).await?;
    Ok(serde_json::from_slice(&body).unwrap_or_default())
}

async fn examine_sources(engine: &Engine, found: &mut Examination) {
    for source in engine.registry().iter() {
        let what = format!("source {}", source.id());
        let Some(poller) = source.adapter.poller() else {
            found.note(what, Ok("receives webhooks only"));
            continue;
        };
        let catalogue = poller.catalogue(engine.clock().now()).await;
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
    for source in engine.registry().iter() {
        match engine.operator().list_unmapped(source).await {
            Ok(words) => {
                for word in words {
                    let what = format!("{} of source {}", word.kind.as_str(), source.id());
                    let fix = format!("{:?} has no meaning; {}", word.value, word.advice());
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
    if let Err(fault) = engine.directory().refresh().await {
        return found.note("installations", Err::<String, _>(fault.to_string()));
    }
    let snapshot = engine.directory().current();
    for access in snapshot.destinations() {
        let probed = match engine.outbound().connect(access) {
            Ok(destination) => destination.probe().await.map_err(|refusal| fix(&refusal)),
            Err(fault) => Err(fault.to_string()),
        };
        let result = probed.and_then(|probe| match probe.clock_skew {
            Some(skew) if skew.num_seconds().abs() > MAX_SKEW_SECS => Err(format!(
                "this machine's clock is {} s off Jira's: set it (NTP)",
                skew.num_seconds().abs()
            )),
            _ => Ok(probe.seen),
        });
        if access.confirmed {
            found.note(format!("site {}", access.name), result);
        } else {
            let what = format!("site {}, unconfirmed installation {}", access.name, access.id);
            let waits = "the earlier installation stays in use until Jira accepts this one's secret";
            found.note(what, result.map_err(|fix| format!("{fix}; {waits}")));
        }
    }
    if snapshot.destinations().next().is_none() {
        found.note("installations", Ok("none yet: install the app from the public address"));
    }
}

fn fix(refusal: &Refusal) -> String {
    match &refusal.remedy {
        Remedy::Park { advice, .. } => format!("{refusal}: {advice}"),
        _ => refusal.to_string(),
    }
}

fn print(findings: &[Finding], json: bool) -> anyhow::Result<()> {
    if json {
        return output::json(&findings);
    }
    for finding in findings {
        let mark = if finding.well { "ok  " } else { "FIX " };
        output::line(format!("{mark}  {}: {}", finding.what, finding.detail));
    }
    Ok(())
}
