//! The app descriptor that Jira reads at installation, made from the template `atlassian-connect.json`.
//!
//! The template is complete and valid by itself; its example values are replaced in the parsed JSON, never
//! in its text, so no setting can affect anything else. The component module is declared without
//! `actions`: they are optional as a whole, but once present Jira would offer to associate single
//! components with issues, for which the component API has no field.

#![expect(clippy::indexing_slicing, reason = "the JSON is this program's own, and read by every test")]

use std::sync::LazyLock;

use serde_json::Value;
use url::Url;

static TEMPLATE: LazyLock<Value> = LazyLock::new(|| {
    #[expect(
        clippy::expect_used,
        reason = "the template is part of the program and read by every test below"
    )]
    serde_json::from_str(include_str!("../../atlassian-connect.json")).expect("the template is JSON")
});

/// The base URL that the template's addresses start with.
const TEMPLATE_BASE: &str = "https://bridge.example.com";

pub(super) const OPERATIONS: &str = "jiraOperationsInfoProvider";
pub(super) const COMPONENTS: &str = "jiraDevOpsComponentProvider";
pub(super) const REVIEW_ACTION: &str = "createPostIncidentReview";

/// What differs from one deployment to the next.
#[derive(Debug, Clone, Copy)]
pub struct DescriptorSettings<'a> {
    /// `connect.app_key`: letters, digits, `-`, `.` and `_`, at most 64.
    pub app_key: &'a str,
    /// `connect.app_name`, shown in Jira.
    pub app_name: &'a str,
    /// `server.base_url`, with or without a path.
    pub base_url: &'a Url,
    /// Whether to declare `createPostIncidentReview`.
    pub with_review_action: bool,
}

/// The app's base URL as the descriptor states it, without a trailing slash. It is also the `aud` of signed
/// lifecycle tokens.
#[must_use]
pub fn base_url_text(base_url: &Url) -> String {
    base_url.as_str().trim_end_matches('/').to_owned()
}

/// The descriptor to serve at [`super::routes::DESCRIPTOR`].
#[must_use]
pub fn render(settings: &DescriptorSettings<'_>) -> Value {
    let mut descriptor = TEMPLATE.clone();
    rebase(&mut descriptor, &base_url_text(settings.base_url));
    descriptor["key"] = settings.app_key.into();
    descriptor["name"] = settings.app_name.into();
    let modules = &mut descriptor["modules"];
    for (module, suffix) in [(OPERATIONS, "operations"), (COMPONENTS, "components")] {
        modules[module]["key"] = module_key(settings.app_key, suffix).into();
        modules[module]["name"]["value"] = settings.app_name.into();
    }
    if !settings.with_review_action
        && let Some(actions) = modules[OPERATIONS]["actions"].as_object_mut()
    {
        actions.remove(REVIEW_ACTION);
    }
    descriptor
}

/// Module keys know letters, digits and `-` only, at most 100; app keys are wider but shorter.
fn module_key(app_key: &str, suffix: &str) -> String {
    let narrow = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    format!("{}-{suffix}", app_key.chars().take(64).map(narrow).collect::<String>())
}

