//! Labels of a work item: ours, and the configured ones.
//!
//! Must only give labels that Jira takes: no white space, at most 255 characters, and lower case, because labels are one
//! list for the whole site.

use super::identity::Identity;

/// Stands on every work item, so that people find them all.
pub const LABEL: &str = "incident-bridge";

/// Marks a second work item of one incident.
pub const DUPLICATE_LABEL: &str = "incident-bridge-duplicate";

/// Longest label, in characters.
const MAX_LABEL: usize = 255;

/// Start of an identity's label, and how many hex digits follow.
const IDENTITY: &str = "ib-";
const DIGITS: usize = 16;

/// The label by which a search finds the work item of one incident.
#[must_use]
pub fn identity_label(identity: &Identity) -> String {
    let digest = identity.digest();
    format!("{IDENTITY}{}", digest.get(..DIGITS).unwrap_or(&digest))
}

/// All labels of a new work item, each once.
#[must_use]
pub fn labels(identity: &Identity, has_identity_label: bool, configured: &[String]) -> Vec<String> {
    let mut labels = vec![LABEL.to_owned()];
    if has_identity_label {
        labels.push(identity_label(identity));
    }
    for label in configured {
        if !labels.contains(label) {
            labels.push(label.clone());
        }
    }
    labels
}

/// A configured label in the form in which it is sent.
///
/// # Errors
/// What is wrong with it and what to write, without the key.
pub fn parse_label(text: &str) -> Result<String, String> {
    let label = text.trim().to_lowercase();
    let is_fit = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
    if label.is_empty() {
        return Err("a label is empty; remove it".to_owned());
    }
    if label.chars().count() > MAX_LABEL {
        return Err(format!("the label {text:?} is longer than {MAX_LABEL} characters; shorten it"));
    }
    if !label.chars().all(is_fit) {
        let fixed: String = label.split_whitespace().collect::<Vec<_>>().join("-");
        let fixed: String = fixed.chars().filter(|c| is_fit(*c)).collect();
        let instead = if fixed.is_empty() { String::new() } else { format!("; write {fixed:?}") };
        return Err(format!(
            "the label {text:?} has characters other than a-z, 0-9, '.', '_' and '-'{instead}"
        ));
    }
    let digits = label.strip_prefix(IDENTITY);
    let is_identity =
        digits.is_some_and(|digits| digits.len() == DIGITS && digits.bytes().all(|b| b.is_ascii_hexdigit()));
    if is_identity || label == DUPLICATE_LABEL {
        return Err(format!("the label {label:?} is one of the bridge's own; choose another"));
    }
    Ok(label)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::destinations::issues::content::identity::tests::identity;

    #[test]
    fn the_label_of_an_identity_is_the_same_for_ever() {
        assert_eq!(identity_label(&identity()), "ib-70bdaa21c6a398e4");
    }

    #[test]
    fn a_work_item_has_our_labels_and_the_configured_ones_each_once() {
        let configured = ["sre".to_owned(), "incident-bridge".to_owned(), "sre".to_owned()];
        assert_eq!(
            labels(&identity(), true, &configured),
            ["incident-bridge", &identity_label(&identity()), "sre"]
        );
        assert_eq!(labels(&identity(), false, &[]), ["incident-bridge"]);
    }

    #[test]
    fn a_configured_label_is_made_lower_case() {
        assert_eq!(parse_label(" SRE_on-call.1 ").as_deref(), Ok("sre_on-call.1"));
        assert!(parse_label(&"x".repeat(255)).is_ok());
    }

    #[test]
    fn a_label_that_jira_refuses_is_refused_with_what_to_write() {
        for (label, says) in [
            ("", "empty"),
            ("Data base", "write \"data-base\""),
            ("büro", "write \"bro\""),
            ("日本", "other than a-z, 0-9, '.', '_' and '-'"),
            ("ib-0123456789abcdef", "own"),
            ("incident-bridge-duplicate", "own"),
            (&"x".repeat(256), "longer than 255"),
        ] {
            let fault = parse_label(label).unwrap_err();
            assert!(fault.contains(says), "{fault}");
        }
    }
}
