//! `[[jira_issues]]` as an operator meets it: every mistake at once, sealed tokens, and two tables that would double.

use std::path::Path;

use crate::harness::place::{PROGRAM, Said, command};

const KEY: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

fn table(more: &str) -> String {
    format!(
        "[[jira_issues]]\nsite = \"acme.atlassian.net\"\nproject = \"OPS\"\nemail = \"bot@acme.example\"\n{more}\n"
    )
}

/// A folder with a configuration that has these tables.
fn place(tables: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let text = format!(
        "[server]\nbase_url = \"https://bridge.example.com\"\n[vault]\nkey = \"{KEY}\"\n[store]\nurl = \"sqlite://bridge.db\"\n\
         [[sources]]\nid = \"pd\"\ntype = \"pagerduty\"\nwebhook_token = \"long-enough-to-be-safe\"\n\
         [[sources]]\nid = \"am\"\ntype = \"alertmanager\"\nwebhook_token = \"long-enough-to-be-safe\"\n{tables}"
    );
    std::fs::write(folder.path().join("bridge.toml"), text).expect("the folder is writable");
    folder
}

async fn check(tables: &str) -> Said {
    let folder = place(tables);
    command(&["config", "check"], Some(&folder.path().join("bridge.toml"))).await
}

#[tokio::test]
async fn four_keys_are_enough_and_every_mistake_is_told_at_once() {
    let well = check(&table("api_token = \"hunter2\"")).await;
    assert_eq!(well.code, Some(0), "{well:?}");
    assert!(well.out.contains("ops (issues)"), "{well:?}");
    let wrong =
        table("api_tokn = \"hunter2\"\nhost = \"cloud\"\nreopen_within = \"soon\"\n").replace("bot@", "bot ");
    let said = check(&wrong).await;
    assert_eq!(said.code, Some(2));
    for part in [
        "jira_issues \"ops\": unknown key `api_tokn`; did you mean `api_token`?",
        "jira_issues \"ops\": `host` must be one of",
        "jira_issues \"ops\": `reopen_within` \"soon\" is no time",
        "jira_issues \"ops\": `email`",
        "jira_issues \"ops\": `api_token` is missing",
    ] {
        assert!(said.err.contains(part), "{part} in {}", said.err);
    }
    assert!(!said.err.contains("hunter2"), "{said:?}");
}

#[tokio::test]
async fn two_tables_that_would_double_work_items_are_refused() {
    let with = |more: &str| table(&format!("api_token = \"t\"\n{more}"));
    for (one, other) in [
        ("", "id = \"b\""),
        ("sources = [\"pd\"]", "id = \"b\""),
        ("sources = [\"pd\"]", "id = \"b\"\nsources = [\"am\", \"pd\"]\nissue_type = \"Bug\""),
    ] {
        let said = check(&format!("{}{}", with(one), with(other))).await;
        assert_eq!(said.code, Some(2), "{said:?}");
        let sentence = "jira_issues \"b\": writes to the project OPS of acme.atlassian.net, as \"ops\" does";
        assert!(said.err.contains(sentence), "{said:?}");
    }
    let apart = format!("{}{}", with("sources = [\"pd\"]"), with("id = \"b\"\nsources = [\"am\"]"));
    assert_eq!(check(&apart).await.code, Some(0));
    let elsewhere = with("id = \"b\"").replace("acme.atlassian", "other.atlassian");
    assert_eq!(check(&format!("{}{elsewhere}", with(""))).await.code, Some(0));
}

#[tokio::test]
async fn the_type_is_not_written_among_other_destinations() {
    let said = check("[[destinations]]\nid = \"ops\"\ntype = \"issues\"\n").await;
    assert_eq!(said.code, Some(2));
    assert!(said.err.contains("write [[jira_issues]]"), "{said:?}");
}

async fn seal(file: &Path, name: &str) -> String {
    let script = format!("printf hunter2 | {PROGRAM} key seal {name} -c {}", file.display());
    let mut shell = tokio::process::Command::new("/bin/sh");
    let ended = shell.args(["-c", &script]).output().await.expect("the shell starts");
    assert!(ended.status.success(), "{ended:?}");
    String::from_utf8_lossy(&ended.stdout).trim().to_owned()
}

#[tokio::test]
async fn a_sealed_token_opens_for_its_own_destination_only() {
    let folder = place(&table("api_token = \"t\""));
    let file = folder.path().join("bridge.toml");
    let sealed = seal(&file, "--destination ops").await;
    assert!(sealed.starts_with("sealed:") && !sealed.contains("hunter2"));
    assert_eq!(check(&table(&format!("api_token = \"{sealed}\""))).await.code, Some(0));
    let others = seal(&file, "--source pd").await;
    for (token, id) in [(&sealed, "id = \"other\""), (&others, "")] {
        let said = check(&table(&format!("api_token = \"{token}\"\n{id}"))).await;
        assert_eq!(said.code, Some(2), "{said:?}");
        assert!(said.err.contains("api_token cannot be decrypted"), "{said:?}");
    }
    let unknown = command(&["key", "seal", "--destination", "op"], Some(&file)).await;
    assert!(unknown.err.contains("there is no destination \"op\"; did you mean \"ops\"?"), "{unknown:?}");
}

#[tokio::test]
async fn a_site_without_tls_must_be_allowed() {
    let local = table("api_token = \"t\"").replace("acme.atlassian.net", "http://127.0.0.1:8082");
    let said = check(&local).await;
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(said.err.contains("add \"127.0.0.1:8082\" to connect.insecure_sites"), "{said:?}");
    let allowed = format!("[connect]\ninsecure_sites = [\"127.0.0.1:8082\"]\n{local}");
    assert_eq!(check(&allowed).await.code, Some(0));
}

/// The configuration that a document shows, with every file that it names.
fn written_down(document: &str) -> tempfile::TempDir {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(document);
    let text = std::fs::read_to_string(path).expect("the document");
    let mut blocks = text.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let block = blocks.find(|block| block.contains("[[jira_issues]]")).expect("a block with a table");
    let folder = place("");
    let file = folder.path().join("bridge.toml");
    let block = if block.contains("[server]") {
        block.to_owned()
    } else {
        format!("{}{block}", std::fs::read_to_string(&file).expect("it reads"))
    };
    let files = block.lines().filter_map(|line| line.split_once("_file = \"")?.1.split('"').next());
    for name in files {
        std::fs::write(folder.path().join(name), KEY).expect("the folder is writable");
    }
    std::fs::write(&file, block).expect("the folder is writable");
    folder
}

#[tokio::test]
async fn the_configurations_of_the_documents_are_valid() {
    for document in ["README.md", "docs/destinations/issues.md"] {
        let folder = written_down(document);
        let said = command(&["config", "check"], Some(&folder.path().join("bridge.toml"))).await;
        assert_eq!(said.code, Some(0), "{document}: {said:?}");
        assert!(said.out.contains("ops (issues)"), "{document}: {said:?}");
    }
}
