//! Reads an app's descriptor as Jira does at installation, and refuses what Jira would refuse.
//!
//! Pure. Must not use the bridge's own descriptor types.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use url::{Url, form_urlencoded};

const SCOPES: [&str; 8] =
    ["NONE", "READ", "WRITE", "DELETE", "PROJECT_ADMIN", "ADMIN", "ACT_AS_USER", "ACCESS_EMAIL_ADDRESSES"];

/// The module that shows incidents; an app without it cannot be installed.
pub const OPERATIONS: &str = "jiraOperationsInfoProvider";
/// The module that sends components.
pub const COMPONENTS: &str = "jiraDevOpsComponentProvider";

/// The action that leads users to where they write a review, and the places of its address.
pub const REVIEW: &str = "createPostIncidentReview";
const REVIEW_PLACES: [&str; 2] = ["{component-id}", "{incident-id}"];

/// What the site stores of a descriptor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descriptor {
    pub key: String,
    /// Without a trailing slash; the audience of signed lifecycle calls.
    pub base_url: String,
    pub scopes: BTreeSet<String>,
    pub modules: BTreeSet<String>,
    /// `{module}.{action}` to absolute URL.
    pub actions: BTreeMap<String, String>,
    /// Event to absolute URL.
    pub lifecycle: BTreeMap<String, String>,
}

/// Reads a descriptor; the error lists everything that is wrong with it.
pub fn parse_descriptor(json: &Value) -> Result<Descriptor, Vec<String>> {
    let mut reader = Reader { problems: Vec::new() };
    let descriptor = reader.read(json);
    if reader.problems.is_empty() { Ok(descriptor) } else { Err(reader.problems) }
}

struct Reader {
    problems: Vec<String>,
}

impl Reader {
    fn read(&mut self, json: &Value) -> Descriptor {
        let key = self.text(json, "/key");
        let letters = key.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c));
        self.demand(letters && key.len() <= 64, "key: letters, digits, '-', '.', '_', at most 64");
        self.text(json, "/name");
        let base_url = self.base_url(json);
        let jwt = json.pointer("/authentication/type").and_then(Value::as_str) == Some("jwt");
        self.demand(jwt, "authentication.type: must be jwt");
        Descriptor {
            lifecycle: self.lifecycle(json, &base_url),
            scopes: self.scopes(json),
            modules: json["modules"].as_object().into_iter().flat_map(|map| map.keys().cloned()).collect(),
            actions: self.actions(json, &base_url),
            key,
            base_url,
        }
    }

    fn base_url(&mut self, json: &Value) -> String {
        let text = self.text(json, "/baseUrl");
        let url = Url::parse(&text).ok();
        let plain = |url: &Url| {
            url.host_str().is_some_and(|host| matches!(host, "localhost" | "127.0.0.1" | "[::1]"))
        };
        let secure =
            url.as_ref().is_some_and(|url| url.scheme() == "https" || (url.scheme() == "http" && plain(url)));
        self.demand(secure, "baseUrl: must be an absolute https URL");
        self.demand(!text.ends_with('/'), "baseUrl: must not end with a slash");
        text.trim_end_matches('/').to_owned()
    }

    fn scopes(&mut self, json: &Value) -> BTreeSet<String> {
        let scopes: BTreeSet<String> = json["scopes"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|scope| Some(scope.as_str()?.to_owned()))
            .collect();
        for scope in &scopes {
            self.demand(SCOPES.contains(&scope.as_str()), "scopes: there is an unknown one");
        }
        scopes
    }

    fn lifecycle(&mut self, json: &Value, base_url: &str) -> BTreeMap<String, String> {
        let mut urls = BTreeMap::new();
        for event in ["installed", "uninstalled", "enabled", "disabled"] {
            let Some(path) = json["lifecycle"][event].as_str() else { continue };
            self.demand(
                path.starts_with('/'),
                "lifecycle: paths are relative to baseUrl and start with a slash",
            );
            urls.insert(event.to_owned(), format!("{base_url}{path}"));
        }
        self.demand(urls.contains_key("installed"), "lifecycle.installed: required with jwt");
        urls
    }

    fn actions(&mut self, json: &Value, base_url: &str) -> BTreeMap<String, String> {
        let mut urls = BTreeMap::new();
        self.demand(json["modules"][OPERATIONS].is_object(), "modules.jiraOperationsInfoProvider: required");
        // Without `actions`, the manifest schema lets a component provider pass; an operations provider
        // without them could not be linked to anything.
        for (module, required, always) in [
            (OPERATIONS, ["fetchWorkspaces", "searchContainers"], true),
            (COMPONENTS, ["associate", "disassociate"], false),
        ] {
            let provider = &json["modules"][module];
            if !provider.is_object() {
                continue;
            }
            self.provider(module, provider);
            for (action, value) in provider["actions"].as_object().into_iter().flatten() {
                // The one action that is a link for users, with ids in two places.
                if action == REVIEW {
                    let template = value["url"].as_str().unwrap_or_default();
                    let filled = REVIEW_PLACES.iter().fold(template.to_owned(), |it, at| it.replace(at, "1"));
                    let valid = Url::parse(&filled).is_ok() && !filled.contains(['{', '}']);
                    let places = REVIEW_PLACES.join(" and ");
                    self.demand(valid, &format!("{action}.url: absolute, with no places but {places}"));
                    urls.insert(format!("{module}.{action}"), template.to_owned());
                    continue;
                }
                match value["templateUrl"].as_str().and_then(|template| resolve(base_url, template)) {
                    Some(url) => {
                        urls.insert(format!("{module}.{action}"), url);
                    }
                    None => {
                        self.problems.push(format!("modules.{module}.actions.{action}: needs a templateUrl"));
                    }
                }
            }
            if always || provider["actions"].is_object() {
                for action in required {
                    let known = provider["actions"][action].is_object();
                    self.demand(known, &format!("modules.{module}.actions.{action}: required"));
                }
            }
        }
        urls
    }

    fn provider(&mut self, module: &str, provider: &Value) {
        let key = provider["key"].as_str().unwrap_or_default();
        let valid =
            (1..=100).contains(&key.len()) && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        self.demand(valid, &format!("modules.{module}.key: letters, digits and '-', at most 100"));
        self.demand(provider["name"]["value"].is_string(), &format!("modules.{module}.name.value: required"));
        for (field, required) in [("homeUrl", true), ("logoUrl", false), ("documentationUrl", false)] {
            let absolute = provider[field].as_str().is_some_and(|text| Url::parse(text).is_ok());
            let missing = provider[field].is_null() && !required;
            self.demand(absolute || missing, &format!("modules.{module}.{field}: must be an absolute URL"));
        }
    }

    fn text(&mut self, json: &Value, pointer: &str) -> String {
        let text = json.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        self.demand(!text.is_empty(), &format!("{}: required", pointer.trim_start_matches('/')));
        text.to_owned()
    }

    fn demand(&mut self, met: bool, problem: &str) {
        if !met {
            self.problems.push(problem.to_owned());
        }
    }
}

