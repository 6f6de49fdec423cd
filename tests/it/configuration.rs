//! The configuration as an operator meets it: where it is found, what is said of its mistakes and of what will not
//! work, and that looking never creates anything.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;

use crate::harness::place::{Place, Said, command, command_in};

const KEY: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

/// Options of the command line, and variables.
type Way<'a> = (&'a [&'a OsStr], &'a [(&'a str, &'a OsStr)]);

async fn say(arguments: &[&str], file: &Path) -> Said {
    command(arguments, Some(file)).await
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).expect("the folder is writable");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).expect("it is ours");
}

fn list(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).expect("it is readable");
    entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
}

/// A folder with a configuration whose paths are relative, and no database.
fn relative_place(more: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write(&folder.path().join("vault.key"), KEY);
    let text = format!(
        "[server]\nbase_url = \"https://bridge.example.com\"\n[vault]\nkey_file = \"vault.key\"\n\
         [store]\nurl = \"sqlite://bridge.db\"\n[connect]\nsites = [\"acme.atlassian.net\"]\n{more}"
    );
    write(&folder.path().join("bridge.toml"), &text);
    folder
}

#[tokio::test]
async fn the_configuration_is_found_by_option_and_by_variable_from_every_folder() {
    let (place, second) = (relative_place(""), relative_place(""));
    let file = place.path().join("bridge.toml");
    write(&second.path().join("more.toml"), "[delivery]\nmax_batch = 7\n");
    let both = std::env::join_paths([&file, &second.path().join("more.toml")]).expect("no colon in it");
    let show = ["config".as_ref(), "show".as_ref()];
    let ways: [Way<'_>; 3] = [
        (&["--config".as_ref(), file.as_os_str()], &[]),
        (&["-c".as_ref(), file.as_os_str()], &[("BRIDGE_CONFIG", "/no/such/file".as_ref())]),
        (&[], &[("BRIDGE_CONFIG", both.as_os_str())]),
    ];
    for (option, variables) in ways {
        let said = command_in(Path::new("/"), &[&show, option].concat(), variables).await;
        assert_eq!(said.code, Some(0), "{said:?}");
        let database = format!("sqlite://{}", place.path().join("bridge.db").display());
        assert!(said.out.contains(&database), "{database} in {said:?}");
        assert_eq!(
            said.out.lines().any(|line| line.starts_with("delivery.max_batch ") && line.contains(" 7 ")),
            option.is_empty()
        );
    }
    let none = command_in(second.path(), &show, &[]).await;
    assert_eq!(none.code, Some(2));
    for way in
        ["no configuration file was given", "--config", "BRIDGE_CONFIG", "/etc/incident-bridge/bridge.toml"]
    {
        assert!(none.err.contains(way), "{way} in {none:?}");
    }
}

#[tokio::test]
async fn what_only_reads_says_that_there_is_no_database_and_leaves_no_file_behind() {
    let place = relative_place(
        "[[sources]]\nid = \"pd\"\ntype = \"pagerduty\"\nwebhook_token = \"long-enough-to-be-safe\"\n",
    );
    let file = place.path().join("bridge.toml");
    let before = list(place.path());
    let commands: [&[&str]; 17] = [
        &["doctor"],
        &["installations"],
        &["installations", "--all"],
        &["explain", "Q1"],
        &["deliveries", "list"],
        &["deliveries", "retry", "--all"],
        &["deliveries", "discard", "pd:Q1"],
        &["quarantine", "list"],
        &["quarantine", "show", "x"],
        &["quarantine", "replay", "--all"],
        &["sync", "--dry-run"],
        &["sync", "--pause", "pd"],
        &["prune", "--dry-run"],
        &["prune", "--now"],
        &["erase", "--incident", "Q1", "--dry-run"],
        &["erase", "--person", "Jane Doe", "--yes"],
        &["key", "rotate"],
    ];
    let database = place.path().join("bridge.db").display().to_string();
    for arguments in commands {
        let said = say(arguments, &file).await;
        let told = said.out + &said.err;
        assert_eq!(said.code, Some(1), "{arguments:?}: {told}");
        assert!(
            told.contains(&database) && told.contains("incident-bridge migrate"),
            "{arguments:?}: {told}"
        );
        assert_eq!(list(place.path()), before, "{arguments:?}");
    }
    let others: [&[&str]; 5] = [
        &["config", "check"],
        &["config", "show"],
        &["descriptor"],
        &["sources", "test", "pd"],
        &["forge-manifest"],
    ];
    for arguments in others {
        assert_eq!(say(arguments, &file).await.code, Some(0), "{arguments:?}");
        assert_eq!(list(place.path()), before, "{arguments:?}");
    }
    assert_eq!(say(&["migrate"], &file).await.code, Some(0));
    assert_eq!(say(&["deliveries", "list"], &file).await.code, Some(0));
}

