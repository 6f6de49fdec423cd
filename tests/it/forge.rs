//! The Forge manifest before Atlassian's own validators, which the Forge CLI runs before it deploys.
//!
//! They say nothing about whether Atlassian's platform takes such an app.

use std::path::{Path, PathBuf};

use crate::harness::place::command;
use crate::harness::program::{Program, require};

/// What the validators find in each manifest, one finding a line; empty where they let it pass. Node starts once, since that
/// takes seconds.
async fn judge(folder: &Path, manifests: &[String]) -> Vec<String> {
    let files: Vec<PathBuf> =
        (0..manifests.len()).map(|n| folder.join(format!("{n}/manifest.yml"))).collect();
    for (file, manifest) in files.iter().zip(manifests) {
        std::fs::create_dir(file.parent().expect("it is in a folder")).expect("the folder is writable");
        std::fs::write(file, manifest).expect("the folder is writable");
    }
    let out = folder.join("findings.txt");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/forge/validate.cjs");
    let before = [PathBuf::from(script), require("BRIDGE_TEST_FORGE_MANIFEST").into()];
    let arguments = [&before[..], &files].concat();
    let ended = Program::start(require("BRIDGE_TEST_NODE"), &arguments, &out).ended().await;
    let printed = std::fs::read_to_string(&out).expect("its output");
    let read = |line: &str| serde_json::from_str::<Vec<String>>(line).unwrap_or_else(|_| panic!("{printed}"));
    let findings: Vec<String> = printed.lines().map(|line| read(line).join("\n")).collect();
    assert_eq!(findings.len(), manifests.len(), "{ended}: {printed}");
    let all_pass = findings.iter().all(String::is_empty);
    assert_eq!(ended.code(), Some(i32::from(!all_pass)), "{printed}");
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
    let mut manifests = Vec::new();
    for (base_url, connect) in [
        ("https://bridge.example.com", ""),
        ("https://example.com:8443/bridge", "review_action = false\n"),
        ("https://bridge.example.com", "app_key = \"com.example_bridge\"\napp_name = \"a: b # \\\"c\\\"\"\n"),
    ] {
        manifests.push(manifest(folder.path(), base_url, connect).await);
    }
    for (findings, manifest) in judge(folder.path(), &manifests).await.iter().zip(&manifests) {
        assert_eq!(findings, "", "{manifest}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn atlassians_validators_find_what_is_wrong() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let right = manifest(folder.path(), "https://bridge.example.com", "").await;
    let faults = [
        ("nodejs22.x", "nodejs8", "runtime"),
        ("inScopeEUD: true", "other: true", "inScopeEUD"),
        ("jira:jiraOperationsInfoProvider", "jira:noSuchProvider", "noSuchProvider"),
        ("write:connect-jira", "write:no-such-scope", "write:no-such-scope"),
    ];
    let spoil = |(part, wrong, _): (&str, &str, &str)| {
        assert!(right.contains(part), "{part}: {right}");
        right.replace(part, wrong)
    };
    let found = judge(folder.path(), &faults.map(spoil)).await;
    for (findings, (part, _, finding)) in found.iter().zip(faults) {
        assert!(findings.contains(finding), "{part}: {findings}");
    }
}
