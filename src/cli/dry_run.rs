//! What `sync --dry-run` prints: what each destination would get, and what that changes there.

use std::process::ExitCode;

use serde_json::Value;

use super::layout::{clip, count};
use super::output;
use crate::app::{IssuesTable, read_issues_tables};
use crate::config::Config;
use crate::domain::{EntityKind, Severity};
use crate::sync::{FieldChange, Preview};

/// Characters of a value that are shown.
const VALUE: usize = 60;
/// Fields of something new that say what it is; `--verbose` shows the rest.
const TELLING: [&str; 5] = ["name", "summary", "status", "severity", "url"];

pub(super) fn print(
    config: &Config,
    previews: &[Preview],
    verbose: bool,
    json: bool,
) -> anyhow::Result<ExitCode> {
    if json {
        output::json(&previews)?;
        return Ok(ExitCode::SUCCESS);
    }
    for preview in previews {
        let Preview { kind, jira_id, site, difference, changes, payload, .. } = preview;
        if changes.is_empty() {
            output::line(format!("{kind} {jira_id} → {site}: {difference}"));
            let fields = TELLING.iter().filter_map(|field| Some((field, payload.get(field)?)));
            fields.for_each(|(field, value)| output::line(format!("  {field}: {}", show(value))));
        } else {
            output::line(format!("{kind} {jira_id} → {site}"));
        }
        for FieldChange { field, old, new } in changes {
            let old = old.as_ref().map_or_else(|| "nothing".to_owned(), show);
            output::line(format!("  {field}: {old} → {}", show(new)));
        }
        if verbose {
            output::json(payload)?;
        }
    }
    for table in read_issues_tables(&config.destinations, None).0 {
        let made = count_new_work_items(previews, &table);
        output::line(format!("{} would be made by {}", count(made, "work item", "work items"), table.id));
    }
    output::line(format!("Dry run: {} would be sent", count(previews.len(), "entity", "entities")));
    Ok(ExitCode::SUCCESS)
}

/// A work item stands for one incident that is severe enough, and that was not over when the bridge first saw it.
fn count_new_work_items(previews: &[Preview], table: &IssuesTable) -> usize {
    let options = &table.options;
    let is_one = |it: &&Preview| {
        let part = |name: &str| it.payload.get(name).cloned().unwrap_or_default();
        let level = serde_json::from_value(part("severity")).unwrap_or(Severity::Unknown);
        let is_over = part("status") == "resolved" && !options.create_resolved;
        let is_ours = it.is_new && it.site == table.id && it.kind == EntityKind::Incident;
        is_ours && options.is_severe_enough(level) && !is_over
    };
    previews.iter().filter(is_one).count()
}

fn show(value: &Value) -> String {
    clip(&value.to_string(), VALUE)
}