#[tokio::test]
async fn what_only_reads_migrates_nothing() {
    let place = relative_place("");
    write(&place.path().join("bridge.db"), "");
    for arguments in [&["sync", "--dry-run"][..], &["prune", "--dry-run"], &["explain", "Q1"]] {
        let said = say(arguments, &place.path().join("bridge.toml")).await;
        assert_eq!(said.code, Some(1), "{said:?}");
        assert!(said.err.contains("lacks") && said.err.contains("incident-bridge migrate"), "{said:?}");
    }
}

/// In every part of the configuration there is a mistake, and in one source there are several.
#[tokio::test]
async fn every_mistake_of_every_source_is_told_at_once_with_the_sources_id() {
    let place = relative_place(
        "[log]\nlevel = \"=loud=\"\n[http]\nca_file = \"no.pem\"\n[delivery]\nmax_batch = 0\n\
         [[sources]]\nid = \"pd\"\ntype = \"pagerduty\"\nwebhook_secret_file = \"pd.secret\"\nurgency_severity = \"yes\"\n\
         [[sources]]\nid = \"am\"\ntype = \"alertmanagr\"\nwebhook_token = \"hunter1\"\n\
         [[sources]]\nid = \"gen\"\ntype = \"generic\"\nwebhook_token = \" \"\n[sources.vault]\nkey = \"hunter2\"\n\
         [[sources]]\nid = \"dd\"\ntype = \"datadog\"\napi_token = \"hunter3\"\nbackfill = \"soon\"\n\
         [[sources]]\nid = \"sn\"\ntype = \"servicenow\"\napi_token = \"hunter4\"\n",
    );
    let file = place.path().join("bridge.toml");
    for arguments in [&["config", "check"][..], &["config", "show"], &["serve"], &["sync"], &["reload"]] {
        let said = say(arguments, &file).await;
        assert_eq!(said.code, Some(2), "{arguments:?}: {said:?}");
        for part in [
            "log.level: ",
            "http.ca_file: ",
            "delivery.max_batch: ",
            "source \"pd\": unknown key `webhook_secret_file`; did you mean `webhook_secrets_file`?",
            "source \"pd\": `urgency_severity`: ",
            "source \"am\": unknown type `alertmanagr`; did you mean `alertmanager`?",
            "source \"gen\": unknown key `vault`",
            "source \"gen\": `webhook_token` is blank",
            "source \"gen\": `mapping.",
            "source \"dd\": backfill: \"soon\"",
            "source \"sn\": api_token needs api_url",
        ] {
            assert!(said.err.contains(part), "{arguments:?}: {part} in {}", said.err);
        }
        assert!(!said.err.contains("sources[") && !said.err.contains("source `"), "{}", said.err);
        assert!(!(said.out + &said.err).contains("hunter"), "{arguments:?}");
    }
    assert!(!place.path().join("bridge.db").exists());
}

