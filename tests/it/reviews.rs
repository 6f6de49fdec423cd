//! Where people are led who want to write a post-incident review, and what strangers learn from it: nothing.

use incident_bridge::simulator::Installation;
use reqwest::Method;

use crate::harness::pagerduty::triggered;
use crate::harness::place::{Place, command};
use crate::harness::{Bridge, Setup};

const ROUTE: &str = "/jira/reviews/create";

/// Each of the ways in which a source may lead to a page.
const SOURCES: &str = r#"
[[sources]]
id = "pd"
type = "pagerduty"
webhook_secrets = ["pagerduty-signs-with-this"]

[[sources]]
id = "wiki"
type = "pagerduty"
webhook_secrets = ["pagerduty-signs-with-this"]
review_url = "https://wiki.example.com/new?incident={incident}&service={component}"

[[sources]]
id = "acme"
type = "pagerduty"
webhook_secrets = ["pagerduty-signs-with-this"]
workspace_url = "https://acme.pagerduty.com"
"#;

async fn with_an_incident_of_each() -> (Bridge, Installation) {
    let bridge = Setup::default().sources(SOURCES).start().await;
    let site = bridge.install().await;
    let body = triggered("QKNOWN").body(&bridge.clock);
    let signature = crate::harness::pagerduty::sign(&body);
    for source in ["pd", "wiki", "acme"] {
        let answer =
            bridge.post_webhook(source, body.clone(), &[("X-PagerDuty-Signature", &signature)]).await;
        assert_eq!(answer.status, 202, "{answer:?}");
    }
    bridge.settle().await;
    (bridge, site)
}

fn link(incident: &str) -> String {
    format!("{ROUTE}?affected-component=wiki%3APCHECKOUT&incident={}", incident.replace(':', "%3A"))
}

fn asked(incident: &str) -> String {
    let encoded: String = url::form_urlencoded::byte_serialize(incident.as_bytes()).collect();
    format!("{ROUTE}?incident={encoded}")
}

#[tokio::test]
async fn every_configuration_declares_the_action() {
    let bridge = Bridge::start().await;
    let descriptor = bridge.get("/atlassian-connect.json").await.body;
    let action =
        &descriptor["modules"]["jiraOperationsInfoProvider"]["actions"]["createPostIncidentReview"]["url"];
    let url =
        format!("{}{ROUTE}?affected-component={{component-id}}&incident={{incident-id}}", bridge.base_url);
    assert_eq!(action.as_str(), Some(url.as_str()), "{descriptor}");
    bridge.finish().await;
}

#[tokio::test]
async fn the_link_leads_to_the_page_that_the_configuration_names() {
    let (bridge, _) = with_an_incident_of_each().await;
    for (incident, page) in [
        ("wiki:Q1", "https://wiki.example.com/new?incident=Q1&service=PCHECKOUT"),
        ("acme:Q1", "https://acme.pagerduty.com/incidents/Q1"),
    ] {
        let answer = bridge.get(&link(incident)).await;
        assert_eq!(answer.status, 302, "{answer:?}");
        assert_eq!(answer.headers["location"], page);
    }
    let answer = bridge.get(&link("pd:Q1")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.text.contains("<code>pd:Q1</code>") && answer.text.contains("PagerDuty"), "{answer:?}");
    let answer = bridge.get(ROUTE).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.text.contains("written in the incident tool"), "{answer:?}");
    bridge.finish().await;
}

#[tokio::test]
async fn a_stranger_cannot_tell_an_incident_that_exists_from_one_that_does_not() {
    let (bridge, _) = with_an_incident_of_each().await;
    for source in ["pd", "wiki", "acme", "nobody"] {
        let seen = async |id: &str| {
            let answer = bridge.get(&link(&format!("{source}:{id}"))).await;
            let headers =
                answer.headers.iter().filter(|(name, _)| !["date", "x-request-id"].contains(&name.as_str()));
            let mut headers: Vec<_> = headers
                .map(|(name, value)| format!("{name}: {}", value.to_str().expect("text").replace(id, "ID")))
                .collect();
            headers.sort();
            (answer.status, headers, answer.text.replace(id, "ID"))
        };
        assert_eq!(seen("QKNOWN").await, seen("QOTHER").await, "{source}");
    }
    bridge.finish().await;
}

