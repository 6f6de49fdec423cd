//! What the answers mean: site, token, host, scopes, permissions. Pure.

use chrono::{NaiveDate, TimeDelta};

use super::finding::{Finding, Row};
use super::look::{Seen, wanted_permissions};
use super::{expiry, place, workflow};
use crate::destinations::issues::client::{CallError, Fault, ServerInfo};
use crate::destinations::issues::options::{Host, Options};

/// Clocks further apart than this are told.
const MAX_SKEW: TimeDelta = TimeDelta::seconds(60);

/// Every finding, in the order of the rows. What was not asked has none.
#[must_use]
pub fn judge(seen: &Seen, options: &Options, today: NaiveDate) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(server) = &seen.server {
        findings.push(judge_site(server, seen.clock_skew, options));
    }
    if let Some(permissions) = &seen.permissions {
        findings.push(judge_token(permissions.as_ref().err(), seen, options));
        findings.extend(judge_host(seen));
        findings.extend(judge_scopes(permissions.as_ref().err(), seen));
        if let Ok(held) = permissions {
            let lacks = |key: &&str| !held.get(*key).copied().unwrap_or(false);
            let missing: Vec<&str> = wanted_permissions(options).into_iter().filter(lacks).collect();
            findings.push(judge_permissions(&missing));
        }
    }
    findings.extend(place::judge(seen, options));
    findings.extend(workflow::judge(seen, options));
    findings.push(expiry::judge(options.token_expires, today));
    findings
}

fn judge_site(server: &Result<ServerInfo, CallError>, skew: Option<TimeDelta>, options: &Options) -> Finding {
    let host = options.site.authority();
    let server = match server {
        Ok(server) => server,
        Err(CallError { fault: Fault::Unauthorized { .. }, .. }) => {
            return Finding::ok(Row::Site, format!("{host} answers"));
        }
        Err(error) => return judge_silence(host, error),
    };
    if let Some(kind) = server.deployment.as_ref().filter(|kind| *kind != "Cloud") {
        let fix = "write the address of a Jira Cloud site into `site`; this destination does not serve Jira Data Center";
        return Finding::fix(Row::Site, format!("{host} is Jira {kind}"), fix);
    }
    match skew.filter(|skew| skew.abs() > MAX_SKEW) {
        Some(skew) => {
            let direction = if skew > TimeDelta::zero() { "slow" } else { "fast" };
            let seen = format!("this machine's clock is {} s {direction}", skew.num_seconds().abs());
            Finding::warn(Row::Site, seen, "set this machine's clock and keep it right with NTP")
        }
        None => Finding::ok(Row::Site, format!("{host} answers")),
    }
}

fn judge_silence(host: &str, error: &CallError) -> Finding {
    match &error.fault {
        Fault::Redirected { to_host } => Finding::fix(
            Row::Site,
            format!("the site answers as {to_host}"),
            format!("write {to_host:?} into `site`"),
        ),
        Fault::NotFound => Finding::fix(
            Row::Site,
            format!("there is no Jira at {host}"),
            "correct `site`: open it in a browser",
        ),
        Fault::NotSent => Finding::fix(
            Row::Site,
            format!("{host} cannot be reached: {}", error.message),
            "check `site`, the network, and `http.proxy`",
        ),
        _ => Finding::failed(Row::Site, error),
    }
}

fn judge_token(error: Option<&CallError>, seen: &Seen, options: &Options) -> Finding {
    let email = &options.email;
    match error.map(|error| (&error.fault, error)) {
        Some((Fault::Unauthorized { lacks_scope: false }, _)) if seen.other_host_takes_it => {
            let (name, kind) = match options.host {
                Host::Site => ("gateway", "with scopes, or of a service account"),
                _ => ("site", "without scopes"),
            };
            Finding::fix(
                Row::Token,
                format!("the token is one {kind}, which only the other host takes"),
                format!("write host = \"auto\" or host = {name:?}"),
            )
        }
        Some((Fault::Unauthorized { lacks_scope: false }, _)) => Finding::fix(
            Row::Token,
            "Jira does not take the token: it has expired or was revoked, or `email` is not the address of its owner",
            format!(
                "check that {email} is the account that made the token; else make a new token and write it down"
            ),
        ),
        Some((
            Fault::NotSent | Fault::Unclear { .. } | Fault::RateLimited { .. } | Fault::HeldBack(_),
            error,
        )) => Finding::failed(Row::Token, error),
        _ => Finding::ok(Row::Token, format!("the token of {email} is taken")),
    }
}

fn judge_host(seen: &Seen) -> Option<Finding> {
    let through = match seen.host? {
        Host::Gateway => {
            format!("through api.atlassian.com, cloud id {}", seen.cloud_id.as_deref().unwrap_or("unknown"))
        }
        Host::Site => "through the site itself".to_owned(),
        Host::Auto => return None,
    };
    Some(Finding::ok(Row::Host, through))
}

fn judge_scopes(error: Option<&CallError>, seen: &Seen) -> Option<Finding> {
    let fix =
        "make a token with the scopes read:jira-work and write:jira-work, and write it in place of this one";
    let lacks = |scope: &str| Finding::fix(Row::Scopes, format!("the token lacks the scope {scope}"), fix);
    let is_missing = |error: &CallError| matches!(error.fault, Fault::Unauthorized { lacks_scope: true });
    if let Some(error) = error.filter(|error| is_missing(error)) {
        return Some(lacks(error.endpoint.scope().unwrap_or("read:jira-work")));
    }
    match seen.writing.as_ref()? {
        Err(error) if is_missing(error) => Some(lacks("write:jira-work")),
        Err(error) if !matches!(error.fault, Fault::Rejected(_) | Fault::Forbidden | Fault::NotFound) => {
            Some(Finding::failed(Row::Scopes, error))
        }
        _ => Some(Finding::ok(Row::Scopes, "read:jira-work and write:jira-work")),
    }
}

fn judge_permissions(missing: &[&str]) -> Finding {
    if missing.is_empty() {
        return Finding::ok(Row::Permissions, "all that are needed");
    }
    Finding::fix(
        Row::Permissions,
        format!("the account lacks {} in the project", missing.join(", ")),
        "add the account to the project (team-managed: Project settings, Access, as Member; company-managed: to a role \
         that the permission scheme grants these to)",
    )
}
