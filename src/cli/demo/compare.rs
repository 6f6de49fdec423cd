//! Compares what Jira holds with what the tools hold, in both directions.
//!
//! Derives what the tools' values should have become from the documentation alone: it must not ask the
//! bridge's sources or mapping, or it would only agree with their mistakes.

use std::collections::{BTreeMap, BTreeSet};

use chrono::DateTime;
use serde_json::Value;

use super::scenery::{NOTICES, RULES, SERVICES};
use crate::simulator::Simulator;
use crate::simulator::tools::{Episode, Incident, Pager, Report, Status, StatusPage, Tools};

/// An incident as Jira should show it.
#[derive(Debug, PartialEq, Eq)]
struct Expected {
    summary: String,
    status: &'static str,
    severity: String,
    components: Vec<String>,
    url: String,
    /// Milliseconds since the Unix epoch.
    created: i64,
    issues: Vec<String>,
}

/// Every difference, in words; empty when Jira equals the tools.
pub(super) fn compare(jira: &Simulator, tools: &Tools) -> Vec<String> {
    let held = jira.incidents();
    let mut extra: BTreeMap<&str, &Value> = held.iter().map(|it| (text(it, "/id"), it)).collect();
    let mut differences = Vec::new();
    for incident in tools.pager.incidents() {
        let id = format!("pager:{}", incident.id);
        let found = extra.remove(id.as_str());
        differences.extend(check(&id, &expect_incident(&incident, &tools.pager), found));
    }
    for episode in tools.alerts.episodes() {
        // Alertmanager has no ids: an episode is known by its rule's page and by its start.
        let expected = expect_episode(&episode);
        let is_it = |it: &Value| text(it, "/url") == expected.url && created(it) == Some(expected.created);
        let id = extra.iter().find(|(id, it)| id.starts_with("alerts:") && is_it(it)).map(|(id, _)| *id);
        let found = id.and_then(|id| extra.remove(id));
        let name = format!("{} of {}", episode.rule.name, episode.rule.service);
        differences.extend(check(&name, &expected, found));
    }
    for report in tools.status_page.reports() {
        let id = format!("status:{}", report.id);
        let found = extra.remove(id.as_str());
        differences.extend(check(&id, &expect_report(&report, &tools.status_page), found));
    }
    differences.extend(check_reviews(jira, &tools.status_page));
    differences.extend(extra.keys().map(|id| format!("{id}: is in Jira, but in no tool")));
    differences.extend(check_components(jira, &held));
    differences.extend(jira.schema_violations().iter().map(|violation| {
        format!("{} {}: Jira's schema refuses it: {}", violation.method, violation.path, violation.message)
    }));
    differences
}

fn expect_incident(incident: &Incident, pager: &Pager) -> Expected {
    Expected {
        summary: incident.title.to_owned(),
        status: if incident.status == Status::Resolved { "resolved" } else { "open" },
        severity: incident.priority.map_or_else(|| "unknown".to_owned(), |level| format!("P{level}")),
        components: vec![format!("pager:{}", incident.service.id)],
        url: pager.incident_url(&incident.id),
        created: incident.created_at.timestamp_millis(),
        issues: Vec::new(),
    }
}

fn expect_report(report: &Report, page: &StatusPage) -> Expected {
    let severity = match report.notice.impact {
        "critical" => "P1",
        "major" => "P2",
        "minor" => "P3",
        _ => "unknown",
    };
    Expected {
        summary: report.notice.title.to_owned(),
        status: if report.resolved_at.is_some() { "resolved" } else { "open" },
        severity: severity.to_owned(),
        components: vec![format!("status:{}", report.notice.component.0)],
        url: page.report_url(&report.id),
        created: report.created_at.timestamp_millis(),
        // In these titles a word has a digit only if it is a key.
        issues: words(report.notice.title)
            .filter(|word| word.contains(|c: char| c.is_ascii_digit()))
            .collect(),
    }
}

fn words(title: &str) -> impl Iterator<Item = String> {
    title.split([' ', ',', '(', ')']).map(str::to_owned)
}

/// Every published postmortem is a review of its incident, and Jira holds no other.
fn check_reviews(jira: &Simulator, page: &StatusPage) -> Vec<String> {
    let published = page.reports().into_iter().filter(|report| report.published_at.is_some());
    let expected: BTreeSet<(String, String, String)> = published
        .map(|it| (format!("status:{}", it.id), it.notice.title.to_owned(), "completed".to_owned()))
        .collect();
    let held = jira.reviews();
    let own = |review: &Value, pointer: &str| text(review, pointer).to_owned();
    let held =
        held.iter().map(|it| (own(it, "/reviews/0"), own(it, "/summary"), own(it, "/status"))).collect();
    expected.symmetric_difference(&held).map(|(id, ..)| format!("{id}: its review differs")).collect()
}

fn expect_episode(episode: &Episode) -> Expected {
    let level = |severity| match severity {
        "critical" => "P1",
        "warning" => "P3",
        "info" => "P5",
        _ => "unknown",
    };
    Expected {
        summary: episode.rule.summary.to_owned(),
        status: if episode.fires() { "open" } else { "resolved" },
        severity: episode.severities().map(level).min().unwrap_or("unknown").to_owned(),
        components: vec![format!("alerts:{}", episode.rule.service)],
        url: episode.url.clone(),
        created: episode.started.timestamp_millis(),
        issues: Vec::new(),
    }
}

