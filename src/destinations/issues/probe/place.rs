//! What the answers say of the project: the type, its create screen, priorities and components. Pure.

use std::collections::BTreeSet;

use serde_json::json;

use super::finding::{Finding, Row};
use super::look::{Seen, find_type};
use crate::destinations::issues::client::{CallError, Fault, IssueType, Project};
use crate::destinations::issues::content::create::{Creation, Place, Wanted, create};
use crate::destinations::issues::content::identity::Identity;
use crate::destinations::issues::content::labels::LABEL;
use crate::destinations::issues::content::priority::{LEVELS, Origin, Priorities};
use crate::destinations::issues::content::screen::{CreateScreen, Named};
use crate::destinations::issues::options::{Components, Options};

/// Most names in one sentence.
const LISTED: usize = 20;

/// What the project has to say.
pub(super) fn judge(seen: &Seen, options: &Options) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(judge_project(seen, options));
    findings.extend(seen.types.as_ref().map(|types| judge_types(types, options)));
    match &seen.screen {
        Some(Ok(screen)) => {
            findings.push(judge_screen(screen, options));
            findings.push(judge_priorities(screen, options));
            findings.extend(judge_components(screen, seen.components.as_ref(), options));
        }
        Some(Err(error)) => findings.push(Finding::failed(Row::Screen, error)),
        None => {}
    }
    findings
}

fn judge_project(seen: &Seen, options: &Options) -> Option<Finding> {
    let key = &options.project;
    let is_hidden = |error: &CallError| error.fault == Fault::NotFound;
    match (&seen.project, &seen.permissions) {
        (Some(Ok(project)), _) => Some(judge_found(project, key)),
        (Some(Err(error)), _) | (None, Some(Err(error))) if is_hidden(error) => Some(Finding::fix(
            Row::Project,
            format!("there is no project {key}, or the account may not see it"),
            "correct `project` (the key stands before the number of a work item), or add the account to the project",
        )),
        (Some(Err(error)), _) => match error.fault {
            // The rows of token and scopes tell it.
            Fault::Unauthorized { .. } => None,
            _ => Some(Finding::failed(Row::Project, error)),
        },
        (None, _) => None,
    }
}

fn judge_found(project: &Project, key: &str) -> Finding {
    let Project { name, is_archived, is_deleted, is_team_managed, kind, .. } = project;
    if *is_deleted {
        return Finding::fix(
            Row::Project,
            format!("{key} ({name}) is in the trash"),
            "restore it, or name another project in `project`",
        );
    }
    if *is_archived {
        return Finding::fix(
            Row::Project,
            format!("{key} ({name}) is archived, so nothing can be written to it"),
            "restore it, or name another project in `project`",
        );
    }
    if project.key != key {
        let seen = format!("{key} is called {} now", project.key);
        return Finding::warn(Row::Project, seen, format!("write project = {:?}", project.key));
    }
    if kind == "service_desk" {
        return Finding::warn(
            Row::Project,
            format!("{key} ({name}) belongs to Jira Service Management"),
            "run `incident-bridge destinations test ID` and look where the work item appears: it is not known whether \
             such projects need a request type",
        );
    }
    let managed = if *is_team_managed { "team-managed" } else { "company-managed" };
    Finding::ok(Row::Project, format!("{key} ({name}), {managed}"))
}

fn judge_types(types: &Result<Vec<IssueType>, CallError>, options: &Options) -> Finding {
    let types = match types {
        Ok(types) => types,
        Err(error) => return Finding::failed(Row::IssueType, error),
    };
    let wanted = &options.issue_type;
    match find_type(types, options) {
        Some(found) if found.is_subtask => Finding::fix(
            Row::IssueType,
            format!("{wanted} is a type of subtasks, which need a parent"),
            format!(
                "write another type into `issue_type`: {}",
                names(types.iter().map(|it| it.name.as_str()))
            ),
        ),
        Some(found) => Finding::ok(Row::IssueType, format!("{} ({})", found.name, found.id)),
        None if types.is_empty() => Finding::fix(
            Row::IssueType,
            "the account may not create work items in the project",
            "grant it the permission Create work items",
        ),
        None => Finding::fix(
            Row::IssueType,
            format!("the project has no type {wanted:?}"),
            format!(
                "write one of these into `issue_type`: {}",
                names(types.iter().map(|it| it.name.as_str()))
            ),
        ),
    }
}

