//! Building sources: what a wrong configuration is answered.

use super::prelude::*;
use crate::sources::{KINDS, Rejection};

fn refusal(kind: &str, change: impl FnOnce(&mut SourceConfig)) -> String {
    try_source(kind, change).err().expect("refused").to_string()
}

#[test]
fn an_unknown_type_lists_the_known_ones() {
    let told = refusal("pagerdutty", |_| {});
    assert!(told.contains("did you mean `pagerduty`?"), "{told}");
    for kind in KINDS {
        assert!(told.contains(kind.name), "{told}");
    }
}

#[test]
fn an_unknown_key_is_answered_with_the_nearest() {
    for (key, nearest) in [("urgncy_severity", "urgency_severity"), ("webhok_secrets", "webhook_secrets")] {
        let told = refusal("pagerduty", |config| config.options = options(json!({ key: true })));
        assert!(told.contains(key) && told.contains(&format!("did you mean `{nearest}`")), "{told}");
    }
    let told = refusal("pagerduty", |config| config.options = options(json!({ "urgency_severity": "yes" })));
    assert!(told.contains("expected a boolean"), "{told}");
}

#[test]
fn a_blank_credential_is_refused_by_every_source() {
    for kind in all_kinds() {
        for (key, blank) in [("webhook_secrets[0]", ""), ("webhook_token", " \t\n"), ("webhook_basic", " : ")]
        {
            let told = refusal(kind.name, |config| {
                match key {
                    "webhook_token" => config.webhook_token = Some(blank.into()),
                    "webhook_basic" => config.webhook_basic = Some(blank.into()),
                    _ => config.webhook_secrets = vec![blank.into()],
                }
                if kind.name == "generic" {
                    config.options = options(json!({"mapping": sample_mapping()}));
                }
            });
            assert!(told.contains(key) && told.contains("blank"), "{}: {told}", kind.name);
        }
    }
}

#[test]
fn a_credential_of_less_than_16_bytes_is_called_weak() {
    let mut config = SourceConfig::new(SourceId::parse("am").expect("valid"), "alertmanager").expect("valid");
    config.webhook_token = Some("a".into());
    config.webhook_secrets = vec!["sixteen bytes ok".into(), "fifteen bytes -".into()];
    config.webhook_basic = Some("a rather long user:short".into());
    assert_eq!(config.weak_credentials(), ["webhook_secrets[1]", "webhook_token", "webhook_basic"]);
}

#[test]
fn no_source_keeps_the_header_that_holds_its_token() {
    for kind in all_kinds().filter(|kind| kind.option_names.contains(&"webhook_header")) {
        let source = source(kind.name, |config| {
            config.webhook_token = Some("t0k3n".into());
            config.options = options(json!({"webhook_header": "X-Bridge"}));
            if kind.name == "generic" {
                config.options.insert("mapping".to_owned(), sample_mapping());
            }
        });
        let fields = [("x-bridge", "t0k3n"), ("x-other", "1"), ("content-type", "application/json")];
        let kept = source.verify(inbound(&fields, b"{}", sample_now())).expect("verified").headers;
        assert_eq!((kept.get("x-bridge"), kept.get("x-other")), (None, Some("1")), "{}", kind.name);
    }
}

#[test]
fn no_source_keeps_headers_in_which_proxies_put_addresses_or_credentials() {
    for kind in all_kinds() {
        let source = sample_source(kind.name, None);
        for name in
            ["authorization", "cookie", "x-original-uri", "x-forwarded-uri", "x-rewrite-url", "referer"]
        {
            assert!(!source.keeps_header(name), "{} keeps {name}", kind.name);
        }
    }
}

