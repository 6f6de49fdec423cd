//! Unmapped values of tools: what each source makes of them, and what the operator is told.

use super::prelude::*;
use crate::domain::{IncidentStatus, Severity, UnmappedValue, ValueKind};

fn word(kind: ValueKind, word: &str) -> UnmappedValue {
    UnmappedValue { kind, value: word.to_owned() }
}

fn pagerduty(status: &str, priority: &str, change: impl FnOnce(&mut SourceConfig)) -> Vec<UnmappedValue> {
    let mut config = SourceConfig::new(SourceId::parse("test").expect("valid"), "pagerduty").expect("valid");
    change(&mut config);
    let source = build(BuildContext { config: config.clone(), http: reqwest::Client::new() }).expect("built");
    let body = json!({"event": {"id": "1", "event_type": "incident.triggered",
        "occurred_at": "2026-09-14T08:00:00Z", "data": {"id": "Q1", "type": "incident", "status": status,
        "title": "x", "priority": {"id": "P", "summary": priority}}}});
    let webhook = verified(&[], body.to_string().as_bytes(), sample_now());
    let found = source.parse(&webhook, &mut Memory::default()).expect("mappable");
    found.unmapped_values(&config).into_iter().collect()
}

#[test]
fn a_word_that_no_table_has_is_told_and_one_that_the_operator_maps_is_not() {
    let unknown = [word(ValueKind::Severity, "Blocker"), word(ValueKind::Status, "Napping")];
    assert_eq!(pagerduty("Napping", "Blocker", |_| {}), unknown);
    assert_eq!(pagerduty("triggered", "P1", |_| {}), []);
    let mapped = pagerduty("Napping", "Blocker", |config| {
        config.severity.insert("blocker".to_owned(), Severity::P1);
        config.status.insert("napping".to_owned(), IncidentStatus::Unknown);
    });
    assert_eq!(mapped, [], "mapped to unknown is mapped");
}

#[test]
fn an_incident_that_told_no_word_misses_none() {
    assert_eq!(pagerduty("triggered", "", |_| {}), []);
}

/// Replaces every text under a name for a status or a severity.
fn rename_words(value: &mut Value) {
    match value {
        Value::Object(fields) => fields.iter_mut().for_each(|(name, field)| {
            let names = [
                "status",
                "state",
                "severity",
                "priority",
                "level",
                "phase",
                "impact",
                "milestone",
                "category",
            ];
            let holds_word = names.iter().any(|part| name.to_lowercase().contains(part));
            match field {
                Value::String(text) if holds_word => "Zzyzx".clone_into(text),
                field => rename_words(field),
            }
        }),
        Value::Array(items) => items.iter_mut().for_each(rename_words),
        _ => {}
    }
}

/// Every source names its words: an incident whose status or severity cannot be told says from what.
#[test]
fn no_source_keeps_an_unknown_word_to_itself() {
    let mut seen = 0;
    for kind in all_kinds() {
        let source = sample_source(kind.name, Some("https://api.example.com"));
        let mut unknown = 0;
        for (name, mut sample) in super::mutations::samples(kind.name) {
            rename_words(&mut sample);
            let body = serde_json::to_vec(&sample).expect("JSON");
            let webhook = verified(&[("content-type", "application/json")], &body, sample_now());
            let Ok(found) = source.parse(&webhook, &mut Memory::default()) else { continue };
            for incident in found.incidents().filter(|it| it.status == IncidentStatus::Unknown) {
                unknown += 1;
                assert_eq!(incident.words.status.as_deref(), Some("Zzyzx"), "{}/{name}", kind.name);
            }
            for incident in found.incidents().filter(|it| it.severity == Severity::Unknown) {
                let told = incident.words.severity.as_deref();
                assert!(told.is_none_or(|word| word == "Zzyzx"), "{}/{name}: {told:?}", kind.name);
            }
        }
        eprintln!("{}: {unknown} incidents with an unknown status", kind.name);
        seen += usize::from(unknown > 0);
    }
    assert!(seen > all_kinds().count() / 2, "the samples of {seen} sources hold such a word");
}
