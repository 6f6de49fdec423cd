//! The pages of the simulator and of its tools in a real browser.

use serde_json::Value;

use crate::harness::Bridge;
use crate::harness::pagerduty::triggered;
use crate::harness::program::{Program, require};

const FLAGS: [&str; 10] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--virtual-time-budget=5000",
    "--dump-dom",
];

/// Adds to a page what the browser made of it.
const PROBE: &str = r#"
<script>
const lines = (node) => Math.round(node.getBoundingClientRect().height / parseFloat(getComputedStyle(node).lineHeight));
const found = {
  width: document.documentElement.scrollWidth,
  view: window.innerWidth,
  page: getComputedStyle(document.body).backgroundColor,
  idLines: [...document.querySelectorAll(".id")].map(lines),
  idTitles: [...document.querySelectorAll(".id")].map((node) => node.title),
  when: document.querySelector("time").textContent,
  whenTitle: document.querySelector("time").title,
};
document.body.append(Object.assign(document.createElement("pre"), { id: "found", textContent: JSON.stringify(found) }));
</script>"#;

/// What the browser makes of an address, as HTML.
async fn open(address: &str, more: &[&str]) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("page.html");
    let mut arguments: Vec<String> = FLAGS.iter().chain(more).map(|flag| (*flag).to_owned()).collect();
    arguments.push(format!("--user-data-dir={}", folder.path().join("profile").display()));
    arguments.push(address.to_owned());
    let status = Program::start(require("BRIDGE_TEST_CHROMIUM"), &arguments, &out).ended().await;
    let page = String::from_utf8_lossy(&std::fs::read(&out).expect("its output")).into_owned();
    assert!(status.success(), "{page}");
    page
}

/// The page as the browser measures it, with the data that it would fetch.
async fn measure(bridge: &Bridge, more: &[&str]) -> Value {
    let get = async |target: &str| {
        let answer = reqwest::get(format!("{}{target}", bridge.jira().url())).await.expect("it answers");
        answer.text().await.expect("it is text")
    };
    let data = get("/simulator/incidents.json").await.replace('<', "\\u003c");
    let page =
        get("/").await.replace("\nrefresh();\n</script>", &format!("\nshow({data});\n</script>{PROBE}"));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("probe.html");
    std::fs::write(&file, page).expect("the folder is writable");
    let page = open(&format!("file://{}", file.display()), more).await;
    let found = page.split_once("id=\"found\">").and_then(|(_, rest)| rest.split_once("</pre>"));
    let (found, _) = found.unwrap_or_else(|| panic!("the probe found nothing: {page}"));
    serde_json::from_str(found).expect("the probe writes JSON")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_fits_a_phone_and_a_dark_room() {
    let bridge = Bridge::installed().await;
    let id = "Q1234567890ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let title = "Checkout fails for customers with saved cards in every region but one";
    bridge.pagerduty(&triggered(id).titled(title).resolved()).await;
    bridge.settle().await;
    let light = "--blink-settings=preferredColorScheme=1";
    let dark = "--blink-settings=preferredColorScheme=0";
    for (size, scheme, page) in [
        ("--window-size=1280,900", light, "rgb(255, 255, 255)"),
        ("--window-size=400,900", dark, "rgb(29, 33, 37)"),
    ] {
        let found = measure(&bridge, &[size, scheme]).await;
        assert!(
            found["width"].as_u64() <= found["view"].as_u64(),
            "{size}: it is wider than the window: {found}"
        );
        assert_eq!(found["idLines"], serde_json::json!([1]), "{size}: {found}");
        assert_eq!(found["idTitles"][0], format!("pd:{id}"), "{found}");
        assert_eq!(found["page"], page, "{scheme}: {found}");
        let (short, full) = (found["when"].as_str(), found["whenTitle"].as_str());
        assert!(short.is_some_and(|it| !it.contains("2026")), "{found}");
        assert!(full.is_some_and(|it| it.contains("2026")), "{found}");
    }
    bridge.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_shows_what_jira_holds_as_text() {
    let bridge = Bridge::installed().await;
    bridge.pagerduty(&triggered("Q1").titled("Checkout is <b>down</b> & out")).await;
    bridge.advance(60);
    bridge.pagerduty(&triggered("Q2").titled("Search is back").resolved()).await;
    bridge.settle().await;

    let page = open(&format!("{}/", bridge.jira().url()), &[]).await;
    assert!(page.contains("Checkout is &lt;b&gt;down&lt;/b&gt; &amp; out"), "{page}");
    let row = |summary: &str| {
        let start = page.find(summary).unwrap_or_else(|| panic!("no {summary}: {page}"));
        page[start..].split("</tr>").next().unwrap_or_default().to_owned()
    };
    assert!(row("Checkout is").contains(">open<"), "{page}");
    assert!(row("Search is back").contains(">resolved<"), "{page}");
    assert!(row("Search is back").contains("Service PCHECKOUT"), "{page}");
    let review = "/jira/reviews/create?affected-component=pd%3APCHECKOUT&amp;incident=pd%3AQ2";
    assert!(
        row("Search is back").contains(review) && !row("Checkout is").contains("/jira/reviews"),
        "{page}"
    );
    bridge.finish().await;
}