/// A work item as full as any, to see what the screen takes of it.
fn create_fullest(screen: &CreateScreen, options: &Options) -> Creation {
    let priorities = Priorities::choose(screen.allowed("priority"), &options.priority);
    let component = || screen.allowed("components")?.first().cloned();
    let wanted = Wanted {
        summary: String::new(),
        description: json!({}),
        priority: LEVELS.iter().find_map(|level| priorities.of(*level)).cloned(),
        components: component()
            .filter(|_| options.components == Components::Match)
            .map(|it| it.id)
            .into_iter()
            .collect(),
        labels: vec![LABEL.to_owned()],
    };
    let none = String::new;
    let identity =
        Identity { bridge: none(), destination: none(), source: none(), id: none(), episode: 1, seq: 0 };
    let refused = BTreeSet::new();
    let place = Place {
        project: &options.project,
        issue_type: &options.issue_type,
        screen,
        refused: &refused,
        custom: &options.fields,
    };
    create(place, &wanted, &identity)
}

fn judge_screen(screen: &CreateScreen, options: &Options) -> Finding {
    let Creation { left_out, missing, .. } = create_fullest(screen, options);
    if !missing.is_empty() {
        return Finding::fix(
            Row::Screen,
            format!("the create screen requires {}, which nothing fills", missing.join(", ")),
            "give them values in [jira_issues.fields], or make them optional for this type",
        );
    }
    if left_out.is_empty() {
        return Finding::ok(Row::Screen, "the create screen has every field that is sent");
    }
    let consequence = match (left_out.iter().any(|it| it == "labels"), options.identity_label) {
        (true, true) => {
            "; without labels, a work item whose creation was unclear is found by its number only"
        }
        _ => "",
    };
    Finding::warn(
        Row::Screen,
        format!("the create screen lacks {}: they are left out{consequence}", left_out.join(", ")),
        "put them on the create and edit screens of this type, or leave it so",
    )
}

fn judge_priorities(screen: &CreateScreen, options: &Options) -> Finding {
    let priorities = Priorities::choose(screen.allowed("priority"), &options.priority);
    let offered = names(priorities.offered.iter().map(String::as_str));
    let chosen = LEVELS
        .iter()
        .filter_map(|level| Some(format!("{} = {}", level.as_str(), priorities.of(*level)?.name)));
    match priorities.origin {
        Origin::NotOnScreen => Finding::ok(Row::Priorities, "the type has none, so none is sent"),
        Origin::NoSetFits => Finding::warn(
            Row::Priorities,
            format!("none is sent, because the project's are: {offered}"),
            "write a table [jira_issues.priority] with P1 to P5",
        ),
        Origin::Configured if !priorities.unknown.is_empty() => {
            let unknown =
                priorities.unknown.iter().map(|(level, name)| format!("{} = {name:?}", level.as_str()));
            Finding::fix(
                Row::Priorities,
                format!("the project does not have {}", unknown.collect::<Vec<_>>().join(", ")),
                format!("the project's are: {offered}"),
            )
        }
        Origin::Configured | Origin::Usual => {
            Finding::ok(Row::Priorities, chosen.collect::<Vec<_>>().join(", "))
        }
    }
}

fn judge_components(
    screen: &CreateScreen,
    listed: Option<&Result<Vec<Named>, CallError>>,
    options: &Options,
) -> Option<Finding> {
    if options.components == Components::Off {
        return None;
    }
    let Some(allowed) = screen.allowed("components") else {
        return Some(Finding::ok(Row::Components, "the type has none; the description names the services"));
    };
    let known = match listed {
        Some(Ok(listed)) if allowed.is_empty() => listed.as_slice(),
        Some(Err(error)) if allowed.is_empty() => return Some(Finding::failed(Row::Components, error)),
        _ => allowed,
    };
    let seen = if known.is_empty() {
        "the project has none; the description names the services".to_owned()
    } else {
        format!("services are matched with {}", names(known.iter().map(|it| it.name.as_str())))
    };
    Some(Finding::ok(Row::Components, seen))
}

/// Names for a sentence, not too many.
fn names<'n>(all: impl Iterator<Item = &'n str>) -> String {
    let mut all: Vec<&str> = all.collect();
    let more = all.len().saturating_sub(LISTED);
    all.truncate(LISTED);
    let text = all.join(", ");
    match (text.is_empty(), more) {
        (true, _) => "none".to_owned(),
        (false, 0) => text,
        (false, more) => format!("{text} and {more} more"),
    }
}