fn check(name: &str, expected: &Expected, found: Option<&Value>) -> Vec<String> {
    let Some(found) = found else { return vec![format!("{name}: is not in Jira")] };
    let components = found["affectedComponents"].as_array().into_iter().flatten();
    let components: Vec<&str> = components.filter_map(Value::as_str).collect();
    let issues: Vec<&str> =
        found["associations"].as_array().into_iter().flatten().flat_map(list_values).collect();
    let created_then = created(found).map_or_else(|| "?".to_owned(), |ms| ms.to_string());
    let pairs = [
        ("summary", expected.summary.clone(), text(found, "/summary").to_owned()),
        ("status", expected.status.to_owned(), text(found, "/status").to_owned()),
        ("severity", expected.severity.clone(), text(found, "/severity/level").to_owned()),
        ("components", expected.components.join(", "), components.join(", ")),
        ("url", expected.url.clone(), text(found, "/url").to_owned()),
        ("created", expected.created.to_string(), created_then),
        ("issues", expected.issues.join(", "), issues.join(", ")),
    ];
    let differ = pairs.into_iter().filter(|(_, tool, jira)| tool != jira);
    differ
        .map(|(field, tool, jira)| format!("{name}: {field} is {jira:?} in Jira, but {tool:?} in the tool"))
        .collect()
}

fn list_values(association: &Value) -> impl Iterator<Item = &str> {
    association["values"].as_array().into_iter().flatten().filter_map(Value::as_str)
}

/// Every component that incidents name exists under the tool's name, and Jira holds no other.
fn check_components(jira: &Simulator, incidents: &[Value]) -> Vec<String> {
    let of_pager = SERVICES.map(|service| (format!("pager:{}", service.id), service.name));
    let of_alerts = RULES.map(|rule| (format!("alerts:{}", rule.service), rule.service));
    let of_status = NOTICES.map(|notice| (format!("status:{}", notice.component.0), notice.component.1));
    let known: BTreeMap<String, &str> = of_pager.into_iter().chain(of_alerts).chain(of_status).collect();
    let mut differences = Vec::new();
    let mut held = BTreeSet::new();
    for component in jira.components() {
        let (id, name) = (text(&component, "/id").to_owned(), text(&component, "/name"));
        // Each source has one for incidents that name none.
        let is_fallback = id.ends_with(":unassigned");
        if !is_fallback && known.get(&id) != Some(&name) {
            differences.push(format!("component {id}: is called {name:?} in Jira, but not in the tool"));
        }
        held.insert(id);
    }
    let named: BTreeSet<&str> = incidents
        .iter()
        .flat_map(|incident| incident["affectedComponents"].as_array().into_iter().flatten())
        .filter_map(Value::as_str)
        .collect();
    let missing = named.into_iter().filter(|id| !held.contains(*id));
    differences.extend(missing.map(|id| format!("component {id}: is affected, but not in Jira")));
    differences
}

fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn created(incident: &Value) -> Option<i64> {
    let at = DateTime::parse_from_rfc3339(text(incident, "/createdDate")).ok()?;
    Some(at.timestamp_millis())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn expected() -> Expected {
        Expected {
            summary: "Checkout is slow".to_owned(),
            status: "open",
            severity: "P2".to_owned(),
            components: vec!["pager:PCHKOUT1".to_owned()],
            url: "http://pager.test/incidents/1".to_owned(),
            created: 1_775_207_700_000,
            issues: vec!["PAY-381".to_owned()],
        }
    }

    fn held() -> Value {
        json!({
            "summary": "Checkout is slow",
            "status": "open",
            "severity": { "level": "P2" },
            "affectedComponents": ["pager:PCHKOUT1"],
            "url": "http://pager.test/incidents/1",
            "createdDate": "2026-04-03T09:15:00.000Z",
            "associations": [{ "associationType": "issueIdOrKeys", "values": ["PAY-381"] }],
        })
    }

    #[test]
    fn an_equal_incident_has_no_difference() {
        assert_eq!(check("x", &expected(), Some(&held())), Vec::<String>::new());
    }

    #[test]
    fn every_field_that_differs_is_named_with_both_sides() {
        for (pointer, value, field) in [
            ("/summary", json!("other"), "summary"),
            ("/status", json!("resolved"), "status"),
            ("/severity/level", json!("P1"), "severity"),
            ("/affectedComponents/0", json!("pager:PLEDGER2"), "components"),
            ("/url", json!("http://pager.test/"), "url"),
            ("/createdDate", json!("2026-04-03T09:15:01Z"), "created"),
            ("/associations/0/values", json!([]), "issues"),
        ] {
            let mut held = held();
            *held.pointer_mut(pointer).unwrap() = value;
            let differences = check("x", &expected(), Some(&held));
            assert_eq!(differences.len(), 1, "{field}");
            assert!(differences[0].starts_with(&format!("x: {field} is ")), "{differences:?}");
        }
        assert_eq!(check("x", &expected(), None), ["x: is not in Jira"]);
    }
}
