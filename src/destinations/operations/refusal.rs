//! A failed request to Jira in the engine's terms: what to do, and what to tell a person.

use chrono::TimeDelta;

use super::client::Scope as JiraScope;
use super::client::{Disposition, JiraError};
use crate::destinations::{Refusal, Remedy, Scope};

/// A larger difference between the clocks explains a refused token.
const SKEW: TimeDelta = TimeDelta::seconds(60);

const FORBIDDEN: &str = "Jira forbids the request: the installed app lacks the operations module or a scope; \
                         update the app on the site";
const GONE: &str = "Jira no longer knows the site or the API: check that the site still exists";

impl From<JiraError> for Refusal {
    fn from(error: JiraError) -> Self {
        let was_sent = error.status.is_some() || !matches!(error.fault, Disposition::WaitUntil { .. });
        let remedy = remedy(&error);
        error.into_refusal(remedy, was_sent)
    }
}

fn remedy(error: &JiraError) -> Remedy {
    let park = |advice: String| Remedy::Park { advice, may_pass: false };
    match &error.fault {
        Disposition::Retry { not_before } => Remedy::Retry { not_before: *not_before },
        Disposition::SlowDown => Remedy::SlowDown,
        Disposition::WaitUntil { until, scope } => {
            let scope = match scope {
                JiraScope::Endpoint => Scope::Request,
                JiraScope::Site => Scope::Destination,
                JiraScope::AllSites => Scope::AllOfType,
            };
            Remedy::WaitUntil { until: *until, scope }
        }
        Disposition::Split => Remedy::Split,
        Disposition::GiveUp => Remedy::GiveUp,
        // A new secret may be about to arrive: Jira uses it before we have confirmed it.
        Disposition::Unauthorized => Remedy::Park { advice: unauthorized(error), may_pass: true },
        Disposition::Forbidden => park(FORBIDDEN.to_owned()),
        Disposition::Gone => park(GONE.to_owned()),
        Disposition::Redirected { to_host } => park(format!(
            "the site now answers as {to_host}: install the app again so that it reports its new address, and \
             allow that host in connect.sites"
        )),
    }
}

fn unauthorized(error: &JiraError) -> String {
    match error.date_skew {
        Some(skew) if skew.abs() > SKEW => format!(
            "Jira refuses our tokens because this machine's clock is {} s {}: set the clock (NTP)",
            skew.num_seconds().abs(),
            if skew > TimeDelta::zero() { "slow" } else { "fast" }
        ),
        _ => "Jira refuses our tokens: the app was uninstalled, or its secret changed unnoticed; \
              install the app again on the site"
            .to_owned(),
    }
}
