//! Links from a work item back to the tool: to the incident, and to each review that covers it.
//!
//! Must always give every member, because Jira empties those that an update leaves out.

use serde_json::{Value, json};

use super::summary::one_line;
use crate::domain::{IncidentStatus, ReviewStatus, Severity};

/// Names this program to Jira; must never change.
const APPLICATION: &str = "com.github.incident-bridge";

/// What a link shows.
#[derive(Debug, Clone, Copy)]
pub struct Link<'a> {
    pub global_id: &'a str,
    /// What people call the tool, such as `PagerDuty`.
    pub tool: &'a str,
    /// Absolute.
    pub url: &'a str,
}

/// The link to the incident; `name` is what people call it in the tool. It is struck through once it is resolved.
#[must_use]
pub fn incident_link(link: Link<'_>, name: &str, status: IncidentStatus, level: Severity) -> Value {
    let summary = match level {
        Severity::Unknown => status.as_str().to_owned(),
        level => format!("{}, {}", status.as_str(), level.as_str()),
    };
    let is_resolved = status == IncidentStatus::Resolved;
    body(link, "incident", &format!("{} {name}", link.tool), &summary, (is_resolved, status.as_str()))
}

/// The link to a review, struck through once that is completed.
#[must_use]
pub fn review_link(link: Link<'_>, title: &str, status: ReviewStatus) -> Value {
    let title = if one_line(title).is_some() { title } else { "Post-incident review" };
    let is_completed = status == ReviewStatus::Completed;
    body(link, "post-incident review", title, status.as_str(), (is_completed, status.as_str()))
}

fn body(link: Link<'_>, relationship: &str, title: &str, summary: &str, status: (bool, &str)) -> Value {
    let (resolved, word) = status;
    let title = one_line(title).unwrap_or_else(|| relationship.to_owned());
    json!({
        "globalId": link.global_id,
        "relationship": relationship,
        "application": { "type": APPLICATION, "name": one_line(link.tool).unwrap_or_default() },
        "object": {
            "url": link.url,
            "title": title,
            "summary": summary,
            "status": { "resolved": resolved, "icon": { "title": word } },
        },
    })
}

/// Whether Jira holds the link as it was sent: what Jira adds does not count.
#[must_use]
pub fn holds(held: &Value, sent: &Value) -> bool {
    match sent {
        Value::Object(members) => {
            members.iter().all(|(key, sent)| held.get(key).is_some_and(|held| holds(held, sent)))
        }
        sent => held == sent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: Link<'static> =
        Link { global_id: "g", tool: "PagerDuty", url: "https://acme.pagerduty.com/incidents/PT4KHLK" };

    #[test]
    fn the_link_to_an_incident_says_where_it_is_and_how_it_stands() {
        assert_eq!(
            incident_link(LINK, "PT4KHLK", IncidentStatus::Open, Severity::P1),
            json!({
                "globalId": "g",
                "relationship": "incident",
                "application": { "type": "com.github.incident-bridge", "name": "PagerDuty" },
                "object": {
                    "url": "https://acme.pagerduty.com/incidents/PT4KHLK",
                    "title": "PagerDuty PT4KHLK",
                    "summary": "open, P1",
                    "status": { "resolved": false, "icon": { "title": "open" } },
                },
            })
        );
    }

    #[test]
    fn what_is_over_is_struck_through() {
        let resolved = |link: &Value| link["object"]["status"]["resolved"].as_bool();
        let incident = |status| incident_link(LINK, "1", status, Severity::Unknown);
        assert_eq!(resolved(&incident(IncidentStatus::Resolved)), Some(true));
        assert_eq!(resolved(&incident(IncidentStatus::Unknown)), Some(false));
        assert_eq!(incident(IncidentStatus::Resolved)["object"]["summary"], "resolved");
        let review = review_link(LINK, "What happened", ReviewStatus::Completed);
        assert_eq!(
            (resolved(&review), &review["relationship"]),
            (Some(true), &json!("post-incident review"))
        );
        let open = review_link(LINK, " ", ReviewStatus::InProgress);
        assert_eq!(
            (resolved(&open), &open["object"]["title"]),
            (Some(false), &json!("Post-incident review"))
        );
    }

    #[test]
    fn every_link_has_the_same_members_whatever_it_shows() {
        fn shape(value: &Value) -> Value {
            match value {
                Value::Object(members) => {
                    members.iter().map(|(key, value)| (key.clone(), shape(value))).collect()
                }
                _ => Value::Null,
            }
        }
        let review = review_link(LINK, "", ReviewStatus::Unknown);
        assert_eq!(shape(&incident_link(LINK, "", IncidentStatus::Open, Severity::P5)), shape(&review));
    }

    #[test]
    fn a_long_name_is_cut() {
        let link = incident_link(LINK, &"x".repeat(300), IncidentStatus::Open, Severity::P1);
        assert_eq!(link["object"]["title"].as_str().unwrap().encode_utf16().count(), 255);
    }

    #[test]
    fn a_link_is_held_whatever_jira_adds_but_not_if_something_differs() {
        let sent = review_link(LINK, "a", ReviewStatus::Completed);
        let mut held = sent.clone();
        held["id"] = json!(10_000);
        held["object"]["icon"] = json!({});
        held["object"]["status"]["icon"]["link"] = Value::Null;
        assert!(holds(&held, &sent));
        held["object"]["status"]["resolved"] = json!(false);
        assert!(!holds(&held, &sent));
        assert!(!holds(&json!([]), &sent));
    }
}
