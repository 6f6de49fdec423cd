//! Whether Jira and the tools reach the bridge at `server.base_url`.

use std::time::Duration;

use chrono::TimeDelta;

use super::check::{Check, Group};
use super::context::Context;
use super::{code, transport};
use crate::app::build_http;
use crate::clock::Timestamp;
use crate::http::{HttpClient, TransportFault, find_certificate_end, read_body};

/// For one question.
const TIMEOUT: Duration = Duration::from_secs(10);
const MAX_DESCRIPTOR: usize = 1024 * 1024;
/// Certificates are usually renewed a month ahead.
const SOON: TimeDelta = TimeDelta::days(14);
const GROUP: Group = Group::PublicAddress;

/// What answered at the public address.
#[derive(Debug)]
struct Answer {
    status: u16,
    /// `key` of the descriptor, if it is one.
    app_key: Option<String>,
    /// Until when its certificate is valid; absent without TLS.
    certificate_end: Option<Timestamp>,
}

/// Asks the public address the way Atlassian would: through the proxy before it, with its certificate
/// checked.
pub async fn examine(context: &Context<'_>) -> Vec<Check> {
    let Ok(http) = build_http(context.config) else { return Vec::new() };
    let address = context.descriptor_address();
    match ask(&http, &address).await {
        Ok(answer) => {
            let end = answer.certificate_end.map(|end| judge_certificate(end, context.now));
            std::iter::once(judge(context, &address, &answer)).chain(end).collect()
        }
        Err(fault) => vec![transport::judge(GROUP, address, transport::Asked::Ourselves, &fault)],
    }
}

async fn ask(http: &HttpClient, address: &str) -> Result<Answer, TransportFault> {
    let request = http.get(address).timeout(TIMEOUT);
    let mut response = request.send().await.map_err(|error| TransportFault::of(&error))?;
    let (status, certificate_end) = (response.status().as_u16(), find_certificate_end(&response));
    let body = read_body(&mut response, MAX_DESCRIPTOR).await?;
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
    let app_key = body.get("key").and_then(|key| key.as_str()).map(str::to_owned);
    Ok(Answer { status, app_key, certificate_end })
}

fn judge(context: &Context<'_>, address: &str, answer: &Answer) -> Check {
    let (ours, listen) = (&context.config.connect.app_key, context.config.server.listen);
    let base = &context.config.server.base_url;
    let forward =
        format!("let the proxy for {base} forward every path unchanged to `server.listen` ({listen})");
    match (answer.status, &answer.app_key) {
        (200, Some(key)) if key == ours => Check::ok(GROUP, address, "answers with this app's descriptor"),
        (200, Some(key)) => {
            let cause =
                format!("another app answers there: its key is {key:?}, and `connect.app_key` is {ours:?}");
            let fix = format!("{forward}, or correct `connect.app_key`");
            Check::fix(GROUP, code::ADDRESS_OTHER_SERVICE, address, cause, fix)
        }
        (status @ 502..=504, _) => {
            let cause = format!("the proxy answers {status}: it does not reach the bridge");
            let fix = format!("start `incident-bridge serve`; {forward}");
            Check::fix(GROUP, code::ADDRESS_WITHOUT_SERVICE, address, cause, fix)
        }
        (status, _) => {
            let cause = format!("another service answers there: {status} instead of this app's descriptor");
            Check::fix(GROUP, code::ADDRESS_OTHER_SERVICE, address, cause, forward)
        }
    }
}

fn judge_certificate(end: Timestamp, now: Timestamp) -> Check {
    let left = end - now;
    let cause = format!("valid for {} more days, until {}", left.num_days(), end.format("%Y-%m-%d"));
    if left < SOON {
        let fix = "renew it; if that should happen by itself, see why it has not";
        Check::warn(GROUP, code::CERTIFICATE_EXPIRES_SOON, "certificate", cause, fix)
    } else {
        Check::ok(GROUP, "certificate", cause)
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::State;
    use super::*;
    use crate::clock::from_millis;

    #[test]
    fn a_certificate_is_worth_a_warning_two_weeks_before_its_end() {
        let now = from_millis(1_789_374_067_000);
        for (days, state) in [(61, State::Ok), (14, State::Ok), (13, State::Warn), (0, State::Warn)] {
            let check = judge_certificate(now + TimeDelta::days(days), now);
            assert_eq!(check.state, state, "{days}");
            assert!(check.cause.contains(&format!("{days} more days")), "{check:?}");
        }
    }
}
