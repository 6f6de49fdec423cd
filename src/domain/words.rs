//! The tools' own words for status and severity, so that an operator learns which of them have no meaning yet.
//!
//! For the operator's eyes only: never stored with an incident, never shown in Jira.

/// Longest word in characters: a tool may put whole texts there, and nobody maps those.
const LONGEST: usize = 100;
/// With these a tool says itself that it does not know.
const SILENT: [&str; 2] = ["unknown", "unset"];

/// What a word stands for; each kind has a table of its own in the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WordKind {
    Severity,
    Status,
}

impl WordKind {
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

/// The words from which a source made an incident's status and severity; `None` where the tool told none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Words {
    pub status: Option<String>,
    pub severity: Option<String>,
}

impl Words {
    /// The words as the tool wrote them, so that a table can name them; what says nothing, or is no name,
    /// counts as not told.
    #[must_use]
    pub fn told(status: &str, severity: &str) -> Self {
        Self { status: find_word(status), severity: find_word(severity) }
    }
}

fn find_word(text: &str) -> Option<String> {
    let text = text.trim();
    let says_something = !text.is_empty() && !SILENT.iter().any(|word| text.eq_ignore_ascii_case(word));
    let is_name = text.chars().count() <= LONGEST && !text.chars().any(char::is_control);
    (says_something && is_name).then(|| text.to_owned())
}

/// A word that neither the operator's table nor the source's own has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnknownWord {
    pub kind: WordKind,
    pub word: String,
}

impl UnknownWord {
    /// Where to write what, to give the word a meaning: the table of the source, and its line with a value to
    /// choose.
    #[must_use]
    pub fn advice(&self) -> String {
        let (value, choice) = match self.kind {
            WordKind::Severity => ("P3", "P1 to P5, or unknown"),
            WordKind::Status => ("open", "open, resolved or unknown"),
        };
        // Escapes of JSON are escapes of TOML's basic strings as well.
        let word = serde_json::Value::from(self.word.as_str());
        format!("below [sources.{}] write: {word} = \"{value}\"  # or another: {choice}", self.kind.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_says_nothing_is_no_word() {
        assert_eq!(Words::told(" ", "UNSET"), Words::default());
        assert_eq!(Words::told("Unknown", "").status, None);
        assert_eq!(Words::told("", " Blocker ").severity.as_deref(), Some("Blocker"));
        assert_eq!(Words::told(&"é".repeat(LONGEST), "").status, Some("é".repeat(LONGEST)));
    }

    #[test]
    fn a_text_is_no_word() {
        assert_eq!(Words::told(&"é".repeat(LONGEST + 1), "Blo\u{1b}[31mcker"), Words::default());
    }

    #[test]
    fn the_advice_names_its_table_and_quotes_the_word() {
        let advice = |kind, word: &str| UnknownWord { kind, word: word.to_owned() }.advice();
        assert!(
            advice(WordKind::Status, "on hold")
                .starts_with("below [sources.status] write: \"on hold\" = \"open\"")
        );
        assert!(
            advice(WordKind::Severity, "a\"b")
                .starts_with("below [sources.severity] write: \"a\\\"b\" = \"P3\"")
        );
        assert_eq!(WordKind::find("status"), Some(WordKind::Status));
        assert_eq!(WordKind::find("tier"), None);
    }
}
