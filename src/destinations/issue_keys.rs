//! Issue keys such as `PAY-381` in what people wrote about an incident.
//!
//! Must rather miss a key than invent one: Jira drops an incident that is associated only with unknown
//! projects.

use crate::domain::{Association, Entity};

/// Most keys kept of one text.
const MAX_KEYS: usize = 100;

/// Longest project key of Jira Cloud.
const MAX_PROJECT: usize = 10;

/// Names of standards that look like issue keys: `UTF-8`, `SHA-256`, `ISO-8601`.
const STANDARDS: [&str; 8] = ["AES", "GMT", "ISO", "RFC", "RSA", "SHA", "UTC", "UTF"];

/// `associationType` of issues in the Operations API.
const ISSUES: &str = "issueIdOrKeys";

/// Issue keys in the text, in order, each once, at most 100: Jira's default form
/// `[A-Z][A-Z0-9_]+-[1-9][0-9]*` as a word of its own, not inside a longer word, a path or an address.
#[must_use]
pub fn find_issue_keys(text: &str) -> Vec<String> {
    let mut keys: Vec<String> = Vec::new();
    for (dash, _) in text.match_indices('-') {
        if keys.len() == MAX_KEYS {
            break;
        }
        if let Some(key) = find_key_around(text, dash).filter(|key| !keys.iter().any(|known| known == key)) {
            keys.push(key.to_owned());
        }
    }
    keys
}

/// Adds the issue keys of title and description as an association; keys already associated are not repeated.
pub fn associate_issue_keys(entity: &mut Entity) {
    let (summary, description, associations) = match entity {
        Entity::Incident(i) => (&i.summary, &i.description, &mut i.associations),
        Entity::Review(r) => (&r.summary, &r.description, &mut r.associations),
        Entity::Component(_) => return,
    };
    let mut values = find_issue_keys(&format!("{summary}\n{description}"));
    let known =
        |key: &String| associations.iter().any(|a| a.association_type == ISSUES && a.values.contains(key));
    values.retain(|key| !known(key));
    if !values.is_empty() {
        associations.push(Association { association_type: ISSUES.to_owned(), values });
    }
}

fn find_key_around(text: &str, dash: usize) -> Option<&str> {
    let (head, tail) = (text.get(..dash)?, text.get(dash..)?.strip_prefix('-')?);
    let is_of_project = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    let before = head.trim_end_matches(is_of_project);
    let after = tail.trim_start_matches(|c: char| c.is_ascii_digit());
    let (project, number) = (head.strip_prefix(before)?, tail.strip_suffix(after)?);
    let well_formed = (2..=MAX_PROJECT).contains(&project.len())
        && project.starts_with(|c: char| c.is_ascii_uppercase())
        && !STANDARDS.contains(&project)
        && (1..=9).contains(&number.len())
        && !number.starts_with('0');
    let key = text.strip_prefix(before)?.strip_suffix(after)?;
    (well_formed && stands_alone(before, after)).then_some(key)
}

fn stands_alone(before: &str, after: &str) -> bool {
    let joins = |c: char| c.is_alphanumeric() || "_-/\\=@%&+~#?".contains(c);
    let mut next = after.chars();
    let joined_after = match next.next() {
        // These end sentences, but `PAY-1.txt` is a name and `PAY-1?a=b` an address.
        Some('.' | '?') => next.next().is_some_and(char::is_alphanumeric),
        Some(c) => joins(c),
        None => false,
    };
    !joined_after && !before.ends_with(|c| joins(c) || c == '.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(text: &str) -> Vec<String> {
        find_issue_keys(text)
    }

    #[test]
    fn keys_are_found_in_order_and_each_once() {
        assert_eq!(
            keys("See PAY-381, (OPS2-7) and [A_B-12]. Again PAY-381: done. \"XY-9\"; end ZZ-1"),
            ["PAY-381", "OPS2-7", "A_B-12", "XY-9", "ZZ-1"]
        );
        assert_eq!(keys("Is it PAY-1? It is PAY-2."), ["PAY-1", "PAY-2"]);
    }

    #[test]
    fn what_only_looks_like_a_key_is_left_alone() {
        for text in [
            "pay-381",
            "P-1",
            "PAY-0",
            "PAY-",
            "-1",
            "xPAY-1",
            "PAY-1x",
            "éPAY-1",
            "PAY-1-2",
            "CVE-2026-1234",
            "https://jira.example/browse/PAY-1",
            "a=PAY-1",
            "PAY-1.txt",
            "PAY-1?a=b",
            "PAY-1/log",
            "UTF-8",
            "SHA-256",
            "ISO-8601",
            "PAY-12345678901",
            "ABCDEFGHIJK-1",
            "2PAY-1",
            "_PAY-1",
            "v.PAY-1",
            "",
        ] {
            assert_eq!(keys(text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn no_more_than_a_hundred_keys_are_taken() {
        let text: Vec<String> = (1..=150).map(|n| format!("PAY-{n}")).collect();
        assert_eq!(keys(&text.join(" ")).len(), 100);
    }

    #[test]
    fn found_keys_join_the_associations_that_are_not_there_yet() {
        let mut entity = Entity::Review(crate::domain::PostIncidentReview {
            provider_id: "r".into(),
            incidents: vec!["1".into()],
            summary: "PAY-1 and PAY-2".into(),
            description: "PAY-3".into(),
            url: String::new(),
            status: crate::domain::ReviewStatus::Unknown,
            created_at: chrono::DateTime::UNIX_EPOCH,
            updated_at: chrono::DateTime::UNIX_EPOCH,
            workspaces: vec![],
            associations: vec![Association { association_type: ISSUES.into(), values: vec!["PAY-2".into()] }],
        });
        associate_issue_keys(&mut entity);
        let once = entity.clone();
        associate_issue_keys(&mut entity);
        assert_eq!(entity, once);
        let Entity::Review(review) = entity else { panic!("still a review") };
        assert_eq!(review.associations[1].values, ["PAY-1", "PAY-3"]);
    }
}
