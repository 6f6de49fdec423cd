//! Whether each site that has the app can be served: its state, its secret, the clocks, and what Jira answers.
//!
//! The order matters: to install the app again is advised only when the vault key, the clock and an app that was
//! disabled or removed on purpose are excluded.

use chrono::TimeDelta;
use futures::{StreamExt as _, stream};

use super::check::{Check, Group};
use super::code;
use super::context::{Context, broken};
use super::transport::{self, Asked};
use crate::cli::output;
use crate::destinations::{Probe, Refusal, Remedy};
use crate::domain::DestinationId;
use crate::sync::{
    DestinationAccess, Engine, InstallationState as State, InstallationStatus, SecretState, SyncError,
};

/// Clocks further apart than this make tokens fail.
const MAX_SKEW: TimeDelta = TimeDelta::seconds(30);
/// Sites that are asked at once.
const AT_ONCE: usize = 16;
const GROUP: Group = Group::JiraSites;

type Answer = Result<Probe, Refusal>;

/// Asks every site that is in use.
pub async fn examine(context: &Context<'_>, engine: &Engine) -> Vec<Check> {
    match look(context, engine).await {
        Ok(checks) => checks,
        Err(fault) => vec![broken(GROUP, "installations", &fault)],
    }
}

async fn look(context: &Context<'_>, engine: &Engine) -> Result<Vec<Check>, SyncError> {
    let snapshot = engine.read_directory().await?;
    let sites = engine.operator().list_installations(true).await?;
    let listed = list_relevant(&sites);
    let asked = stream::iter(&listed).map(async |site| {
        let access = snapshot.find(&DestinationId(site.client_key.clone()));
        let answer = match access.filter(|_| site.state != State::Disabled) {
            Some(access) => ask(engine, access).await,
            None => None,
        };
        judge(context, site, answer.as_ref())
    });
    let mut checks: Vec<Check> = asked.buffered(AT_ONCE).collect().await;
    let others = snapshot.destinations().filter(|access| access.base_url.is_empty());
    for access in others.filter(|access| !has_checks_of_its_own(context, access)) {
        let what = format!("destination {}", access.name);
        let answer = ask(engine, access).await;
        checks.extend(answer.map(|answer| judge_answer(what, &answer)));
    }
    if listed.is_empty() && checks.is_empty() && context.config.jira_issues.is_empty() {
        checks.push(Check::warn(
            GROUP,
            code::NOT_INSTALLED,
            "installations",
            "no site has installed the app yet",
            how_to_install(context),
        ));
    }
    Ok(checks)
}

/// Whether it is asked in more detail elsewhere.
fn has_checks_of_its_own(context: &Context<'_>, access: &DestinationAccess) -> bool {
    context.config.jira_issues.iter().any(|table| table.id == access.name)
}

/// Those in use, and those that were removed from a site that has no other.
fn list_relevant(sites: &[InstallationStatus]) -> Vec<&InstallationStatus> {
    let is_gone = |site: &InstallationStatus| matches!(site.state, State::Uninstalled | State::Replaced);
    let in_use = |host: &str| sites.iter().any(|site| site.site == host && !is_gone(site));
    sites
        .iter()
        .filter(|site| !is_gone(site) || (site.state == State::Uninstalled && !in_use(&site.site)))
        .collect()
}

async fn ask(engine: &Engine, access: &DestinationAccess) -> Option<Answer> {
    match engine.outbound().connect(access) {
        Ok(destination) => Some(destination.probe().await),
        Err(fault) => {
            let remedy = Remedy::Park { advice: fault.to_string(), may_pass: false };
            Some(Err(Refusal::new(remedy, fault.to_string())))
        }
    }
}

fn how_to_install(context: &Context<'_>) -> String {
    format!(
        "in Jira's administration, under Apps, choose *Upload app* and enter {}; docs/CONNECT.md says where that is \
         still possible",
        context.descriptor_address()
    )
}

fn judge(context: &Context<'_>, site: &InstallationStatus, answer: Option<&Answer>) -> Check {
    let what = format!("site {}", site.site);
    let fix = |code, cause: &str, fix: String| Check::fix(GROUP, code, what.clone(), cause, fix);
    let warn = |code, cause: &str, fix: String| Check::warn(GROUP, code, what.clone(), cause, fix);
    match (site.state, site.secret) {
        (State::Uninstalled | State::Replaced, _) => warn(
            code::APP_UNINSTALLED,
            "uninstalled: the app was removed from the site, and nothing is sent there",
            format!("if that was not intended: {}", how_to_install(context)),
        ),
        (_, SecretState::UnknownKey) => fix(
            code::VAULT_KEY_UNKNOWN,
            "the vault key is wrong: the site's secret was sealed under a key that is not configured",
            "put the key from before back into `vault.key`, or into `vault.previous_keys` beside a new one, and restart"
                .to_owned(),
        ),
        (State::Disabled, _) => warn(
            code::APP_DISABLED,
            "disabled: the site's admin has paused the app, and nothing is sent there",
            "enable the app on the site: in Jira's administration, under Apps, Manage apps".to_owned(),
        ),
        (_, SecretState::Damaged | SecretState::Missing) => fix(
            code::SECRET_DAMAGED,
            "the stored secret of the site is damaged, although the vault key is the one that sealed it",
            format!("restore the database from a backup, or install the app again: {}", how_to_install(context)),
        ),
        (State::Unconfirmed, _) => judge_unconfirmed(&what, site, answer),
        (State::Enabled, _) => match answer {
            Some(Ok(probe)) => judge_parked(context, site, judge_clock(what, probe)),
            Some(Err(refusal)) => judge_refusal(what, refusal, &how_to_install(context)),
            None => broken(GROUP, what, &"the site cannot be asked"),
        },
    }
}

