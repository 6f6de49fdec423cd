//! Which of a tool's values for status and severity are mapped neither by the operator's table nor by the source.
//!
//! Decided in this one place, so that a source only has to say which words it read. Pure.

use std::collections::BTreeSet;

use crate::config::SourceConfig;
use crate::domain::{Incident, IncidentStatus, Severity, UnmappedValue, ValueKind};
use crate::sources::Findings;

impl Findings {
    /// The values that left a status or severity unknown, once each. One that the operator's table maps to
    /// `unknown` is mapped.
    #[must_use]
    pub fn unmapped_values(&self, config: &SourceConfig) -> BTreeSet<UnmappedValue> {
        self.incidents().flat_map(|incident| find_unmapped(incident, config)).collect()
    }
}

fn find_unmapped(incident: &Incident, config: &SourceConfig) -> impl Iterator<Item = UnmappedValue> + use<> {
    let status = incident.words.status.clone().filter(|_| incident.status == IncidentStatus::Unknown);
    let severity = incident.words.severity.clone().filter(|_| incident.severity == Severity::Unknown);
    let values = [(ValueKind::Status, status), (ValueKind::Severity, severity)];
    let values = values.into_iter().filter_map(|(kind, value)| Some(UnmappedValue { kind, value: value? }));
    values.filter(|value| !config.knows(value)).collect::<Vec<_>>().into_iter()
}
