//! How one version of an entity differs from the one before, for people.
//!
//! Bounded, because it is kept with the history of every version: long texts are named and not quoted. A text is
//! quoted whole or not at all, so that whoever erases a name from the history finds it.

use serde::{Deserialize, Serialize};

use super::{Entity, Needle};

/// Longest text that is quoted, in characters.
const LONGEST: usize = 200;
/// Most ids of a list that are quoted.
const MOST: usize = 10;

/// One field that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// `status`, `severity`, `title`, `name`, `services`, `incidents`, `link`, `description` or `links to Jira`.
    pub field: String,
    /// `None` where there was nothing, or where the text is too long to be quoted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

impl Difference {
    /// The difference without a text, and whether it contained it.
    #[must_use]
    pub fn without(&self, needle: &Needle) -> (Self, bool) {
        let remove = |text: &Option<String>| text.as_deref().map(|text| needle.remove_from(text));
        let redacted = Self { field: self.field.clone(), from: remove(&self.from), to: remove(&self.to) };
        let contained = redacted != *self;
        (redacted, contained)
    }
}

/// The fields of `after` that differ from `before`; of a first version, those that people ask for.
#[must_use]
pub fn differences(before: Option<&Entity>, after: &Entity) -> Vec<Difference> {
    let old = before.map(fields).unwrap_or_default();
    let mut found = Vec::new();
    for (nth, (field, new, is_quoted)) in fields(after).into_iter().enumerate() {
        let old = old.get(nth).map(|(_, old, _)| old.as_str());
        if old == Some(&new) || old.is_none() && !is_quoted {
            continue;
        }
        let quote = |text: &str| {
            (is_quoted && !text.is_empty() && text.chars().count() <= LONGEST).then(|| text.to_owned())
        };
        found.push(Difference { field: field.to_owned(), from: old.and_then(quote), to: quote(&new) });
    }
    found
}

/// Name and text of each field, and whether the text is quoted.
fn fields(entity: &Entity) -> Vec<(&'static str, String, bool)> {
    let own = |text: &str| text.to_owned();
    match entity {
        Entity::Incident(it) => vec![
            ("status", own(it.status.as_str()), true),
            ("severity", own(it.severity.as_str()), true),
            ("title", it.summary.clone(), true),
            ("services", list(&it.components), true),
            ("link", it.url.clone(), false),
            ("description", it.description.clone(), false),
            ("links to Jira", format!("{:?}", it.associations), false),
        ],
        Entity::Review(it) => vec![
            ("status", own(it.status.as_str()), true),
            ("title", it.summary.clone(), true),
            ("incidents", list(&it.incidents), true),
            ("link", it.url.clone(), false),
            ("description", it.description.clone(), false),
            ("links to Jira", format!("{:?}", it.associations), false),
        ],
        Entity::Component(it) => vec![
            ("name", it.name.clone(), true),
            ("link", it.url.clone(), false),
            ("description", it.description.clone(), false),
        ],
    }
}

/// The ids in order: tools give them in any.
fn list(ids: &[String]) -> String {
    let mut ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    ids.sort_unstable();
    let more = ids.len().saturating_sub(MOST);
    ids.truncate(MOST);
    let end = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{end}", ids.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Incident, IncidentStatus, Severity, Timestamp, ToolWords};

    fn incident(summary: &str, status: IncidentStatus, severity: Severity) -> Entity {
        Entity::Incident(Incident {
            provider_id: "Q1".to_owned(),
            summary: summary.to_owned(),
            description: String::new(),
            url: "https://tool.example/1".to_owned(),
            status,
            severity,
            created_at: Timestamp::default(),
            updated_at: Timestamp::default(),
            components: vec!["b".to_owned(), "a".to_owned()],
            workspaces: Vec::new(),
            associations: Vec::new(),
            words: ToolWords::default(),
        })
    }

    fn said(before: Option<&Entity>, after: &Entity) -> Vec<String> {
        let say = |it: &Difference| {
            let [from, to] = [&it.from, &it.to].map(|text| text.clone().unwrap_or_default());
            format!("{}: {from}>{to}", it.field)
        };
        differences(before, after).iter().map(say).collect()
    }

    #[test]
    fn a_first_version_says_what_it_is_and_later_ones_what_changed() {
        let opened = incident("Down", IncidentStatus::Open, Severity::P2);
        assert_eq!(
            said(None, &opened),
            ["status: >open", "severity: >P2", "title: >Down", "services: >a, b"]
        );
        assert_eq!(said(Some(&opened), &opened), [""; 0]);
        let resolved = incident("Down", IncidentStatus::Resolved, Severity::P1);
        assert_eq!(said(Some(&opened), &resolved), ["status: open>resolved", "severity: P2>P1"]);
        let Entity::Incident(mut moved) = opened.clone() else { unreachable!("it is one") };
        (moved.description, moved.url) = ("More".to_owned(), "https://tool.example/2".to_owned());
        moved.components.reverse();
        assert_eq!(said(Some(&opened), &Entity::Incident(moved)), ["link: >", "description: >"]);
    }

    #[test]
    fn a_long_text_is_not_quoted_and_a_long_list_is_cut() {
        let long = incident(&"x".repeat(LONGEST + 1), IncidentStatus::Open, Severity::P2);
        let short = incident("Down", IncidentStatus::Open, Severity::P2);
        assert_eq!(said(Some(&short), &long), ["title: Down>"]);
        let many: Vec<String> = (10..25).map(|n| n.to_string()).collect();
        assert!(list(&many).ends_with("18, 19 and 5 more"), "{}", list(&many));
    }

    #[test]
    fn a_name_is_taken_out_of_what_is_quoted() {
        let needle = Needle::parse("jane doe").expect("long enough");
        let difference = Difference {
            field: "title".to_owned(),
            from: Some("Down".to_owned()),
            to: Some("Jane Doe is paged".to_owned()),
        };
        let (redacted, contained) = difference.without(&needle);
        assert!(contained && redacted.to.as_deref() == Some("[erased] is paged"), "{redacted:?}");
        assert!(!redacted.without(&needle).1);
    }
}
