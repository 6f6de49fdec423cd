//! The searches that are made, each bounded and with its values quoted.
//!
//! Must stay the only place that writes a query: Jira takes an unquoted value for a search in texts, and answers with
//! nothing.

/// The work items that carry a label, the oldest first.
#[must_use]
pub fn by_label(project: &str, label: &str) -> String {
    format!("project = {} AND labels = {} ORDER BY created ASC", quote(project), quote(label))
}

/// The same, of the last `hours`.
#[must_use]
pub fn by_label_since(project: &str, label: &str, hours: u32) -> String {
    format!("project = {} AND labels = {} AND created >= -{hours}h", quote(project), quote(label))
}

/// All work items of the last `hours`, the newest first.
#[must_use]
pub fn created_since(project: &str, hours: u32) -> String {
    format!("project = {} AND created >= -{hours}h ORDER BY created DESC", quote(project))
}

/// All work items, the one with the highest number first.
#[must_use]
pub fn by_key_descending(project: &str) -> String {
    format!("project = {} ORDER BY key DESC", quote(project))
}

fn quote(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_search_has_its_form() {
        assert_eq!(by_label("OPS", "ib-1"), r#"project = "OPS" AND labels = "ib-1" ORDER BY created ASC"#);
        assert_eq!(
            by_label_since("OPS", "incident-bridge", 48),
            r#"project = "OPS" AND labels = "incident-bridge" AND created >= -48h"#
        );
        assert_eq!(created_since("OPS", 48), r#"project = "OPS" AND created >= -48h ORDER BY created DESC"#);
        assert_eq!(by_key_descending("OPS"), r#"project = "OPS" ORDER BY key DESC"#);
    }

    #[test]
    fn a_value_cannot_end_its_quotation_marks() {
        assert_eq!(
            by_key_descending("A\" OR key > \"B\\"),
            r#"project = "A\" OR key > \"B\\" ORDER BY key DESC"#
        );
    }
}
