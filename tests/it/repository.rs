//! Checks the files around the code: documents, scripts, migrations, example files.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{fs, iter};

use incident_bridge::config::{DatabaseKind, Environment, load};

/// The command that README.md gives and .ci/run executes.
const TEST_COMMAND: &str = "tests/run";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|fault| panic!("{path}: {fault}"))
}

fn list_folder(path: &str) -> BTreeSet<String> {
    fs::read_dir(root().join(path))
        .unwrap_or_else(|fault| panic!("{path}: {fault}"))
        .map(|entry| entry.expect("the folder is readable").file_name().to_string_lossy().into_owned())
        .collect()
}

/// The Markdown files at the root and in `docs/`, with their content.
fn list_documents() -> Vec<(String, String)> {
    iter::once(".")
        .chain(root().join("docs").is_dir().then_some("docs"))
        .flat_map(|folder| list_folder(folder).into_iter().map(move |name| format!("{folder}/{name}")))
        .filter(|path| Path::new(path).extension().is_some_and(|extension| extension == "md"))
        .map(|path| (path.clone(), read(&path)))
        .collect()
}

/// Targets of Markdown links and images that lead to a file of the repository.
fn list_local_links(markdown: &str) -> Vec<&str> {
    markdown
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split([')', '#']).next())
        .filter(|target| !target.is_empty() && !target.contains(':'))
        .collect()
}

#[test]
fn both_databases_have_the_same_migrations() {
    let sqlite = list_folder("migrations/sqlite");
    assert!(!sqlite.is_empty());
    assert_eq!(sqlite, list_folder("migrations/postgres"));
}