#[tokio::test]
async fn nothing_that_a_stranger_sends_leads_elsewhere_or_becomes_html() {
    let (bridge, _) = with_an_incident_of_each().await;
    for sent in ["..", ".", "../../x", "@evil.example", "//evil.example", "%00\r\nSet-Cookie: a=b", "?a=b#c"]
    {
        for (source, start) in [
            ("wiki", "https://wiki.example.com/new?incident="),
            ("acme", "https://acme.pagerduty.com/incidents/"),
        ] {
            let answer = bridge.get(&asked(&format!("{source}:{sent}"))).await;
            let place = answer.headers.get("location").map(|it| it.to_str().expect("text").to_owned());
            let Some(place) = place else {
                assert!(answer.status == 200 && sent.starts_with('.'), "{sent}: {answer:?}");
                continue;
            };
            let id = place.strip_prefix(start).unwrap_or_else(|| panic!("{sent}: {place}"));
            let id = id.strip_suffix("&service=").unwrap_or(id);
            assert!(!id.contains(['/', '?', '#', '&', '=', '@', ':']), "{sent}: {place}");
        }
    }
    let answer = bridge.get(&asked("pd:<script>alert(1)</script>")).await;
    assert!(answer.status == 200 && !answer.text.contains("<script"), "{answer:?}");
    bridge.finish().await;
}

#[tokio::test]
async fn a_site_is_told_the_incidents_own_page_and_only_of_what_it_may_see() {
    let (bridge, site) = with_an_incident_of_each().await;
    let told = async |incident: &str| bridge.call(&site, Method::POST, &link(incident), None).await;
    let own = "https://acme.pagerduty.com/incidents/QKNOWN";
    for (incident, page) in [
        ("pd:QKNOWN", own.to_owned()),
        ("wiki:QKNOWN", "https://wiki.example.com/new?incident=QKNOWN&service=PCHECKOUT".to_owned()),
        ("acme:QOTHER", "https://acme.pagerduty.com/incidents/QOTHER".to_owned()),
        ("pd:QOTHER", format!("{}{}", bridge.base_url, link("pd:QOTHER"))),
    ] {
        let answer = told(incident).await;
        assert_eq!((answer.status, answer.body["url"].as_str()), (200, Some(page.as_str())), "{incident}");
    }
    assert_eq!(told("nobody:QKNOWN").await.status, 404);
    bridge.finish().await;

    let hidden = SOURCES.replace("id = \"pd\"", "id = \"pd\"\nsites = [\"another.example.com\"]");
    let bridge = Setup::default().sources(&hidden).start().await;
    let site = bridge.install().await;
    bridge.pagerduty(&triggered("QKNOWN")).await;
    bridge.settle().await;
    let refused = bridge.call(&site, Method::POST, &link("pd:QKNOWN"), None).await;
    assert_eq!((refused.status, refused.problem()), (404, "not-found"), "{refused:?}");
    bridge.finish().await;
}

#[tokio::test]
async fn a_review_url_that_would_lead_astray_stops_the_start() {
    let wrong = "[[sources]]\nid = \"pd\"\ntype = \"pagerduty\"\nwebhook_secrets = [\"pagerduty-signs-with-this\"]\n\
                 review_url = \"https://{incident}.example.com/\"\n";
    let place = Place::with(&[], wrong);
    let said = command(&["config", "check"], Some(&place.file)).await;
    assert!(said.code == Some(2) && said.err.contains("review_url"), "{said:?}");
}
