//! What can happen to an entity, with its details as they are in the timeline and in JSON.
//!
//! The names and keys are stored for as long as the history is kept: an old name must stay readable.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::clock::Timestamp;
use crate::domain::Difference;

/// One thing that happened to an entity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", content = "detail", rename_all = "snake_case")]
pub enum TimelineEvent {
    /// The tool reported something new.
    Stored {
        #[serde(flatten)]
        cause: Cause,
        version: i64,
        /// How it differs from the version before; empty if nothing that Jira shows does, and in what earlier
        /// releases wrote.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        changes: Vec<Difference>,
    },
    /// The tool deleted it.
    Deleted {
        #[serde(flatten)]
        cause: Cause,
        version: i64,
    },
    /// The tool reported what was already known.
    Unchanged {
        #[serde(flatten)]
        cause: Cause,
    },
    /// The tool reported something older than what was known; it was dropped.
    Stale {
        #[serde(flatten)]
        cause: Cause,
        event_time: Timestamp,
    },
    /// The destination took a version.
    Accepted {
        /// Id of the request that it was sent with.
        batch: String,
        version: i64,
    },
    /// The destination did not take a version, or never showed it.
    Refused { reason: String, trace_id: Option<String>, version: i64 },
    /// The destination accepted a version but lacks it.
    SentAgain { reason: String, version: i64 },
    /// A version was read back.
    Confirmed { version: i64 },
    /// A person linked an issue.
    Associated {
        /// Id of the issue.
        issue: String,
    },
    /// A person removed the link.
    Disassociated { issue: String },
    /// An event that another release of this program wrote.
    #[serde(untagged)]
    Other { event: String, detail: Value },
}

/// How a tool's statement arrived.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cause {
    /// `webhook`, `poll`, `catalogue`, `fetch` or `configuration`.
    pub by: String,
    /// Id of the webhook in the inbox.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<String>,
    /// Which secret proved the webhook's sender.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified_by: Option<String>,
}

impl TimelineEvent {
    /// The event of a row; an unknown one is [`TimelineEvent::Other`].
    pub(in crate::store) fn from_row(event: String, detail: &str) -> Self {
        let detail = serde_json::from_str(detail).unwrap_or_default();
        let whole = serde_json::json!({ "event": event, "detail": detail });
        serde_json::from_value(whole).unwrap_or(Self::Other { event, detail })
    }

    /// Name and details, as columns.
    pub(in crate::store) fn to_row(&self) -> (String, String) {
        match serde_json::to_value(self) {
            Ok(Value::Object(mut row)) => {
                let name = row.get("event").and_then(Value::as_str).unwrap_or_default().to_owned();
                (name, row.remove("detail").unwrap_or_default().to_string())
            }
            _ => Default::default(),
        }
    }

    /// `stored`, `accepted`, …: the name in JSON.
    #[must_use]
    pub fn name(&self) -> String {
        self.to_row().0
    }

    /// The webhook that brought a statement, by its id in the inbox.
    #[must_use]
    pub fn webhook(&self) -> Option<&str> {
        match self {
            Self::Stored { cause, .. }
            | Self::Deleted { cause, .. }
            | Self::Unchanged { cause }
            | Self::Stale { cause, .. } => cause.delivery.as_deref(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(event: &str, detail: &Value) -> TimelineEvent {
        TimelineEvent::from_row(event.to_owned(), &detail.to_string())
    }

    #[test]
    fn what_earlier_releases_wrote_is_read() {
        let stored =
            read("stored", &json!({ "version": 7, "by": "webhook", "delivery": "d", "verified_by": "s" }));
        assert_eq!(stored.webhook(), Some("d"));
        let unread = [
            ("stored", json!({ "version": 7, "by": "poll" })),
            ("deleted", json!({ "version": 7, "by": "fetch" })),
            ("unchanged", json!({ "by": "webhook", "delivery": "d", "verified_by": "s" })),
            ("stale", json!({ "event_time": "2026-09-14T08:00:00Z", "by": "catalogue" })),
            ("accepted", json!({ "version": 7, "batch": "b" })),
            ("refused", json!({ "version": 7, "reason": "no", "trace_id": null })),
            ("refused", json!({ "version": 7, "reason": "never shown" })),
            ("sent_again", json!({ "version": 7, "reason": "lost" })),
            ("confirmed", json!({ "version": 7, "reason": null })),
            ("associated", json!({ "issue": "10001" })),
            ("disassociated", json!({ "issue": "10001" })),
        ];
        for (event, detail) in unread {
            let found = read(event, &detail);
            assert!(!matches!(found, TimelineEvent::Other { .. }), "{event} {detail}");
            assert_eq!(found.name(), event);
        }
    }

    #[test]
    fn an_event_is_written_with_the_keys_of_earlier_releases() {
        let cause = Cause {
            by: "webhook".to_owned(),
            delivery: Some("d".to_owned()),
            verified_by: Some("s".to_owned()),
        };
        let (name, detail) = TimelineEvent::Stored { cause, version: 7, changes: Vec::new() }.to_row();
        let detail: Value = serde_json::from_str(&detail).unwrap();
        let expected = json!({ "by": "webhook", "delivery": "d", "verified_by": "s", "version": 7 });
        assert_eq!((name.as_str(), detail), ("stored", expected));
    }

    #[test]
    fn an_unknown_event_is_kept_as_it_is() {
        let detail = json!({ "version": 7 });
        let found = read("migrated", &detail);
        assert_eq!(found, TimelineEvent::Other { event: "migrated".to_owned(), detail: detail.clone() });
        assert_eq!(found.to_row(), ("migrated".to_owned(), detail.to_string()));
        assert_eq!(serde_json::to_value(&found).unwrap(), json!({ "event": "migrated", "detail": detail }));
    }
}
