//! Whether each tool can be read and its webhooks arrive. Reads one page of each tool, as `sources test` does.

use chrono::TimeDelta;
use futures::future::join_all;

use super::check::{Check, Group};
use super::code;
use super::context::{Context, broken};
use super::transport::{self, Asked};
use crate::app::build_destination_types;
use crate::cli::output;
use crate::clock::{Timestamp, before};
use crate::destinations::{DestinationTypes, TYPES};
use crate::sources::{Memory, PollError, find_token_end};
use crate::sync::{Operator, Probe, Registry, SourceRuntime, WebhookActivity, probe};

/// A new token takes a person, and perhaps another person's permission.
const SOON: TimeDelta = TimeDelta::days(14);
const GROUP: Group = Group::Sources;

/// Reads every tool, all at once.
pub async fn examine(context: &Context<'_>, registry: &Registry) -> Vec<Check> {
    let Ok(types) = build_destination_types(context.config, context.clock.clone(), TYPES) else {
        return Vec::new();
    };
    let examined = registry.iter().map(|source| examine_one(context, &types, source));
    join_all(examined).await.into_iter().flatten().collect()
}

async fn examine_one(context: &Context<'_>, types: &DestinationTypes, source: &SourceRuntime) -> Vec<Check> {
    let has_webhooks = !source.config.webhook_credentials().is_empty();
    let what = format!("source {}", source.id());
    let Some(poller) = source.adapter.poller() else {
        return vec![judge_unpolled(what, has_webhooks)];
    };
    let end = source.config.api_token.as_ref().and_then(find_token_end);
    let token = end.map(|end| judge_token(&what, end, context.now));
    let Some((_, destination)) = types.iter().next() else { return token.into_iter().collect() };
    let read = probe(source, poller, &**destination, Memory::default(), context.now).await;
    std::iter::once(judge_answer(what, &read)).chain(token).collect()
}

fn judge_unpolled(what: String, has_webhooks: bool) -> Check {
    if has_webhooks {
        return Check::ok(GROUP, what, "receives webhooks only, so there is nothing to read");
    }
    let cause = "it has no credential at all: every webhook is refused, and nothing is polled";
    let fix = "set `webhook_secrets`, `webhook_token` or `webhook_basic`, or what polling needs: \
               `incident-bridge sources show TYPE` has an example";
    Check::fix(GROUP, code::SOURCE_WITHOUT_CREDENTIALS, what, cause, fix)
}

fn judge_answer(what: String, read: &Result<Probe, PollError>) -> Check {
    let fault = match read {
        Ok(answer) => {
            let more = if answer.has_more { " or more" } else { "" };
            let seen = format!(
                "its API answers: {}{more} incident(s) and review(s), {} service(s), {} team(s)",
                answer.entities.len(),
                answer.services,
                answer.teams
            );
            return Check::ok(GROUP, what, seen);
        }
        Err(fault) => fault,
    };
    let (cause, advice) = fault.cause_and_advice();
    let advice =
        advice.unwrap_or_else(|| "see the tool's page: `incident-bridge sources show TYPE`".to_owned());
    match fault {
        PollError::Retry { unreachable: Some(fault), .. } => {
            transport::judge(GROUP, what, Asked::Tool, fault)
        }
        PollError::Refused { .. } => Check::fix(GROUP, code::TOOL_REFUSES, what, cause, advice),
        PollError::Unreadable { .. } => {
            let fix = "check that `api_url` leads to the tool's API and not to a login page, a proxy or another \
                       version of it";
            Check::fix(GROUP, code::TOOL_UNREADABLE, what, cause, fix)
        }
        PollError::Retry { .. } | PollError::CursorExpired { .. } => {
            let fix = "look at the tool's status page; the bridge asks again by itself";
            Check::warn(GROUP, code::TOOL_FAILS, what, cause, fix)
        }
    }
}

fn judge_token(what: &str, end: Timestamp, now: Timestamp) -> Check {
    let (what, left) = (format!("{what}, token"), end - now);
    let fix = "put a new token into `api_token`, and restart the bridge";
    let day = end.format("%Y-%m-%d");
    if left < TimeDelta::zero() {
        return Check::fix(GROUP, code::TOKEN_EXPIRED, what, format!("it expired on {day}"), fix);
    }
    let cause = format!("valid for {} more days, until {day}", left.num_days());
    if left < SOON {
        Check::warn(GROUP, code::TOKEN_EXPIRES_SOON, what, cause, fix)
    } else {
        Check::ok(GROUP, what, cause)
    }
}

/// What the database knows of each source: the age of its last webhook, and words without a meaning.
pub async fn examine_stored(context: &Context<'_>, registry: &Registry, operator: &Operator) -> Vec<Check> {
    let mut checks = Vec::new();
    match operator.list_webhook_activity(&context.config.sources).await {
        Ok(all) => checks.extend(all.iter().filter_map(|activity| {
            let source = registry.find(activity.source.as_str())?;
            let takes_webhooks = !source.config.webhook_credentials().is_empty();
            takes_webhooks.then(|| judge_webhooks(context, activity))
        })),
        Err(fault) => checks.push(broken(GROUP, "webhooks", &fault)),
    }
    for source in registry.iter() {
        match operator.list_unmapped(source).await {
            Ok(words) => checks.extend(words.into_iter().map(|word| {
                let what = format!("{} of source {}", word.kind.as_str(), source.id());
                let cause = format!("{:?} has no meaning", word.value);
                Check::fix(GROUP, code::WORD_WITHOUT_MEANING, what, cause, word.advice())
            })),
            Err(fault) => checks.push(broken(GROUP, format!("words of {}", source.id()), &fault)),
        }
    }
    checks
}

fn judge_webhooks(context: &Context<'_>, activity: &WebhookActivity) -> Check {
    let what = format!("source {}, webhooks", activity.source);
    if let Some(at) = activity.last_at {
        return Check::ok(GROUP, what, format!("the last one came {} ago", output::age(context.now - at)));
    }
    let kept = context.config.retention.inbox;
    let cause = format!("none has ever come, or none since {}", before(context.now, kept).format("%Y-%m-%d"));
    let fix = format!(
        "check in the tool that webhooks go to {}, and what its delivery log says; the bridge's log names those that \
         it refused",
        context.webhook_address(activity.source.as_str())
    );
    Check::warn(GROUP, code::WEBHOOK_NEVER_RECEIVED, what, cause, fix)
}

#[cfg(test)]
mod tests {
    use super::super::check::State;
    use super::*;
    use crate::clock::from_millis;

    #[test]
    fn a_token_is_worth_a_warning_before_its_end_and_must_be_replaced_after_it() {
        let now = from_millis(1_789_374_067_000);
        for (days, state) in [(90, State::Ok), (13, State::Warn), (-1, State::Fix)] {
            assert_eq!(judge_token("source di", now + TimeDelta::days(days), now).state, state, "{days}");
        }
    }

    #[test]
    fn the_advice_of_a_refusal_is_its_fix() {
        let message = "Tool refuses /v1 (401 Unauthorized): set `api_token` to: this".to_owned();
        let check = judge_answer("source t".to_owned(), &Err(PollError::Refused { message }));
        assert_eq!(check.cause, "Tool refuses /v1 (401 Unauthorized)");
        assert_eq!(check.fix.as_deref(), Some("set `api_token` to: this"));
    }
}
