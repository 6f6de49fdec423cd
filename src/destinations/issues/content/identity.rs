//! Which incident a work item stands for, as it is written on the work item itself.
//!
//! Must stay readable for ever: what an older release wrote is how a lost row finds its work item. Contains the
//! installation, so that two environments in one project do not take each other's work items.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::screen::text_of;

/// Key of the property that holds an identity.
pub const PROPERTY: &str = "incident-bridge";

/// Version of its form.
const VERSION: u64 = 1;

/// Longest `globalId` of a remote link, in characters.
const MAX_GLOBAL_ID: usize = 255;

/// What would end a value of a `globalId`, or need encoding in an address in more than one way.
const VALUE: &AsciiSet = &CONTROLS.add(b' ').add(b'&').add(b'=').add(b'%').add(b'+').add(b'#');

/// Stands on every work item.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Identity {
    /// The installation.
    pub bridge: String,
    pub destination: String,
    pub source: String,
    /// The tool's id of the incident.
    pub id: String,
    /// 1 for an incident's first work item; one more for each that it got because it reopened too late.
    pub episode: u32,
    /// Version of the incident that was written last.
    pub seq: i64,
}

impl Identity {
    /// The value of the property.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let Self { bridge, destination, source, id, episode, seq } = self;
        json!({
            "v": VERSION, "bridge": bridge, "destination": destination, "source": source, "id": id,
            "episode": episode, "seq": seq,
        })
    }

    /// Reads the property back; `None` if it is not ours, or of a form that this release does not know.
    #[must_use]
    pub fn parse(value: &Value) -> Option<Self> {
        let text = |key| value.get(key)?.as_str().map(str::to_owned);
        if value.get("v")?.as_u64()? != VERSION {
            return None;
        }
        Some(Self {
            bridge: text("bridge")?,
            destination: text("destination")?,
            source: text("source")?,
            id: text("id")?,
            episode: value.get("episode")?.as_u64()?.try_into().ok()?,
            // Numbers beyond 53 bits may come back as text.
            seq: text_of(value.get("seq")?)?.parse().ok()?,
        })
    }

    /// Whether both are of the same work item; versions do not count.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Self { seq: other.seq, ..self.clone() } == *other
    }

    /// Hex SHA-256 over everything but the version.
    #[must_use]
    pub fn digest(&self) -> String {
        let Self { bridge, destination, source, id, episode, seq: _ } = self;
        let parts = json!([bridge, destination, source, id, episode]);
        hex::encode(Sha256::digest(parts.to_string().as_bytes()))
    }

    /// `globalId` of the link to the incident.
    #[must_use]
    pub fn global_id(&self) -> String {
        bounded(self.joined())
    }

    /// `globalId` of the link to a review that covers the incident.
    #[must_use]
    pub fn review_global_id(&self, review: &str) -> String {
        bounded(format!("{}&review={}", self.joined(), utf8_percent_encode(review, VALUE)))
    }

    fn joined(&self) -> String {
        let part = |text| utf8_percent_encode(text, VALUE);
        let Self { bridge, destination, source, id, .. } = self;
        format!(
            "system=incident-bridge&bridge={}&destination={}&source={}&id={}",
            part(bridge),
            part(destination),
            part(source),
            part(id)
        )
    }
}

/// Encoded, so that it is ASCII and every way to count agrees. One that is too long becomes its digest.
fn bounded(global_id: String) -> String {
    if global_id.len() <= MAX_GLOBAL_ID {
        return global_id;
    }
    format!("system=incident-bridge&sha256={}", hex::encode(Sha256::digest(global_id.as_bytes())))
}

#[cfg(test)]
pub(in crate::destinations::issues) mod tests {
    use super::*;

    pub fn identity() -> Identity {
        Identity {
            bridge: "b7c1".to_owned(),
            destination: "ops".to_owned(),
            source: "pd".to_owned(),
            id: "PT4KHLK".to_owned(),
            episode: 1,
            seq: 1_764_072_000_123,
        }
    }

    #[test]
    fn an_identity_is_read_back_as_it_was_written() {
        let written = identity().to_value();
        assert_eq!(
            written,
            json!({ "v": 1, "bridge": "b7c1", "destination": "ops", "source": "pd", "id": "PT4KHLK", "episode": 1,
                    "seq": 1_764_072_000_123_i64 })
        );
        assert_eq!(Identity::parse(&written), Some(identity()));
    }

    #[test]
    fn members_that_are_new_do_not_matter_and_those_that_are_missing_do() {
        let mut value = identity().to_value();
        value["new"] = json!(1);
        value["seq"] = json!("1764072000123");
        assert_eq!(Identity::parse(&value), Some(identity()));
        for key in ["v", "bridge", "destination", "source", "id", "episode", "seq"] {
            let mut less = value.clone();
            less.as_object_mut().unwrap().remove(key);
            assert_eq!(Identity::parse(&less), None, "{key}");
        }
        value["v"] = json!(2);
        for strange in [value, json!(null), json!("x"), json!([1])] {
            assert_eq!(Identity::parse(&strange), None);
        }
    }

    #[test]
    fn every_part_but_the_version_makes_another_work_item() {
        let same = Identity { seq: 2, ..identity() };
        assert!(identity().is_same(&same));
        assert_eq!(identity().digest(), same.digest());
        let others = [
            Identity { bridge: "x".to_owned(), ..identity() },
            Identity { destination: "x".to_owned(), ..identity() },
            Identity { source: "x".to_owned(), ..identity() },
            Identity { id: "x".to_owned(), ..identity() },
            Identity { episode: 2, ..identity() },
        ];
        for other in others {
            assert!(!identity().is_same(&other));
            assert_ne!(identity().digest(), other.digest());
        }
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        let of =
            |source: &str, id: &str| Identity { source: source.to_owned(), id: id.to_owned(), ..identity() };
        assert_ne!(of("a", "bc").digest(), of("ab", "c").digest());
        assert_ne!(of("a&id=b", "c").global_id(), of("a", "b&id=c").global_id());
        assert_ne!(of("a", "b&review=1").global_id(), of("a", "b").review_global_id("1"));
    }

    #[test]
    fn links_of_an_incident_and_of_its_reviews_have_ids_of_their_own() {
        assert_eq!(
            identity().global_id(),
            "system=incident-bridge&bridge=b7c1&destination=ops&source=pd&id=PT4KHLK"
        );
        assert_eq!(identity().review_global_id("R 1"), format!("{}&review=R%201", identity().global_id()));
    }

    #[test]
    fn a_global_id_that_is_too_long_becomes_its_digest() {
        let long = |end: &str| Identity { id: "é".repeat(200) + end, ..identity() };
        let id = long("a").global_id();
        assert!(id.len() <= MAX_GLOBAL_ID && id.starts_with("system=incident-bridge&sha256="));
        assert_ne!(id, long("b").global_id());
        assert_ne!(id, long("a").review_global_id("1"));
        let fits =
            Identity { id: "x".repeat(MAX_GLOBAL_ID - identity().global_id().len() + 7), ..identity() };
        assert_eq!(fits.global_id().len(), MAX_GLOBAL_ID);
    }
}
