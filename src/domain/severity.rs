//! Severity levels and the rules for names that all tools share.

use serde::{Deserialize, Serialize};

/// Jira's severity levels; `P1` is the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Severity {
    P1,
    P2,
    P3,
    P4,
    P5,
    #[serde(rename = "unknown")]
    Unknown,
}

impl Severity {
    /// Jira's own word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::P1 => "P1",
            Self::P2 => "P2",
            Self::P3 => "P3",
            Self::P4 => "P4",
            Self::P5 => "P5",
            Self::Unknown => "unknown",
        }
    }

    /// The level of a rank that starts at 0 for the most severe; the fifth and all later ones are `P5`.
    #[must_use]
    pub fn from_rank(rank: usize) -> Self {
        [Self::P1, Self::P2, Self::P3, Self::P4].get(rank).copied().unwrap_or(Self::P5)
    }

    /// The level that a name expresses: a lone digit 1 to 5, or `P`, `S`, `SEV`, `SEVERITY` or `PRIORITY`
    /// with an optional `-`, `_` or space and such a digit not followed by another letter or digit; otherwise
    /// one of the usual words. `None` when the name says nothing.
    #[must_use]
    pub fn find_by_name(name: &str) -> Option<Self> {
        let name = name.trim().to_lowercase();
        find_numbered(&name).or_else(|| find_word(&name))
    }
}

fn find_numbered(name: &str) -> Option<Severity> {
    let digit_of = |rest: &str| {
        let mut chars = rest.chars();
        let level = match chars.next()? {
            '1' => Severity::P1,
            '2' => Severity::P2,
            '3' => Severity::P3,
            '4' => Severity::P4,
            '5' => Severity::P5,
            _ => return None,
        };
        chars.next().is_none_or(|next| !next.is_alphanumeric()).then_some(level)
    };
    if name.len() == 1 {
        return digit_of(name);
    }
    ["priority", "severity", "sev", "p", "s"].iter().find_map(|prefix| {
        let rest = name.strip_prefix(prefix)?;
        digit_of(rest.strip_prefix(['-', '_', ' ']).unwrap_or(rest))
    })
}

fn find_word(name: &str) -> Option<Severity> {
    Some(match name {
        "critical" | "page" | "disaster" => Severity::P1,
        "error" | "high" | "major" => Severity::P2,
        "warning" | "warn" | "medium" => Severity::P3,
        "minor" | "low" | "notice" => Severity::P4,
        "info" | "information" | "debug" => Severity::P5,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_a_number_states_its_level() {
        for (name, level) in [
            ("P1", Severity::P1),
            (" sev-2 ", Severity::P2),
            ("SEV3: minor", Severity::P3),
            ("4", Severity::P4),
            ("Priority 5", Severity::P5),
            ("s_1", Severity::P1),
        ] {
            assert_eq!(Severity::find_by_name(name), Some(level), "{name}");
        }
    }

    #[test]
    fn a_number_inside_a_word_states_nothing() {
        for name in ["p10", "sev2b", "6", "P0", "12", "platform", "", "s", "p-", "pé"] {
            assert_eq!(Severity::find_by_name(name), None, "{name}");
        }
    }

    #[test]
    fn the_usual_words_have_levels_in_any_case() {
        assert_eq!(Severity::find_by_name("Critical"), Some(Severity::P1));
        assert_eq!(Severity::find_by_name("WARN"), Some(Severity::P3));
        assert_eq!(Severity::find_by_name("information"), Some(Severity::P5));
    }

    #[test]
    fn ranks_below_the_fifth_are_all_p5() {
        assert_eq!(Severity::from_rank(0), Severity::P1);
        assert_eq!(Severity::from_rank(4), Severity::P5);
        assert_eq!(Severity::from_rank(99), Severity::P5);
    }
}