/// A destination of the configuration, which nobody installs.
fn judge_answer(what: String, answer: &Answer) -> Check {
    match answer {
        Ok(probe) => judge_clock(what, probe),
        Err(refusal) => judge_refusal(what, refusal, "correct its table in the configuration"),
    }
}

fn judge_clock(what: String, probe: &Probe) -> Check {
    let wrong = probe.clock_skew.and_then(|skew| judge_skew(&what, skew));
    wrong.unwrap_or_else(|| Check::ok(GROUP, what, probe.seen.clone()))
}

/// `skew` is their clock minus ours.
fn judge_skew(what: &str, skew: TimeDelta) -> Option<Check> {
    let direction = if skew > TimeDelta::zero() { "slow" } else { "fast" };
    let cause =
        format!("this machine's clock is {} s {direction}, compared with Jira's", skew.num_seconds().abs());
    let fix = "set this machine's clock and keep it right with NTP, for example `timedatectl set-ntp true`";
    (skew.abs() > MAX_SKEW).then(|| Check::fix(GROUP, code::CLOCK_WRONG, what, cause, fix))
}

/// The site answers; perhaps the bridge still waits because it did not.
fn judge_parked(context: &Context<'_>, site: &InstallationStatus, check: Check) -> Check {
    let (Some(until), Some(why)) = (site.waits_until, &site.parked) else { return check };
    if check.code.is_some() {
        return check;
    }
    let cause = format!(
        "Jira accepts our tokens now, but the site is still parked for {} because of: {why}",
        output::age(until - context.now)
    );
    let fix = "`incident-bridge deliveries retry --all` sends what waits at once";
    Check::warn(GROUP, code::SITE_PARKED, check.what, cause, fix)
}

fn judge_unconfirmed(what: &str, site: &InstallationStatus, answer: Option<&Answer>) -> Check {
    let what = format!("{what}, unconfirmed installation {}", site.client_key);
    let waits = "the earlier installation stays in use until Jira accepts this one's secret";
    let seen = match answer {
        Some(Ok(probe)) => probe.seen.clone(),
        Some(Err(refusal)) => refusal.to_string(),
        None => site.parked.clone().unwrap_or_default(),
    };
    let fix = "nothing if the site was just installed again; if this stays, somebody else has named your site: see \
               *When an installation is unconfirmed* in docs/OPERATING.md";
    Check::warn(GROUP, code::INSTALLATION_UNCONFIRMED, what, format!("{seen}; {waits}"), fix)
}

/// `again` is how to renew what the destination does not accept.
fn judge_refusal(what: String, refusal: &Refusal, again: &str) -> Check {
    if let Some(fault) = &refusal.evidence.unreachable {
        return transport::judge(GROUP, what, Asked::Jira, fault);
    }
    if refusal.evidence.status == Some(401)
        && let Some(check) = refusal.evidence.clock_skew.and_then(|skew| judge_skew(&what, skew))
    {
        return check;
    }
    let advice = match &refusal.remedy {
        Remedy::Park { advice, .. } => advice.as_str(),
        _ => "nothing, if it passes: the bridge asks again by itself; see Atlassian's status page",
    };
    let code = match refusal.evidence.status {
        Some(401) => return judge_stale(what, refusal, again),
        Some(403) => code::JIRA_FORBIDS,
        Some(404 | 410) => code::JIRA_GONE,
        Some(300..=399) => code::SITE_RENAMED,
        _ => return Check::warn(GROUP, code::JIRA_FAILS, what, refusal.to_string(), advice),
    };
    Check::fix(GROUP, code, what, refusal.to_string(), advice)
}

fn judge_stale(what: String, refusal: &Refusal, again: &str) -> Check {
    let clock = if refusal.evidence.clock_skew.is_some() {
        "and the clocks agree"
    } else {
        "and Jira does not say what its clock shows: check this machine's first"
    };
    let cause = format!(
        "{refusal}: the vault key opens the site's secret, {clock}, so the secret is stale: the app was disabled, \
         removed or installed again without this bridge's knowledge"
    );
    let fix = format!(
        "look for the app in Jira's administration, under Apps, Manage apps; enable it if it is disabled there; else \
         install it again: {again}"
    );
    Check::fix(GROUP, code::SECRET_STALE, what, cause, fix)
}

#[cfg(test)]
#[path = "sites_tests.rs"]
mod tests;
