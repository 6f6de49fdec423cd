//! Whether the workflow has the ways that are needed, as far as the newest work item shows it. Pure.

use super::finding::{Finding, Row};
use super::look::Seen;
use crate::destinations::issues::content::issue::Issue;
use crate::destinations::issues::content::workflow::{Category, NoWay, Step, Transition, Wish, choose};
use crate::destinations::issues::options::Options;

/// `None` when nothing was asked.
pub(super) fn judge(seen: &Seen, options: &Options) -> Option<Finding> {
    let (issue, ways) = match seen.newest.as_ref()? {
        Err(error) => return Some(Finding::failed(Row::Workflow, error)),
        Ok(None) => {
            let seen = "not known before the project has a work item; `incident-bridge destinations test ID` makes one";
            return Some(Finding::ok(Row::Workflow, seen));
        }
        Ok(Some((issue, ways))) => (issue, ways),
    };
    let wishes: &[(Wish, &str)] = match issue.category() {
        Some(Category::New) => &[(Wish::Acknowledge, "acknowledged"), (Wish::Resolve, "resolved")],
        Some(Category::Done) => &[(Wish::Reopen, "reopened")],
        _ => &[(Wish::Resolve, "resolved")],
    };
    let steps: Vec<(&str, Step)> =
        wishes.iter().map(|(wish, key)| (*key, step(*wish, issue, ways, options))).collect();
    let dead_end = steps.iter().find_map(|(key, step)| match step {
        Step::NoWay(no_way) => Some((*key, no_way)),
        _ => None,
    });
    Some(match dead_end {
        Some((key, no_way)) => judge_no_way(key, issue, no_way),
        None => Finding::ok(Row::Workflow, describe(issue, &steps)),
    })
}

fn step(wish: Wish, issue: &Issue, ways: &[Transition], options: &Options) -> Step {
    let choice = match wish {
        Wish::Acknowledge => &options.transitions.acknowledged,
        Wish::Resolve => &options.transitions.resolved,
        Wish::Reopen => &options.transitions.reopened,
    };
    choose(ways, wish, choice, options.resolution.as_deref(), issue.category())
}

fn describe(issue: &Issue, steps: &[(&str, Step)]) -> String {
    let taken = steps.iter().map(|(key, step)| match step {
        Step::Take(way) => format!("{key} by {}", way.name),
        _ => format!("{key}: off"),
    });
    format!("from {} ({}): {}", status(issue), issue.key, taken.collect::<Vec<_>>().join(", "))
}

fn judge_no_way(key: &str, issue: &Issue, no_way: &NoWay) -> Finding {
    let from = format!("from {} ({})", status(issue), issue.key);
    if no_way.offered.is_empty() {
        return Finding::warn(
            Row::Workflow,
            format!("{from}, Jira offers no transition"),
            format!("grant the permission Transition work items, or write transitions.{key} = \"off\""),
        );
    }
    if !no_way.missing.is_empty() {
        return Finding::warn(
            Row::Workflow,
            format!("{from}, the way to {key} asks for {}", no_way.missing.join(", ")),
            format!("make these fields optional on the transition, or name another way in transitions.{key}"),
        );
    }
    let (seen, names) = if no_way.alike.is_empty() {
        ("no way fits", &no_way.offered)
    } else {
        ("several ways fit equally well", &no_way.alike)
    };
    Finding::warn(
        Row::Workflow,
        format!("{from}, {seen} for {key}"),
        format!("name one of these in transitions.{key}, or write \"off\": {}", names.join(", ")),
    )
}

fn status(issue: &Issue) -> &str {
    issue.status().unwrap_or("its status")
}