/// Moves every address of the template to the given base URL. Works on text, because two addresses are URI
/// templates whose braces a URL parser would encode.
fn rebase(value: &mut Value, base_url: &str) {
    match value {
        Value::String(text) => {
            if let Some(path) = text.strip_prefix(TEMPLATE_BASE) {
                *text = format!("{base_url}{path}");
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rebase(item, base_url)),
        Value::Object(members) => members.values_mut().for_each(|member| rebase(member, base_url)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::routes;
    use super::*;

    fn rendered(base_url: &str, app_key: &str, with_review_action: bool) -> Value {
        let base_url = Url::parse(base_url).unwrap();
        render(&DescriptorSettings {
            app_key,
            app_name: "Our \"Bridge\"",
            base_url: &base_url,
            with_review_action,
        })
    }

    fn every_text(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::String(text) => found.push(text.clone()),
            Value::Array(items) => items.iter().for_each(|item| every_text(item, found)),
            Value::Object(members) => members.values().for_each(|member| every_text(member, found)),
            _ => {}
        }
    }

    #[test]
    fn every_address_follows_the_base_url_and_its_path() {
        for base in ["https://jira.acme.test", "https://jira.acme.test/", "https://acme.test:8443/bridge/"] {
            let descriptor = rendered(base, "acme-bridge", true);
            let bare = base.trim_end_matches('/');
            assert_eq!(descriptor["baseUrl"], bare);
            let actions = &descriptor["modules"][OPERATIONS]["actions"];
            assert_eq!(
                *actions,
                json!({
                    "fetchWorkspaces": { "templateUrl": format!("{bare}{}", routes::FETCH_WORKSPACES) },
                    "searchContainers": { "templateUrl": format!("{bare}{}", routes::SEARCH_CONTAINERS) },
                    "onEntityAssociated": { "templateUrl": format!("{bare}{}", routes::ENTITY_ASSOCIATED) },
                    "onEntityDisassociated": { "templateUrl": format!("{bare}{}", routes::ENTITY_DISASSOCIATED) },
                    "createPostIncidentReview": { "url": format!(
                        "{bare}{}?affected-component={{component-id}}&incident={{incident-id}}",
                        routes::CREATE_REVIEW
                    ) },
                })
            );
            assert_eq!(descriptor["links"]["self"], format!("{bare}{}", routes::DESCRIPTOR));
            assert_eq!(descriptor["modules"][COMPONENTS]["logoUrl"], format!("{bare}{}", routes::LOGO));
            let mut texts = Vec::new();
            every_text(&descriptor, &mut texts);
            assert!(texts.iter().all(|text| !text.contains("example.com")), "{texts:?}");
        }
    }

    #[test]
    fn lifecycle_paths_are_relative_to_the_base_url() {
        let descriptor = rendered("https://acme.test/bridge", "acme-bridge", false);
        assert_eq!(
            descriptor["lifecycle"],
            json!({
                "installed": routes::INSTALLED,
                "uninstalled": routes::UNINSTALLED,
                "enabled": routes::ENABLED,
                "disabled": routes::DISABLED,
            })
        );
    }

    #[test]
    fn the_review_action_can_be_left_out() {
        let descriptor = rendered("https://acme.test", "acme-bridge", false);
        let actions = descriptor["modules"][OPERATIONS]["actions"].as_object().unwrap();
        assert_eq!(actions.len(), 4);
        assert!(!actions.contains_key(REVIEW_ACTION));
    }

    #[test]
    fn names_and_keys_come_from_the_settings() {
        let descriptor = rendered("https://acme.test", "com.acme_bridge", true);
        assert_eq!(descriptor["key"], "com.acme_bridge");
        assert_eq!(descriptor["name"], "Our \"Bridge\"");
        assert_eq!(descriptor["modules"][OPERATIONS]["key"], "com-acme-bridge-operations");
        assert_eq!(descriptor["modules"][COMPONENTS]["key"], "com-acme-bridge-components");
        assert_eq!(descriptor["modules"][COMPONENTS]["name"]["value"], "Our \"Bridge\"");
        assert_eq!(module_key(&"k".repeat(300), "operations").len(), 75);
    }

    #[test]
    fn only_signed_installs_and_the_scopes_that_are_needed_are_asked_for() {
        let descriptor = rendered("https://acme.test", "acme-bridge", true);
        assert_eq!(descriptor["authentication"], json!({ "type": "jwt" }));
        assert_eq!(
            descriptor["apiMigrations"],
            json!({ "signed-install": true, "context-qsh": true, "gdpr": true })
        );
        assert_eq!(descriptor["scopes"], json!(["READ", "WRITE", "DELETE"]));
        assert!(descriptor["modules"][COMPONENTS]["actions"].is_null());
    }
}
