//! Which of a tool's words for status and severity nobody knows: neither the operator's table nor the source.
//!
//! The one place that decides it, so that every source only has to say which words it read. Pure.

use std::collections::BTreeSet;

use super::Findings;
use crate::config::SourceConfig;
use crate::domain::{Incident, IncidentStatus, Severity, UnknownWord, WordKind};

impl Findings {
    /// The words that left a status or severity unknown, once each. A word that the operator's table maps to
    /// `unknown` is known.
    #[must_use]
    pub fn unknown_words(&self, config: &SourceConfig) -> BTreeSet<UnknownWord> {
        self.incidents().flat_map(|incident| find_unknown(incident, config)).collect()
    }
}

fn find_unknown(incident: &Incident, config: &SourceConfig) -> impl Iterator<Item = UnknownWord> + use<> {
    let status = incident.words.status.clone().filter(|_| incident.status == IncidentStatus::Unknown);
    let severity = incident.words.severity.clone().filter(|_| incident.severity == Severity::Unknown);
    let words = [(WordKind::Status, status), (WordKind::Severity, severity)];
    let words = words.into_iter().filter_map(|(kind, word)| Some(UnknownWord { kind, word: word? }));
    words.filter(|word| !config.knows(word)).collect::<Vec<_>>().into_iter()
}
