//! Each type's page against the program: the configuration block on it must be right in every line.

use std::path::Path;

use super::prelude::*;
use crate::config::{Environment, load};
use crate::sources::{Capability, Kind};

const BASE: &str = "server.base_url = \"https://bridge.example.com\"\nconnect.sites = [\"acme.atlassian.net\"]\n\
                    vault.key = \"MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=\"\n";

/// Writes the block with every file that it names, as an operator would, and builds what it describes.
pub(crate) fn deploy(block: &str) -> Result<Arc<dyn Source>, String> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let lines = block.lines().map(|line| place_file(line, folder.path())).collect::<Vec<_>>().join("\n");
    let file = folder.path().join("bridge.toml");
    std::fs::write(&file, format!("{BASE}{lines}\n")).expect("the folder is writable");
    let loaded = load(&[file], &Environment::default()).map_err(|fault| fault.to_string())?;
    let config = loaded.config.sources.into_iter().next().expect("one source");
    build(BuildContext { config, http: reqwest::Client::new() }).map_err(|fault| fault.to_string())
}

/// The line with the path of a file that now exists, if it names one.
fn place_file(line: &str, folder: &Path) -> String {
    let Some((key, rest)) = line.split_once("_file = \"").filter(|_| !line.starts_with('#')) else {
        return line.to_owned();
    };
    let name = rest.split('"').next().expect("a name");
    let is_signed = key == "webhook_secrets";
    let secret = if is_signed { "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" } else { "user:password" };
    std::fs::write(folder.join(name), secret).expect("the folder is writable");
    line.replace(name, &folder.join(name).to_string_lossy())
}

/// Whether this is an optional key, which is commented out.
fn is_optional(line: &str) -> bool {
    line.strip_prefix("# ").is_some_and(|rest| {
        rest.split_once(" = ")
            .is_some_and(|(key, _)| key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'))
    })
}

fn without(kind: &Kind, is_left_out: impl Fn(&str) -> bool) -> String {
    kind.example().lines().filter(|line| !is_left_out(line)).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_page_has_a_title_a_test_and_a_block_that_builds_its_source() {
    for kind in all_kinds() {
        assert!(!kind.title().is_empty() && !kind.section("Test it").is_empty(), "{}", kind.name);
        assert!(kind.example().contains(&format!("type = \"{}\"", kind.name)), "{}", kind.name);
        assert!(kind.example_id().is_some_and(|id| SourceId::parse(id).is_ok()), "{}", kind.name);
        deploy(kind.example()).unwrap_or_else(|fault| panic!("{}: {fault}", kind.name));
    }
}

#[test]
fn what_is_commented_out_in_a_block_is_right_as_well() {
    for kind in all_kinds() {
        let lines = kind.example().lines();
        let all = lines
            .map(|line| if is_optional(line) { line.get(2..).unwrap_or_default() } else { line })
            .collect::<Vec<_>>();
        deploy(&all.join("\n")).unwrap_or_else(|fault| panic!("{}: {fault}", kind.name));
    }
}

#[test]
fn every_key_of_a_tool_is_in_its_block() {
    for kind in all_kinds() {
        let (name, block) = (kind.name, kind.example());
        for key in kind.option_names {
            let has = |start: &str| block.lines().any(|line| line.starts_with(start));
            let is_there = has(&format!("{key} = ")) || has(&format!("# {key} = "));
            assert!(is_there || has(&format!("[sources.{key}]")), "{name}: {key}");
        }
    }
}

#[test]
fn what_a_block_calls_required_is_required() {
    for kind in all_kinds() {
        let required = kind
            .example()
            .lines()
            .filter(|line| line.ends_with("# required") || line.contains("# required;"));
        assert!(required.clone().count() >= 2, "{}: `id` and `type` are required", kind.name);
        for line in required {
            assert!(deploy(&without(kind, |other| other == line)).is_err(), "{}: {line}", kind.name);
        }
    }
}

#[test]
fn a_type_brings_what_it_says() {
    for kind in all_kinds() {
        let gives = |what| kind.capabilities.contains(&what);
        let source = deploy(kind.example()).expect("built by the tests above");
        assert_eq!(source.poller().is_some(), gives(Capability::Polling), "{}", kind.name);
        let unpolled = deploy(&without(kind, |line| line.contains("# required for polling")));
        assert!(unpolled.is_ok_and(|source| source.poller().is_none()), "{}", kind.name);
        let takes_webhooks = kind.example().contains("# required for webhooks");
        assert_eq!(takes_webhooks, gives(Capability::Webhooks), "{}", kind.name);
        assert_eq!(
            code_of(kind).contains("PostIncidentReview {"),
            gives(Capability::Reviews),
            "{}",
            kind.name
        );
    }
}

/// The text of a source's own files, without its tests.
fn code_of(kind: &Kind) -> String {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sources");
    let folder = std::fs::read_dir(sources.join(kind.name)).into_iter().flatten();
    let files = folder.map(|file| file.expect("a file").path()).filter(|path| !path.ends_with("tests.rs"));
    let files = files.chain([sources.join(format!("{}.rs", kind.name))]).filter(|path| path.is_file());
    files.map(|path| std::fs::read_to_string(path).expect("readable")).collect()
}
