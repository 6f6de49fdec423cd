//! The manual that the program serves: every page and every link of it.

use std::collections::{BTreeMap, BTreeSet};

use url::Url;

use crate::harness::requests::Answer;
use crate::harness::{Bridge, Setup};

fn links(html: &str) -> impl Iterator<Item = &str> {
    let parts = html.split("href=\"").skip(1);
    parts.filter_map(|rest| rest.split_once('"').map(|(link, _)| link))
}

async fn get(bridge: &Bridge, url: &Url) -> Answer {
    bridge.get(url.as_str().strip_prefix(&bridge.base_url).expect("an address of the bridge")).await
}

/// Every page that can be reached from the home page, by its address without an anchor.
async fn crawl(bridge: &Bridge) -> BTreeMap<Url, Answer> {
    let home = Url::parse(&format!("{}/", bridge.base_url)).expect("an address");
    let (mut pages, mut open, mut anchors) = (BTreeMap::new(), vec![home], BTreeSet::new());
    while let Some(url) = open.pop() {
        if pages.contains_key(&url) {
            continue;
        }
        let page = get(bridge, &url).await;
        assert_eq!(page.status, 200, "{url}");
        for link in links(&page.text).map(|link| link.replace("&amp;", "&")) {
            let mut target = url.join(&link).unwrap_or_else(|fault| panic!("{url}: {link}: {fault}"));
            if target.as_str().starts_with(&bridge.base_url) {
                anchors
                    .extend(target.fragment().map(|anchor| (url.clone(), link.clone(), anchor.to_owned())));
                target.set_fragment(None);
                open.push(target);
            }
        }
        pages.insert(url, page);
    }
    for (from, link, anchor) in anchors {
        let mut target = from.join(&link).expect("it was joined before");
        target.set_fragment(None);
        assert!(pages[&target].text.contains(&format!("id=\"{anchor}\"")), "{from} links to {link}");
    }
    pages
}

#[tokio::test]
async fn every_link_of_every_page_leads_somewhere_below_any_path() {
    for path in ["", "/bridge"] {
        let bridge = Setup::default().path(path).start().await;
        let pages = crawl(&bridge).await;
        let manual = pages.keys().filter(|url| url.path().starts_with(&format!("{path}/docs/"))).count();
        assert!(manual > 30, "only {manual} pages can be reached");
        for (url, page) in &pages {
            if page.headers["content-type"] == "text/html; charset=utf-8" {
                let policy = page.headers["content-security-policy"].to_str().expect("plain");
                assert!(
                    policy.starts_with("default-src 'none'") && !policy.contains("unsafe"),
                    "{url}: {policy}"
                );
                assert!(!page.text.contains("<script") && page.text.contains("name=\"viewport\""), "{url}");
                assert!(!page.text.contains(&bridge.jira().addr().to_string()), "{url} names a tenant");
            }
        }
        bridge.finish().await;
    }
}

#[tokio::test]
async fn jira_and_people_are_led_to_the_manual() {
    let bridge = Bridge::start().await;
    let descriptor = bridge.get("/atlassian-connect.json").await.body;
    let manual = format!("{}/docs/", bridge.base_url);
    assert_eq!(descriptor["links"]["documentation"], manual);
    assert_eq!(descriptor["modules"]["jiraOperationsInfoProvider"]["documentationUrl"], manual);
    let home = bridge.get("/").await;
    assert!(
        home.text.contains("href=\"docs/\"") && home.text.contains("connection manager"),
        "{}",
        home.text
    );
    let index = bridge.get("/docs/").await.text;
    assert!(index.contains("<h1 id=\"incident-bridge\">"), "{index}");
    assert_eq!(bridge.get("/docs").await.headers["location"], "docs/");
    for unknown in ["/docs/nothing", "/docs/../Cargo.toml", "/docs/README.md", "/docs/operating/"] {
        assert_eq!(bridge.get(unknown).await.status, 404, "{unknown}");
    }
    let table = bridge.get("/docs/operating").await.text;
    assert!(table.contains("<table>") && table.contains("id=\"at-3-am\""));
    bridge.finish().await;
}
