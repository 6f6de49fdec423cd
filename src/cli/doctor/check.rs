//! What one check found, and what all of them together mean.
//!
//! Must not decide anything about a deployment.

use serde::Serialize;

use super::code::Code;
use crate::cli::output::{Tone, line, toned};

/// What a check is about; checks are printed by group, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    Configuration,
    Database,
    PublicAddress,
    Sources,
    JiraSites,
    /// The tables of `[[jira_issues]]`.
    WorkItems,
    WorkThatWaits,
}

impl Group {
    fn title(self) -> &'static str {
        match self {
            Self::Configuration => "Configuration",
            Self::Database => "Database",
            Self::PublicAddress => "Public address",
            Self::Sources => "Sources",
            Self::JiraSites => "Jira sites",
            Self::WorkItems => "Jira work items",
            Self::WorkThatWaits => "Work that waits",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Ok,
    /// Worth knowing; nothing is broken yet, or somebody wants it so.
    Warn,
    /// A person must act.
    Fix,
}

impl State {
    /// As wide as the others.
    fn mark(self) -> (Tone, &'static str) {
        match self {
            Self::Ok => (Tone::Good, "ok    "),
            Self::Warn => (Tone::Warning, "WARN  "),
            Self::Fix => (Tone::Bad, "FIX   "),
        }
    }
}

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    pub group: Group,
    /// Unless all is well.
    pub code: Option<Code>,
    /// What was checked.
    pub what: String,
    pub state: State,
    /// What was seen.
    pub cause: String,
    /// What to do, unless all is well.
    pub fix: Option<String>,
}

impl Check {
    pub fn ok(group: Group, what: impl Into<String>, seen: impl Into<String>) -> Self {
        let (what, cause) = (what.into(), seen.into());
        Self { group, code: None, what, state: State::Ok, cause, fix: None }
    }

    pub fn warn(
        group: Group,
        code: Code,
        what: impl Into<String>,
        cause: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        let fault = Self::fix(group, code, what, cause, fix);
        Self { state: State::Warn, ..fault }
    }

    pub fn fix(
        group: Group,
        code: Code,
        what: impl Into<String>,
        cause: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        let (what, cause, fix) = (what.into(), cause.into(), Some(fix.into()));
        Self { group, code: Some(code), what, state: State::Fix, cause, fix }
    }
}

/// Prints the checks by group, and what they amount to.
pub fn print(checks: &[Check]) {
    let mut group = None;
    for check in checks {
        if group.replace(check.group) != Some(check.group) {
            toned(&[(Tone::Heading, check.group.title())]);
        }
        let said = format!("{}: {}", check.what, check.cause);
        let code = check.code.map(|code| format!("  [{code}]")).unwrap_or_default();
        toned(&[(Tone::Plain, "  "), check.state.mark(), (Tone::Plain, &said), (Tone::Quiet, &code)]);
        if let Some(fix) = &check.fix {
            line(format!("        {fix}"));
        }
    }
    line("");
    toned(&[sum_up(checks)].each_ref().map(|(tone, text)| (*tone, text.as_str())));
}

fn sum_up(checks: &[Check]) -> (Tone, String) {
    let count = |state| checks.iter().filter(|check| check.state == state).count();
    let number = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    let (problems, warnings) = (number(count(State::Fix), "problem"), number(count(State::Warn), "warning"));
    let about = "; `incident-bridge doctor --about CODE` says more about a code in brackets";
    match (count(State::Fix), count(State::Warn)) {
        (0, 0) => (Tone::Good, "all is well".to_owned()),
        (0, _) => (Tone::Warning, format!("{warnings}{about}")),
        (_, 0) => (Tone::Bad, format!("{problems}{about}")),
        _ => (Tone::Bad, format!("{problems}, {warnings}{about}")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::code;
    use super::*;

    #[test]
    fn the_sum_counts_what_must_be_fixed_and_what_is_worth_knowing() {
        let well = Check::ok(Group::Database, "schema", "up to date");
        let fix = Check::fix(Group::Database, code::DISK_FULL, "disk", "full", "free some");
        let warn = Check::warn(Group::Database, code::DISK_NEARLY_FULL, "disk", "nearly", "free some");
        assert_eq!(sum_up(std::slice::from_ref(&well)).1, "all is well");
        let said = |checks: &[&Check]| {
            let checks: Vec<Check> = checks.iter().copied().cloned().collect();
            sum_up(&checks).1.split(';').next().map(str::to_owned)
        };
        assert_eq!(said(&[&well, &fix, &fix, &warn]).as_deref(), Some("2 problems, 1 warning"));
        assert_eq!(said(&[&warn, &warn]).as_deref(), Some("2 warnings"));
        assert_eq!(said(&[&fix]).as_deref(), Some("1 problem"));
    }
}
