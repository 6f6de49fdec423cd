//! Finds a text, such as a person's name, in what tools wrote, and takes it out.
//!
//! Letters count alike whether large or small. Ids are never changed: a changed id is another entity.

use super::{Entity, Incident};

/// What stands in place of an erased text.
pub const ERASED: &str = "[erased]";

/// Fewer characters would be found nearly everywhere.
const SHORTEST: usize = 3;

/// A text to find. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Needle(Vec<char>);

impl std::fmt::Debug for Needle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Needle([hidden])")
    }
}

/// An entity without the text.
#[derive(Debug, Clone, PartialEq)]
pub struct Redacted {
    pub entity: Entity,
    /// Whether an id or the host of an address still contains it.
    pub remains: bool,
}

impl Needle {
    /// The text without white space around it; `None` when it has fewer than three characters.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        (text.chars().count() >= SHORTEST).then(|| Self(text.chars().flat_map(char::to_lowercase).collect()))
    }

    #[must_use]
    pub fn is_in(&self, text: &str) -> bool {
        self.find_in(text).is_some()
    }

    /// The text without it: an address that contains it keeps its scheme and host only.
    #[must_use]
    pub fn remove_from(&self, text: &str) -> String {
        if text.starts_with("https://") || text.starts_with("http://") {
            return self.remove_from_address(text);
        }
        let (mut rest, mut kept) = (text, String::with_capacity(text.len()));
        while let Some((before, after)) = self.find_in(rest) {
            kept.push_str(before);
            kept.push_str(ERASED);
            rest = after;
        }
        kept.push_str(rest);
        kept
    }

    fn remove_from_address(&self, address: &str) -> String {
        let decoded = percent_encoding::percent_decode_str(address).decode_utf8_lossy();
        if !self.is_in(address) && !self.is_in(&decoded) {
            return address.to_owned();
        }
        let mut parts = address.splitn(4, '/');
        let [scheme, empty, host] = [parts.next(), parts.next(), parts.next()].map(Option::unwrap_or_default);
        format!("{scheme}/{empty}/{host}/")
    }

    /// What stands before the first occurrence, and what behind it.
    fn find_in<'a>(&self, text: &'a str) -> Option<(&'a str, &'a str)> {
        let starts = text.char_indices().map(|(start, _)| text.split_at(start));
        starts.into_iter().find_map(|(before, rest)| Some((before, self.skip(rest)?)))
    }

    /// The rest of a text that begins with it.
    fn skip<'a>(&self, text: &'a str) -> Option<&'a str> {
        let mut wanted = self.0.iter();
        let mut chars = text.chars();
        while !wanted.as_slice().is_empty() {
            for lower in chars.next()?.to_lowercase() {
                if wanted.next() != Some(&lower) {
                    return None;
                }
            }
        }
        Some(chars.as_str())
    }

    /// The entity without it, or `None` when the entity does not contain it.
    #[must_use]
    pub fn redact(&self, entity: &Entity) -> Option<Redacted> {
        let mut redacted = entity.clone();
        for text in texts(&mut redacted) {
            *text = self.remove_from(text);
        }
        let remains =
            ids(&redacted).any(|text| self.is_in(text)) || texts(&mut redacted).any(|text| self.is_in(text));
        (remains || redacted != *entity).then_some(Redacted { entity: redacted, remains })
    }
}

/// What tools write for people, and addresses.
fn texts(entity: &mut Entity) -> impl Iterator<Item = &mut String> {
    let (texts, avatar) = match entity {
        Entity::Component(it) => ([&mut it.name, &mut it.description, &mut it.url], it.avatar_url.as_mut()),
        Entity::Incident(it) => ([&mut it.summary, &mut it.description, &mut it.url], None),
        Entity::Review(it) => ([&mut it.summary, &mut it.description, &mut it.url], None),
    };
    texts.into_iter().chain(avatar)
}

/// Ids of the entity, and of what it names.
fn ids(entity: &Entity) -> impl Iterator<Item = &str> {
    let named: &[String] = match entity {
        Entity::Component(_) => &[],
        Entity::Incident(Incident { components, .. }) => components,
        Entity::Review(review) => &review.incidents,
    };
    let associated = match entity {
        Entity::Component(_) => &[],
        Entity::Incident(it) => it.associations.as_slice(),
        Entity::Review(it) => it.associations.as_slice(),
    };
    let associated = associated.iter().flat_map(|association| &association.values);
    let ids = named.iter().chain(entity.workspaces()).chain(associated).map(String::as_str);
    std::iter::once(entity.provider_id()).chain(ids)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{IncidentStatus, Severity, Timestamp, ToolWords};

    fn needle(text: &str) -> Needle {
        Needle::parse(text).unwrap()
    }

    fn incident(summary: &str, url: &str) -> Entity {
        Entity::Incident(Incident {
            provider_id: "Q1".to_owned(),
            summary: summary.to_owned(),
            description: String::new(),
            url: url.to_owned(),
            status: IncidentStatus::Open,
            severity: Severity::P1,
            created_at: Timestamp::default(),
            updated_at: Timestamp::default(),
            components: Vec::new(),
            workspaces: Vec::new(),
            associations: Vec::new(),
            words: ToolWords::default(),
        })
    }

    #[test]
    fn a_name_is_found_in_any_case_and_taken_out_everywhere() {
        let jörg = needle(" Jörg Meier ");
        assert_eq!(jörg.remove_from("JÖRG MEIER asked jörg meier"), "[erased] asked [erased]");
        assert_eq!(jörg.remove_from("Jörg Meer"), "Jörg Meer");
        assert!(Needle::parse("ab ").is_none());
        assert!(!format!("{jörg:?}").contains('j'));
    }

    #[test]
    fn an_address_keeps_its_host_and_stays_one() {
        let alice = needle("alice smith");
        let address = |text: &str| alice.remove_from(text);
        assert_eq!(address("https://tool.example/u/Alice%20Smith?x=1"), "https://tool.example/");
        assert_eq!(address("https://tool.example/u/bob"), "https://tool.example/u/bob");
    }

    #[test]
    fn an_id_is_left_and_reported() {
        let entity = incident("Down, says Alice", "https://tool.example/1");
        let redacted = needle("alice").redact(&entity).unwrap();
        assert_eq!(
            redacted,
            Redacted { entity: incident("Down, says [erased]", "https://tool.example/1"), remains: false }
        );
        assert!(needle("bob").redact(&entity).is_none());
        assert!(needle("tool.example").redact(&entity).unwrap().remains);
    }

    proptest! {
        #[test]
        fn nothing_is_left_of_what_was_taken_out(before in "\\PC{0,20}", name in "[a-zA-ZäöüÄÖÜßİ]{3,8}", after in "\\PC{0,20}") {
            let needle = needle(&name);
            let text = needle.remove_from(&format!("{before}{name}{after}"));
            prop_assume!(!needle.is_in(ERASED));
            prop_assert!(text.contains(ERASED));
            // What stands on both sides of a gap is not joined, so it makes no new occurrence.
            prop_assert!(!text.split(ERASED).any(|part| needle.is_in(part)), "{}", text);
        }
    }
}