#[tokio::test]
async fn dead_set_ups_are_told_by_the_check_and_by_the_start() {
    let place = relative_place(
        "[[sources]]\nid = \"mute\"\ntype = \"pagerduty\"\n\
         [[sources]]\nid = \"teams\"\ntype = \"pagerduty\"\nworkspaces = \"teams\"\nwebhook_token = \"long-enough-to-be-safe\"\n\
         [[sources]]\nid = \"lost\"\ntype = \"alertmanager\"\nwebhook_token_file = \"open.token\"\nsites = [\"acme.atlassian.net\", \"other.atlassian.net\"]\n\
         [[sources]]\nid = \"weak\"\ntype = \"alertmanager\"\nwebhook_token = \"short\"\n",
    );
    let file = place.path().join("bridge.toml");
    let text = std::fs::read_to_string(&file)
        .expect("it reads")
        .replace("bridge.example.com", "bridge.example.com:8443");
    write(&file, &text);
    let open = place.path().join("open.token");
    write(&open, "long-enough-to-be-safe");
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o644)).expect("it is ours");
    let expected = [
        "server.base_url: Atlassian fetches the descriptor from the ports 80, 443 and 8080 only, not from 8443".to_owned(),
        "source \"mute\": it has no credentials".to_owned(),
        "source \"teams\": workspaces = \"teams\" needs api_token".to_owned(),
        "source \"lost\": sites: \"other.atlassian.net\" cannot install the app".to_owned(),
        "source \"weak\": webhook_token is so short".to_owned(),
        format!("{} holds a secret, and everybody can read it (permissions 644)", open.display()),
    ];
    let said = say(&["config", "check", "--json"], &file).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    let told: Value = serde_json::from_str(&said.out).expect("it prints JSON");
    let warnings: Vec<&str> =
        told["warnings"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    for part in &expected {
        assert_eq!(
            warnings.iter().filter(|warning| warning.starts_with(part)).count(),
            1,
            "{part} in {warnings:#?}"
        );
    }
    assert_eq!(warnings.len(), expected.len(), "{warnings:#?}");
    let said = say(&["config", "check"], &file).await;
    assert_eq!(
        said.out.lines().filter(|line| line.starts_with("warning: ")).count(),
        expected.len(),
        "{said:?}"
    );
}

/// A configuration file with a secret in it is a secret's file, too.
#[tokio::test]
async fn a_sound_set_up_has_no_warning_until_its_file_is_readable_by_everybody() {
    let place = Place::new();
    let exposed = || async { say(&["config", "check"], &place.file).await.out.contains("warning: ") };
    std::fs::set_permissions(&place.file, std::fs::Permissions::from_mode(0o600)).expect("it is ours");
    assert!(!exposed().await);
    std::fs::set_permissions(&place.file, std::fs::Permissions::from_mode(0o604)).expect("it is ours");
    assert!(exposed().await);
    let bridge = place.serve().await;
    let log = std::fs::read_to_string(place.log()).expect("it reads");
    assert!(log.contains("WARN") && log.contains("everybody can read it"), "{log}");
    drop(bridge);
}

#[tokio::test]
async fn a_command_that_ends_by_itself_logs_what_is_unusual() {
    let place = relative_place(
        "[[sources]]\nid = \"pd\"\ntype = \"pagerduty\"\napi_token = \"x\"\napi_url = \"http://127.0.0.1:1\"\n",
    );
    let file = place.path().join("bridge.toml");
    let said = say(&["sync"], &file).await;
    assert!(said.err.contains("WARN") && said.err.contains("polling failed"), "{said:?}");
    assert!(!said.err.contains("DEBUG") && !said.out.contains("WARN"), "{said:?}");
    let variables: [(&str, &OsStr); 1] = [("BRIDGE__LOG__LEVEL", "incident_bridge=debug".as_ref())];
    let arguments: [&OsStr; 3] = ["sync".as_ref(), "-c".as_ref(), file.as_ref()];
    let said = command_in(Path::new("."), &arguments, &variables).await;
    assert!(!said.err.contains("WARN") || said.err.contains("incident_bridge"), "{said:?}");
}