#[test]
fn the_readme_and_the_ci_script_give_the_test_command_that_exists() {
    assert!(read("README.md").lines().any(|line| line == TEST_COMMAND), "no line of its own: {TEST_COMMAND}");
    assert!(read(".ci/run").contains(&format!("test_command=\"{TEST_COMMAND}\"")));
    for script in [TEST_COMMAND, ".ci/run"] {
        assert!(is_executable(&root().join(script)), "{script} is not executable");
    }
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(path: &Path) -> bool {
    path.exists()
}

#[test]
fn the_change_log_knows_this_version() {
    let log = read("CHANGELOG.md");
    let version = format!("## [{}]", env!("CARGO_PKG_VERSION"));
    let headings: Vec<&str> = log.lines().filter(|line| line.starts_with("## ")).collect();
    assert!(
        headings.iter().any(|line| *line == "## [Unreleased]" || line.starts_with(&version)),
        "neither {version} nor Unreleased in {headings:?}"
    );
}

#[test]
fn the_licence_is_the_one_that_the_package_names() {
    assert_eq!(env!("CARGO_PKG_LICENSE"), "Apache-2.0");
    let text = read("LICENSE");
    assert!(text.contains("Version 2.0, January 2004") && text.contains("END OF TERMS AND CONDITIONS"));
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut broken = Vec::new();
    for (document, text) in list_documents() {
        let folder = root().join(&document).parent().map(Path::to_path_buf).unwrap_or_default();
        let missing = list_local_links(&text).into_iter().filter(|target| !folder.join(target).exists());
        broken.extend(missing.map(|target| format!("{document}: {target}")));
    }
    assert_eq!(broken, [""; 0]);
}

#[test]
fn documents_name_no_folder_of_somebodys_machine() {
    for (document, text) in list_documents() {
        for folder in ["/home/", "/root/", "/work/", "/Users/", "C:\\"] {
            assert!(!text.contains(folder), "{document} contains {folder}");
        }
    }
}

/// Writes the example and every file that it names, as an operator would, into a folder of this test.
fn deploy_example(folder: &Path) -> PathBuf {
    for (name, content) in [
        ("store-url", "postgres://bridge:secret@db.example.com/bridge?sslmode=verify-full"),
        ("vault.key", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="),
        ("pagerduty-webhook-secrets", "newest\nolder\n"),
        ("pagerduty-api-token", "token\n"),
    ] {
        fs::write(folder.join(name), content).expect("the folder is writable");
    }
    let example = read("config/production.example.toml");
    let text = example.replace("/etc/incident-bridge", &folder.to_string_lossy());
    let path = folder.join("bridge.toml");
    fs::write(&path, text).expect("the folder is writable");
    path
}

#[test]
fn the_example_for_production_is_a_valid_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let loaded = load(&[deploy_example(folder.path())], &Environment::default()).unwrap();
    assert_eq!(loaded.config.store.database(), DatabaseKind::Postgres);
    assert_eq!(loaded.config.sources[0].webhook_secrets.len(), 2);
    assert_eq!(loaded.config.sources[0].severity.len(), 3);
    // Options that only the tool's own module reads could hide a misspelt key here.
    assert!(loaded.config.sources[0].options.is_empty(), "{:?}", loaded.config.sources[0].options);
}

#[test]
fn the_unit_starts_the_example_for_production() {
    let unit = read("config/incident-bridge.service");
    let value = |key: &str| {
        let found = unit.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        found.unwrap_or_else(|| panic!("the unit has no {key}"))
    };
    let (_, config) = value("ExecStart").split_once("incident-bridge serve --config ").expect("it serves");
    let guide = read("docs/OPERATING.md");
    for place in [config, value("User"), "/etc/systemd/system/", "config/incident-bridge.service"] {
        assert!(guide.contains(place), "OPERATING.md does not name {place}");
    }
    let folder = tempfile::tempdir().unwrap();
    let loaded = load(&[deploy_example(folder.path())], &Environment::default()).unwrap();
    let grace = loaded.config.server.shutdown_grace.as_secs();
    let patience: u64 = value("TimeoutStopSec").trim_end_matches('s').parse().expect("seconds");
    assert!(patience > grace, "systemd kills it after {patience} s, but it may need {grace} s");
    assert!(value("ExecReload").contains("-HUP"), "a reload must not stop it");
}

#[test]
fn commands_print_through_the_one_file_that_escapes() {
    let folders = ["src/cli", "src/cli/demo", "src/cli/explain", "src/cli/sources"];
    for folder in folders {
        for name in list_folder(folder)
            .into_iter()
            .filter(|name| *name != "output.rs" && root().join(folder).join(name).is_file())
        {
            let path = format!("{folder}/{name}");
            let code = read(&path);
            for way in ["println!", "print!(", "stdout()"] {
                assert!(!code.contains(way), "{path} has {way}: print with output::line or output::text");
            }
        }
    }
}

#[test]
fn the_tests_that_the_threat_model_names_exist() {
    let mut sources = Vec::new();
    for folder in ["src", "tests/it"] {
        collect_sources(&root().join(folder), &mut sources);
    }
    let text = read("SECURITY.md");
    let rows: Vec<_> =
        text.lines().filter(|line| line.starts_with("| a") || line.starts_with("| some")).collect();
    assert!(rows.len() >= 15, "{}", rows.len());
    for row in rows {
        let tests: Vec<_> = row.split('`').filter(|part| part.contains("::")).collect();
        assert!(!tests.is_empty(), "no test holds this: {row}");
        for name in tests {
            let (module, function) = name.split_once("::").expect("it has a module");
            let is_there = |(path, content): &(String, String)| {
                path.contains(module) && content.contains(&format!("fn {function}("))
            };
            assert!(sources.iter().any(is_there), "SECURITY.md names {name}, which does not exist");
        }
    }
}

/// Rust files below a folder: path and content.
fn collect_sources(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).expect("the folder is readable") {
        let path = entry.expect("the folder is readable").path();
        if path.is_dir() {
            collect_sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let content = fs::read_to_string(&path).expect("the file is readable");
            found.push((path.display().to_string(), content));
        }
    }
}
