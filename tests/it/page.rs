//! The simulator's page in a real browser.

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_shows_what_jira_holds_as_text() {
    let bridge = Bridge::installed().await;
    bridge.pagerduty(&triggered("Q1").titled("Checkout is <b>down</b> & out")).await;
    bridge.advance(60);
    bridge.pagerduty(&triggered("Q2").titled("Search is back").resolved()).await;
    bridge.settle().await;

    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("page.html");
    let mut arguments: Vec<String> = FLAGS.map(str::to_owned).into();
    arguments.push(format!("--user-data-dir={}", folder.path().join("profile").display()));
    arguments.push(format!("{}/", bridge.jira().url()));
    let mut browser = Program::start(require("BRIDGE_TEST_CHROMIUM"), &arguments, &out);
    let status = browser.ended().await;
    let page = String::from_utf8_lossy(&std::fs::read(&out).expect("its output")).into_owned();
    assert!(status.success(), "{page}");
    assert!(page.contains("Checkout is &lt;b&gt;down&lt;/b&gt; &amp; out"), "{page}");
    let row = |summary: &str| {
        let start = page.find(summary).unwrap_or_else(|| panic!("no {summary}: {page}"));
        page[start..].split("</tr>").next().unwrap_or_default().to_owned()
    };
    assert!(row("Checkout is").contains(">open<"), "{page}");
    assert!(row("Search is back").contains(">resolved<"), "{page}");
    assert!(row("Search is back").contains("Service PCHECKOUT"), "{page}");
    bridge.finish().await;
}
