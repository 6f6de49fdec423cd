//! The tools' own words for status and severity, so that an operator learns which of them are not mapped, and the
//! number by which people know an incident.
//!
//! Only for the operator, and never shown in Jira; nothing but the acknowledgement and the merging is part of an
//! incident's content.

use serde::{Deserialize, Serialize};

/// Longest word in characters: a tool may send whole texts, which nobody maps.
const LONGEST: usize = 100;
/// Words by which a tool says that it does not know either.
const SILENT: [&str; 2] = ["unknown", "unset"];

/// What a tool's word stands for; each kind has a table of its own in the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ValueKind {
    Severity,
    Status,
}

impl ValueKind {
    /// The name of its table below `[[sources]]`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Severity => "severity",
            Self::Status => "status",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        [Self::Severity, Self::Status].into_iter().find(|kind| kind.as_str() == name)
    }
}

/// Words of tools for an incident that somebody has taken on.
const ACKNOWLEDGED: [&str; 2] = ["acknowledged", "acked"];

/// The tool's words for an incident's status and severity; `None` where it has none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolWords {
    #[serde(skip)]
    pub status: Option<String>,
    #[serde(skip)]
    pub severity: Option<String>,
    /// What people call the incident in the tool, such as `1042` or `INC-7`, where that is not its id.
    #[serde(skip)]
    pub number: Option<String>,
    /// Somebody has taken it on. Jira's incidents know no such state.
    #[serde(default)]
    pub acknowledged: bool,
    /// The incident, by the tool's id, that it was merged into.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged_into: Option<String>,
}

impl ToolWords {
    /// The words as the tool wrote them, so that a table can name them. Words that say nothing, and texts too
    /// long for a name, count as absent.
    #[must_use]
    pub fn told(status: &str, severity: &str) -> Self {
        let acknowledged = ACKNOWLEDGED.iter().any(|word| status.trim().eq_ignore_ascii_case(word));
        let (status, severity) = (find_word(status), find_word(severity));
        Self { status, severity, acknowledged, ..Self::default() }
    }

    /// Whether nothing of it is part of an incident's content.
    #[must_use]
    pub fn is_aside(&self) -> bool {
        !self.acknowledged && self.merged_into.is_none()
    }

    /// The same of an incident that was merged into another, by the tool's id of that.
    #[must_use]
    pub fn merged(self, into: Option<String>) -> Self {
        Self { merged_into: into, ..self }
    }

    /// The same with the incident's number; `#` before it does not count.
    #[must_use]
    pub fn numbered(self, number: Option<impl AsRef<str>>) -> Self {
        let number = number.and_then(|number| find_word(number.as_ref().trim_start_matches('#')));
        Self { number, ..self }
    }
}

fn find_word(text: &str) -> Option<String> {
    let text = text.trim();
    let says_something = !text.is_empty() && !SILENT.iter().any(|word| text.eq_ignore_ascii_case(word));
    let is_name = text.chars().count() <= LONGEST && !text.chars().any(char::is_control);
    (says_something && is_name).then(|| text.to_owned())
}

/// A tool's word that neither the operator's table nor the source maps.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnmappedValue {
    pub kind: ValueKind,
    pub value: String,
}

impl UnmappedValue {
    /// What to write to map it: the table of the source, and the line with a value to choose.
    #[must_use]
    pub fn advice(&self) -> String {
        let (value, choice) = match self.kind {
            ValueKind::Severity => ("P3", "P1 to P5, or unknown"),
            ValueKind::Status => ("open", "open, resolved or unknown"),
        };
        // Escapes of JSON are escapes of TOML's basic strings as well.
        let word = serde_json::Value::from(self.value.as_str());
        format!("below [sources.{}] write: {word} = \"{value}\"  # or another: {choice}", self.kind.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_says_nothing_is_no_word() {
        assert_eq!(ToolWords::told(" ", "UNSET"), ToolWords::default());
        assert_eq!(ToolWords::told("Unknown", "").status, None);
        assert_eq!(ToolWords::told("", " Blocker ").severity.as_deref(), Some("Blocker"));
        assert_eq!(ToolWords::told(&"é".repeat(LONGEST), "").status, Some("é".repeat(LONGEST)));
    }

    #[test]
    fn a_text_is_no_word() {
        assert_eq!(ToolWords::told(&"é".repeat(LONGEST + 1), "Blo\u{1b}[31mcker"), ToolWords::default());
    }

    #[test]
    fn the_advice_names_its_table_and_quotes_the_word() {
        let advice = |kind, word: &str| UnmappedValue { kind, value: word.to_owned() }.advice();
        assert!(
            advice(ValueKind::Status, "on hold")
                .starts_with("below [sources.status] write: \"on hold\" = \"open\"")
        );
        assert!(
            advice(ValueKind::Severity, "a\"b")
                .starts_with("below [sources.severity] write: \"a\\\"b\" = \"P3\"")
        );
        assert_eq!(ValueKind::find("status"), Some(ValueKind::Status));
        assert_eq!(ValueKind::find("tier"), None);
    }
}