#[test]
fn a_mapping_keeps_the_headers_that_it_names_and_no_others() {
    let keeps = |mapped: serde_json::Value, name: &str| {
        let source = source("generic", |config| {
            let mut mapping = sample_mapping();
            mapping["description"] = mapped;
            config.options = options(json!({ "mapping": mapping }));
        });
        source.keeps_header(name)
    };
    assert!(keeps(json!("headers.X-Note"), "x-note"));
    assert!(keeps(json!({"jmespath": "headers.\"X-Note\"", "from": "all"}), "x-note"));
    assert!(keeps(json!({"path": "/x-note", "from": "headers"}), "x-note"));
    assert!(!keeps(json!("/x-note"), "x-note"), "that is of the body");
    assert!(!keeps(json!("headers.X-Note"), "x-other"));
    assert!(keeps(json!("/a"), "ce-subject") && keeps(json!("/a"), "webhook-id"));
}

#[test]
fn without_a_credential_every_webhook_is_turned_away() {
    for kind in all_kinds() {
        let source = source(kind.name, |config| {
            if kind.name == "generic" {
                config.options = options(json!({ "mapping": sample_mapping() }));
            }
        });
        let webhook = inbound(&[("authorization", "Bearer ")], b"{}", sample_now());
        assert!(matches!(source.check_head(&webhook), Err(Rejection::Unauthorized(_))), "{}", kind.name);
        let Err(Rejection::Unauthorized(told)) = source.verify(webhook) else {
            panic!("{} accepts", kind.name)
        };
        assert!(told.contains("webhook_"), "{told}");
        assert!(source.poller().is_none());
        assert!(url::Url::parse(&source.home_url()).is_ok());
    }
}

#[test]
fn every_source_names_what_its_webhooks_can_prove_themselves_with_and_shows_no_secret() {
    for kind in all_kinds() {
        let source = sample_source(kind.name, None);
        let challenges = source.challenges();
        assert!(!challenges.is_empty(), "{}", kind.name);
        for challenge in challenges {
            let scheme = challenge.split(' ').next().unwrap_or_default();
            let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
            assert!(!scheme.is_empty() && scheme.chars().all(is_token), "{}: {challenge}", kind.name);
            let is_plain =
                ["Bearer", "Basic realm=\"webhooks\", charset=\"UTF-8\""].contains(&challenge.as_str());
            assert!(is_plain || scheme.contains(['-', '_']), "{}: {challenge}", kind.name);
        }
    }
}

#[test]
fn an_incidents_page_follows_from_the_configuration_where_the_tool_lets_it() {
    for (kind, page) in [
        ("better_stack", "https://uptime.betterstack.com/team/7/incidents/Q%2F1"),
        ("firehydrant", "https://app.firehydrant.io/incidents/Q%2F1"),
        ("pagerduty", "https://acme.example.com/incidents/Q%2F1"),
        ("servicenow", "https://acme.service-now.com/nav_to.do?uri=incident.do%3Fsys_id%3DQ%2F1"),
        ("splunk_oncall", "https://portal.victorops.com/ui/acme/incident/Q%2F1/details"),
        ("squadcast", "https://app.squadcast.com/incident/Q%2F1"),
    ] {
        let source = source(kind, |config| {
            config.workspace_url = "https://acme.example.com/".parse().ok();
            config.options = match kind {
                "better_stack" => {
                    options(json!({"incident_url": "https://uptime.betterstack.com/team/7/incidents/{id}"}))
                }
                "servicenow" => {
                    config.api_url = "https://acme.service-now.com/api?x=1".parse().ok();
                    options(json!({}))
                }
                "splunk_oncall" => options(json!({"org": "acme"})),
                _ => options(json!({})),
            };
        });
        let found = source.incident_page().and_then(|it| it.fill(Some("Q/1"), None)).map(String::from);
        assert_eq!(found.as_deref(), Some(page), "{kind}");
    }
    for kind in all_kinds().filter(|kind| !["firehydrant", "squadcast"].contains(&kind.name)) {
        assert_eq!(sample_source(kind.name, None).incident_page(), None, "{}", kind.name);
    }
}
