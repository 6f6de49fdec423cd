//! Whether each `[[jira_issues]]` table will work: token, host, scopes, permissions, project, type, screens, priorities,
//! workflow, and how long the token lasts. Needs no database but for first syncs that wait.

use futures::{StreamExt as _, stream};

use super::check::{Check, Group};
use super::code::{self, Code};
use super::context::{Context, broken};
use crate::app::{IssuesTable, build_http, open_vault, read_issues_tables};
use crate::destinations::issues::client::Client;
use crate::destinations::issues::probe::{Finding, Row, State, judge, look};
use crate::sync::{HeldDestination, Operator};

/// Sites that are asked at once.
const AT_ONCE: usize = 4;
const GROUP: Group = Group::WorkItems;

/// Asks every site that a valid table names.
pub async fn examine(context: &Context<'_>) -> Vec<Check> {
    let vault = open_vault(context.config).ok();
    let (tables, _) = read_issues_tables(&context.config.destinations, vault.as_ref());
    let checks = stream::iter(&tables).map(async |table| examine_table(context, table).await);
    checks.buffered(AT_ONCE).collect::<Vec<_>>().await.concat()
}

/// First syncs that wait for a person.
pub async fn examine_held(operator: &Operator) -> Vec<Check> {
    let held = match operator.list_held().await {
        Ok(held) => held,
        Err(fault) => return vec![broken(GROUP, "first sync", &fault)],
    };
    let check = |HeldDestination { destination, count }: HeldDestination| {
        Check::fix(
            GROUP,
            code::ISSUES_HELD,
            format!("{destination}, first sync"),
            format!("{count} work items wait for a person to approve them"),
            format!(
                "`incident-bridge destinations approve {destination}`, or set `min_severity` or `backfill` first"
            ),
        )
    };
    held.into_iter().map(check).collect()
}

async fn examine_table(context: &Context<'_>, table: &IssuesTable) -> Vec<Check> {
    let what = |row: &str| format!("{}, {row}", table.id);
    let http = match build_http(context.config) {
        Ok(http) => http,
        Err(fault) => {
            let fix = "correct the section [http] of the configuration";
            return vec![Check::fix(GROUP, code::JIRA_FAILS, what("site"), fault.to_string(), fix)];
        }
    };
    let seen =
        look(&table.options, |options| Client::new(http.clone(), context.clock.clone(), options)).await;
    let findings = judge(&seen, &table.options, context.now.date_naive());
    findings.into_iter().map(|finding| to_check(what(finding.row.as_str()), finding)).collect()
}

fn to_check(what: String, finding: Finding) -> Check {
    let Finding { row, state, seen, fix } = finding;
    match (state, fix) {
        (State::Warn, Some(fix)) => Check::warn(GROUP, find_code(row, state), what, seen, fix),
        (State::Fix, Some(fix)) => Check::fix(GROUP, find_code(row, state), what, seen, fix),
        _ => Check::ok(GROUP, what, seen),
    }
}

fn find_code(row: Row, state: State) -> Code {
    match row {
        Row::Site | Row::Host => code::ISSUES_SITE_WRONG,
        Row::Token => code::ISSUES_TOKEN_REFUSED,
        Row::Scopes => code::ISSUES_SCOPE_MISSING,
        Row::Permissions => code::ISSUES_PERMISSION_MISSING,
        Row::Project => code::ISSUES_PROJECT_UNUSABLE,
        Row::IssueType => code::ISSUES_TYPE_MISSING,
        Row::Screen | Row::Components => code::ISSUES_FIELD_MISSING,
        Row::Priorities => code::ISSUES_PRIORITY_UNKNOWN,
        Row::Workflow => code::ISSUES_WAY_MISSING,
        Row::Expiry if state == State::Fix => code::ISSUES_TOKEN_ENDS,
        Row::Expiry => code::ISSUES_TOKEN_ENDS_SOON,
    }
}
