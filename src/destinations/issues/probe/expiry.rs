//! How long the token still works, by what the operator wrote: Jira does not tell.

use chrono::NaiveDate;

use super::finding::{Finding, Row};

/// Days before the end on which people are told.
const SOON: i64 = 30;
const VERY_SOON: i64 = 7;
const AT_ONCE: i64 = 1;

const RENEW: &str = "make a new token, write it in place of the old one, set `token_expires`, and run `incident-bridge reload`";

/// `last` is the last day on which the token works.
pub(super) fn judge(last: Option<NaiveDate>, today: NaiveDate) -> Finding {
    let Some(last) = last else {
        return Finding::ok(Row::Expiry, "not known; with `token_expires`, it is told in time");
    };
    let left = last.signed_duration_since(today).num_days();
    let seen = match left {
        ..0 => format!("the token expired after {last}"),
        0 => "the token expires today".to_owned(),
        1 => format!("the token expires tomorrow, after {last}"),
        _ => format!("the token expires in {left} days, after {last}"),
    };
    match left {
        left if left <= AT_ONCE => Finding::fix(Row::Expiry, seen, format!("now: {RENEW}")),
        left if left <= VERY_SOON => Finding::warn(Row::Expiry, seen, format!("this week: {RENEW}")),
        left if left <= SOON => Finding::warn(Row::Expiry, seen, format!("within a month: {RENEW}")),
        _ => Finding::ok(Row::Expiry, seen),
    }
}
