//! What waits, was refused or set aside, and which polls failed: one line each, with the command to run.

use chrono::TimeDelta;

use super::check::{Check, Group};
use super::code;
use super::context::{Context, broken};
use crate::cli::output;
use crate::clock::Timestamp;
use crate::domain::SourceId;
use crate::sync::{DeliveryTotals, Operator, SourceProgress, SyncError, WebhookActivity};

/// What is sent needs seconds, and after an outage half a minute.
const LATE: TimeDelta = TimeDelta::minutes(15);
/// A webhook has its effect within a second.
const UNREAD_FOR: TimeDelta = TimeDelta::minutes(5);
const GROUP: Group = Group::WorkThatWaits;

pub async fn examine(context: &Context<'_>, operator: &Operator) -> Vec<Check> {
    match look(context, operator).await {
        Ok(checks) => checks,
        Err(fault) => vec![broken(GROUP, "what waits", &fault)],
    }
}

async fn look(context: &Context<'_>, operator: &Operator) -> Result<Vec<Check>, SyncError> {
    let sources = &context.config.sources;
    let (totals, oldest) = (operator.count_deliveries().await?, operator.find_oldest_waiting().await?);
    let mut checks = vec![judge_waiting(&totals, oldest, context.now)];
    checks.extend(judge_refused(&totals));
    for activity in operator.list_webhook_activity(sources).await? {
        checks.extend(judge_unread(&activity, context.now));
        checks.extend(judge_quarantined(&activity));
    }
    for source in sources {
        let progress = operator.find_progress(&source.id).await?;
        checks.extend(progress.and_then(|progress| judge_poll(&source.id, &progress, context.now)));
    }
    Ok(checks)
}

fn judge_waiting(totals: &DeliveryTotals, oldest: Option<Timestamp>, now: Timestamp) -> Check {
    let what = "deliveries";
    let Some(oldest) = oldest.filter(|_| totals.waiting > 0) else {
        let seen = format!("none waits; {} confirmed by Jira", totals.confirmed);
        return Check::ok(GROUP, what, seen);
    };
    let cause = format!("{} wait, the oldest for {}", totals.waiting, output::age(now - oldest));
    if now - oldest < LATE {
        return Check::ok(GROUP, what, cause);
    }
    let fix = "check that `incident-bridge serve` runs; `incident-bridge installations` says what keeps each site \
               waiting";
    Check::warn(GROUP, code::DELIVERIES_WAIT, what, cause, fix)
}

fn judge_refused(totals: &DeliveryTotals) -> Option<Check> {
    let cause = format!("{} refused", totals.refused);
    let fix = "`incident-bridge deliveries list --failed` says why; after the fix `incident-bridge deliveries retry \
               ID…` sends them again, and `discard ID…` gives them up";
    (totals.refused > 0)
        .then(|| Check::fix(GROUP, code::DELIVERIES_REFUSED, "refused deliveries", cause, fix))
}

fn judge_unread(activity: &WebhookActivity, now: Timestamp) -> Option<Check> {
    let since = activity.last_at.filter(|_| activity.unread > 0)?;
    let what = format!("webhooks of {}", activity.source);
    let cause =
        format!("{} have had no effect, the newest for {}", activity.unread, output::age(now - since));
    let fix = "start `incident-bridge serve` with the role sync, which reads them; if it runs, its log says why not";
    (now - since > UNREAD_FOR).then(|| Check::fix(GROUP, code::WEBHOOKS_UNREAD, what, cause, fix))
}

fn judge_quarantined(activity: &WebhookActivity) -> Option<Check> {
    let what = format!("webhooks of {}", activity.source);
    let cause = format!("{} quarantined, because they could not be mapped", activity.quarantined);
    let fix = "`incident-bridge quarantine list` says why; after the fix `incident-bridge quarantine replay --all` \
               maps them again, and `discard ID…` gives them up";
    (activity.quarantined > 0).then(|| Check::fix(GROUP, code::WEBHOOKS_QUARANTINED, what, cause, fix))
}

fn judge_poll(id: &SourceId, progress: &SourceProgress, now: Timestamp) -> Option<Check> {
    let what = format!("polling {id}");
    if progress.paused {
        let fix = format!("`incident-bridge sync --resume {id}` polls it again");
        return Some(Check::warn(GROUP, code::POLL_PAUSED, what, "paused by an operator", fix));
    }
    let failure = progress.failure.as_ref()?;
    let age = output::age(now - progress.polled_at.unwrap_or(now));
    let cause = format!("the last poll failed {age} ago: {failure}");
    let fix = format!("it is repeated by itself; `incident-bridge sync --source {id}` tries it now");
    Some(Check::warn(GROUP, code::POLL_FAILED, what, cause, fix))
}

#[cfg(test)]
mod tests {
    use super::super::check::State;
    use super::*;
    use crate::clock::from_millis;

    #[test]
    fn what_waits_is_worth_a_warning_once_it_is_late() {
        let now = from_millis(1_789_374_067_000);
        let totals = DeliveryTotals { waiting: 3, ..DeliveryTotals::default() };
        let at = |minutes| judge_waiting(&totals, Some(now - TimeDelta::minutes(minutes)), now);
        assert_eq!((at(1).state, at(180).state), (State::Ok, State::Warn));
        assert_eq!(at(180).cause, "3 wait, the oldest for 3 h");
        assert_eq!(judge_waiting(&DeliveryTotals::default(), None, now).state, State::Ok);
    }

    #[test]
    fn a_webhook_that_nobody_reads_must_be_fixed() {
        let now = from_millis(1_789_374_067_000);
        let unread = |minutes| {
            let last_at = Some(now - TimeDelta::minutes(minutes));
            let source = crate::domain::SourceId::parse("pd").unwrap();
            judge_unread(&WebhookActivity { source, last_at, unread: 1, quarantined: 0 }, now)
        };
        assert!(unread(1).is_none() && unread(6).is_some_and(|check| check.state == State::Fix));
    }
}
