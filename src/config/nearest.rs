//! "Did you mean …?": the answer to a misspelt name, for keys, sections and types alike.
//!
//! Holds no list of names: the caller passes the names that are valid in that place.

/// The valid name that `word` is most likely meant to be; `None` when none is close.
#[must_use]
pub fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    known
        .iter()
        .map(|name| (strsim::damerau_levenshtein(word, name), *name))
        .min()
        .filter(|(distance, name)| *distance <= name.len().div_ceil(3).max(2))
        .map(|(_, name)| name)
}

/// ``did you mean `…`?`` when one of `known` is near to `word`, and always the list of the known.
#[must_use]
pub fn suggestion(word: &str, known: &[&str]) -> String {
    match nearest(word, known) {
        Some(name) => format!("did you mean `{name}`? Known: {}", known.join(", ")),
        None => format!("known: {}", known.join(", ")),
    }
}

/// The end of a sentence about a wrong name: the nearest name, or the list of all when none is close.
pub(super) fn hint(word: &str, known: &[&str]) -> String {
    match nearest(word, known) {
        Some(name) => format!("; did you mean {name:?}?"),
        None => format!("; the keys here are: {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_name_is_proposed_and_a_far_one_is_not() {
        assert_eq!(nearest("lisen", &["listen", "base_url"]), Some("listen"));
        assert_eq!(nearest("url", &["key", "uri"]), Some("uri"));
        assert_eq!(nearest("color", &["listen", "base_url"]), None);
        assert_eq!(suggestion("color", &["listen"]), "known: listen");
    }
}
