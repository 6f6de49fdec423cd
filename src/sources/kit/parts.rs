//! The small parts that findings are made of: ids, components, workspaces, descriptions.
//!
//! Pure, and must not know any tool.

use serde_json::Value;

use super::json::Fields;
use crate::domain::{Component, Timestamp, Workspace, is_blank};
use crate::sources::Unmappable;

/// The id at `pointer`; `what` cannot be stored without one.
pub(in crate::sources) fn get_id(data: &Value, pointer: &str, what: &str) -> Result<String, Unmappable> {
    data.find_id(pointer).ok_or_else(|| Unmappable::Incomplete(format!("the {what} has no id")))
}

/// A component of which nothing else is known.
pub(in crate::sources) fn component(id: &str, name: &str, url: &str, at: Timestamp) -> Component {
    Component {
        provider_id: id.to_owned(),
        name: name.to_owned(),
        description: String::new(),
        url: url.to_owned(),
        avatar_url: None,
        tier: None,
        component_type: None,
        updated_at: at,
        workspaces: Vec::new(),
    }
}

/// A team or account.
pub(in crate::sources) fn workspace(provider_id: &str, name: &str, url: &str) -> Workspace {
    Workspace { name: name.to_owned(), url: url.to_owned(), provider_id: provider_id.to_owned() }
}

/// The text, and below it a list of further facts; absent and empty values are left out.
pub(in crate::sources) fn describe<T: AsRef<str>>(text: &str, facts: &[(&str, Option<T>)]) -> String {
    let known = facts.iter().filter_map(|(label, value)| {
        let value = value.as_ref()?.as_ref().trim();
        (!is_blank(value)).then(|| format!("- {label}: {value}"))
    });
    let parts = [text.trim().to_owned(), known.collect::<Vec<_>>().join("\n")];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_has_only_what_is_known() {
        let facts = [("Number", Some("7")), ("Team", None), ("Source", Some(" "))];
        assert_eq!(describe(" text ", &facts), "text\n\n- Number: 7");
        assert_eq!(describe("", &facts), "- Number: 7");
        assert_eq!(describe::<&str>("text", &[]), "text");
    }
}