/// Where Jira sends a user who wants to write a review of an incident.
pub fn review_page(template: &str, incident: &str, component: &str) -> String {
    let encode = |id: &str| form_urlencoded::byte_serialize(id.as_bytes()).collect::<String>();
    let [component_place, incident_place] = REVIEW_PLACES;
    template.replace(component_place, &encode(component)).replace(incident_place, &encode(incident))
}

/// A template may be absolute, or relative to the base URL.
fn resolve(base_url: &str, template: &str) -> Option<String> {
    if Url::parse(template).is_ok() {
        return Some(template.to_owned());
    }
    let url = format!("{base_url}/{}", template.trim_start_matches('/'));
    Url::parse(&url).is_ok().then_some(url)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::fixtures;
    use super::*;

    #[test]
    fn relative_and_absolute_actions_become_absolute() {
        let descriptor = parse_descriptor(&fixtures::descriptor("https://bridge.example.com/base")).unwrap();
        assert_eq!(descriptor.base_url, "https://bridge.example.com/base");
        assert_eq!(
            descriptor.actions["jiraOperationsInfoProvider.fetchWorkspaces"],
            "https://bridge.example.com/base/jira/workspaces/fetch"
        );
        assert_eq!(
            descriptor.actions["jiraOperationsInfoProvider.searchContainers"],
            "https://bridge.example.com/base/jira/containers/search"
        );
        assert_eq!(descriptor.lifecycle["installed"], "https://bridge.example.com/base/connect/installed");
    }

    #[test]
    fn the_bridges_own_template_is_taken() {
        let template = serde_json::from_str(include_str!("../../atlassian-connect.json")).unwrap();
        let descriptor = parse_descriptor(&template).unwrap();
        assert!(descriptor.modules.contains(COMPONENTS));
        assert_eq!(descriptor.actions.len(), 5, "{:?}", descriptor.actions);
        let review = &descriptor.actions["jiraOperationsInfoProvider.createPostIncidentReview"];
        assert_eq!(
            review_page(review, "pd:Q1", "pd:P 1"),
            "https://bridge.example.com/jira/reviews/create?affected-component=pd%3AP+1&incident=pd%3AQ1"
        );
    }

    #[test]
    fn every_required_part_is_missed() {
        for (pointer, value) in [
            ("/key", Value::Null),
            ("/key", Value::from("a b")),
            ("/name", Value::Null),
            ("/baseUrl", Value::from("https://bridge.example.com/")),
            ("/baseUrl", Value::from("http://bridge.example.com")),
            ("/authentication/type", Value::from("none")),
            ("/lifecycle/installed", Value::Null),
            ("/lifecycle/installed", Value::from("https://evil.example.com/installed")),
            ("/scopes/0", Value::from("EVERYTHING")),
            ("/modules/jiraOperationsInfoProvider", Value::Null),
            ("/modules/jiraOperationsInfoProvider/key", Value::from("a.b")),
            ("/modules/jiraOperationsInfoProvider/name", Value::from("Incident Bridge")),
            ("/modules/jiraOperationsInfoProvider/homeUrl", Value::Null),
            ("/modules/jiraOperationsInfoProvider/actions", Value::Null),
            ("/modules/jiraOperationsInfoProvider/actions/fetchWorkspaces/templateUrl", Value::Null),
            (
                "/modules/jiraOperationsInfoProvider/actions/createPostIncidentReview",
                json!({"url": "/reviews"}),
            ),
            (
                "/modules/jiraOperationsInfoProvider/actions/createPostIncidentReview",
                json!({"url": "https://bridge.example.com/{incident}"}),
            ),
            ("/modules/jiraDevOpsComponentProvider/actions/associate", Value::Null),
        ] {
            let mut json = fixtures::descriptor("https://bridge.example.com");
            *json.pointer_mut(pointer).unwrap() = value.clone();
            assert!(parse_descriptor(&json).is_err(), "{pointer} = {value} was taken");
        }
    }
}
