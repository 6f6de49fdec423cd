//! The same Connect modules as a Forge app's `manifest.yml`.
//!
//! Everything is read from the rendered descriptor, so the two cannot differ. Values are written as JSON
//! strings, which are valid YAML.

#![expect(clippy::indexing_slicing, reason = "the JSON is this program's own, and read by every test")]

use askama::Template;
use serde_json::Value;

use super::descriptor::{self, COMPONENTS, DescriptorSettings, OPERATIONS};

#[derive(Template)]
#[template(path = "manifest.yml", escape = "none")]
struct Manifest {
    app_id: Value,
    app_key: Value,
    base_url: Value,
    installed: Value,
    uninstalled: Value,
    providers: Vec<Provider>,
}

struct Provider {
    module: &'static str,
    key: Value,
    name: Value,
    home_url: Value,
    logo_url: Value,
    documentation_url: Value,
    actions: Vec<Action>,
}

struct Action {
    name: String,
    /// `templateUrl` or `url`.
    field: String,
    url: Value,
}

/// The manifest for the Forge app `app_id` (`ari:cloud:ecosystem::app/…`). `enabled` and `disabled` are
/// left out, since Jira never sends them to apps that are delivered this way.
///
/// # Errors
/// When the template cannot be rendered, which no setting can cause.
pub fn render(settings: &DescriptorSettings<'_>, app_id: &str) -> Result<String, askama::Error> {
    let descriptor = descriptor::render(settings);
    let manifest = Manifest {
        app_id: app_id.into(),
        app_key: descriptor["key"].clone(),
        base_url: descriptor["baseUrl"].clone(),
        installed: descriptor["lifecycle"]["installed"].clone(),
        uninstalled: descriptor["lifecycle"]["uninstalled"].clone(),
        providers: [OPERATIONS, COMPONENTS]
            .map(|module| provider(module, &descriptor["modules"][module]))
            .into(),
    };
    manifest.render()
}

fn provider(module: &'static str, json: &Value) -> Provider {
    let actions = json["actions"].as_object().into_iter().flatten().flat_map(|(name, action)| {
        action.as_object().into_iter().flatten().map(|(field, url)| Action {
            name: name.clone(),
            field: field.clone(),
            url: url.clone(),
        })
    });
    Provider {
        module,
        key: json["key"].clone(),
        name: json["name"]["value"].clone(),
        home_url: json["homeUrl"].clone(),
        logo_url: json["logoUrl"].clone(),
        documentation_url: json["documentationUrl"].clone(),
        actions: actions.collect(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use url::Url;

    use super::*;

    const APP_ID: &str = "ari:cloud:ecosystem::app/00000000-0000-4000-8000-000000000004";

    fn rendered(app_name: &str) -> (Value, Value) {
        let base_url = Url::parse("https://acme.test/bridge").unwrap();
        let settings = DescriptorSettings {
            app_key: "acme-bridge",
            app_name,
            base_url: &base_url,
            with_review_action: true,
        };
        let yaml = render(&settings, APP_ID).unwrap();
        (serde_saphyr::from_str(&yaml).unwrap(), descriptor::render(&settings))
    }

    #[test]
    fn the_manifest_is_yaml_with_the_descriptors_modules() {
        let (manifest, descriptor) = rendered("Incident Bridge");
        for module in [OPERATIONS, COMPONENTS] {
            assert_eq!(
                manifest["connectModules"][format!("jira:{module}")],
                json!([descriptor["modules"][module]])
            );
        }
        assert_eq!(
            manifest["connectModules"]["jira:lifecycle"],
            json!([{
                "key": "lifecycle",
                "installed": descriptor["lifecycle"]["installed"],
                "uninstalled": descriptor["lifecycle"]["uninstalled"],
            }])
        );
    }

    #[test]
    fn the_connect_app_is_served_by_the_remote() {
        let (manifest, _) = rendered("Incident Bridge");
        assert_eq!(
            manifest["app"],
            json!({
                "id": APP_ID,
                "connect": { "key": "acme-bridge", "remote": "bridge", "authentication": "jwt" },
                "runtime": { "name": "nodejs22.x" },
            })
        );
        assert_eq!(
            manifest["remotes"],
            json!([{
                "key": "bridge",
                "baseUrl": "https://acme.test/bridge",
                "operations": ["storage", "other"],
                "storage": { "inScopeEUD": true },
            }])
        );
        assert_eq!(
            manifest["permissions"]["scopes"],
            json!(["read:connect-jira", "write:connect-jira", "delete:connect-jira"])
        );
    }

    #[test]
    fn a_name_cannot_break_out_of_its_place() {
        for name in ["a: b # c", "\"\n  evil: true", "{ x: y }", "yes", "007", "Übersicht – ☎"] {
            let (manifest, _) = rendered(name);
            assert_eq!(manifest["connectModules"][format!("jira:{OPERATIONS}")][0]["name"]["value"], name);
        }
    }
}
