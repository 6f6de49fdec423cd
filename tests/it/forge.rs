//! The Forge manifest before Atlassian's own validators, which the Forge CLI runs before it deploys.
//!
//! They say nothing about whether Atlassian's platform takes such an app.

use std::path::Path;

use crate::harness::place::command;
use crate::harness::program::{Program, require};

/// What the validators find in a manifest, one finding a line; empty when they let it pass.
async fn judge(folder: &Path, manifest: &str) -> String {
    let (file, out) = (folder.join("manifest.yml"), folder.join("findings.txt"));
    std::fs::write(&file, manifest).expect("the folder is writable");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/forge/validate.cjs");
    let arguments = [script.as_ref(), require("BRIDGE_TEST_FORGE_MANIFEST").as_ref(), file.as_os_str()]
        .map(std::ffi::OsStr::to_owned);
    let ended = Program::start(require("BRIDGE_TEST_NODE"), &arguments, &out).ended().await;
    let findings = std::fs::read_to_string(&out).expect("its output");
    assert_eq!(ended.success(), findings.is_empty(), "{ended}: {findings}");
    findings
}

/// What the program prints for a configuration with these lines below `[connect]`.
async fn manifest(folder: &Path, base_url: &str, connect: &str) -> String {
    let text = format!(
        "[server]\nbase_url = \"{base_url}\"\n[vault]\nkey = \"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\"\n\
         [connect]\nforge_app_id = \"ari:cloud:ecosystem::app/00000000-0000-4000-8000-000000000004\"\n{connect}"
    );
    let file = folder.join("bridge.toml");
    std::fs::write(&file, text).expect("the folder is writable");
    let said = command(&["forge-manifest"], Some(&file)).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    said.out
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn atlassians_validators_let_the_manifest_pass() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (base_url, connect) in [
        ("https://bridge.example.com", ""),
        ("https://example.com:8443/bridge", "review_action = false\n"),
        ("https://bridge.example.com", "app_key = \"com.example_bridge\"\napp_name = \"a: b # \\\"c\\\"\"\n"),
    ] {
        let manifest = manifest(folder.path(), base_url, connect).await;
        assert_eq!(judge(folder.path(), &manifest).await, "", "{manifest}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn atlassians_validators_find_what_is_wrong() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let right = manifest(folder.path(), "https://bridge.example.com", "").await;
    for (part, wrong, finding) in [
        ("nodejs22.x", "nodejs8", "runtime"),
        ("inScopeEUD: true", "other: true", "inScopeEUD"),
        ("jira:jiraOperationsInfoProvider", "jira:noSuchProvider", "noSuchProvider"),
        ("write:connect-jira", "write:no-such-scope", "write:no-such-scope"),
    ] {
        assert!(right.contains(part), "{part}: {right}");
        let findings = judge(folder.path(), &right.replace(part, wrong)).await;
        assert!(findings.contains(finding), "{part}: {findings}");
    }
}
