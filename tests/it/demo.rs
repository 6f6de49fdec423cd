//! The demo as a user runs it: its pages, the commands that it prints, and its end.

use std::net::TcpListener;

use crate::harness::place::{PROGRAM, command, read};
use crate::harness::program::{Program, eventually};

/// What `demo` prints before its play begins.
async fn introduction(demo: &mut Program, log: &std::path::Path) -> String {
    eventually("it prints what to try", async || {
        assert!(demo.is_running(), "{}", read(log));
        Some(read(log)).filter(|text| text.contains("incident-bridge doctor"))
    })
    .await
}

/// The page at an address, and the addresses that it links to.
async fn page(address: &str) -> (String, Vec<String>) {
    let answer = reqwest::get(address).await.expect("it answers");
    assert_eq!(answer.headers()["content-type"], "text/html; charset=utf-8", "{address}");
    let html = answer.text().await.expect("it is text");
    let links = html.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    let links = links.map(|link| link.replace("&#38;", "&")).collect();
    (html, links)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_commands_that_the_demo_prints_work_while_it_runs() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let log = folder.path().join("demo.log");
    let mut demo = Program::start(PROGRAM, &["demo", "--port", "0"], &log);
    let printed = introduction(&mut demo, &log).await;
    let commands: Vec<&str> =
        printed.lines().filter_map(|line| line.trim().strip_prefix("incident-bridge ")).collect();
    assert_eq!(commands.len(), 3, "{printed}");
    for tried in commands {
        let arguments: Vec<&str> = tried.split(' ').collect();
        eventually(tried, async || (command(&arguments, None).await.code == Some(0)).then_some(())).await;
    }
    for tool in ["The pager", "The alerts", "The status page"] {
        let line = printed.lines().find(|line| line.trim().starts_with(tool)).expect("it is listed");
        let (html, links) = page(line.split_whitespace().last().expect("an address")).await;
        assert!(html.contains("simulated"), "{html}");
        for link in links {
            page(&link).await;
        }
    }
    demo.signal("-INT");
    let ended = demo.ended().await;
    let said = read(&log);
    assert!(ended.success() && said.contains("Jira equals the tools: yes"), "{said}");
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("it is bound").to_string();
    let said = command(&["simulate-jira", "--listen", &address], None).await;
    assert!(said.code == Some(1) && said.err.contains(&address) && said.err.contains("--listen"), "{said:?}");
}
