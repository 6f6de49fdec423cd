//! Layers, and where crates are allowed, in every spelling.

use super::super::document::Document;
use super::super::imports::Crate;
use super::super::layers::{Layers, Places};
use super::super::source::SourceFile;
use super::check;

const TABLES: &str = "\
# Architecture

## Layers

| layer | modules | may use |
|---|---|---|
| 0 | `domain`, `clock` | nothing; `domain` also `clock` |
| 1 | `connect`, `mapping`, `config`, `telemetry` | layer 0; `telemetry` also `config` |
| 2 | `store`, `jira`, `simulator` | layers 0 to 1; `simulator` only layer 0 and `connect` |
| 3 | `sync`, `web` | layers 0, 1 and 2 |
| 4 | `cli`, `app`, `main` | layers 0 to 3; `cli` also `app`; `main` also `cli` |

### Where crates are allowed

| crate | only in |
|---|---|
| `sqlx` | `store` |
| `reqwest` | `jira`, `cli::doctor` |
| `tokio_cron_scheduler` | `sync::schedule` |
| `std::env` | `config`, `main` |

## Next
";

fn document(text: &str) -> Document {
    Document::new("docs/ARCHITECTURE.md", text)
}

fn imports(path: &str, text: &str) -> Vec<String> {
    let layers = Layers::parse(&document(TABLES)).expect("a good table");
    check(&[(path, text)], |code, file| layers.find_breaches(code, file))
}

fn crates(path: &str, text: &str) -> usize {
    let places = Places::parse(&document(TABLES)).expect("a good table");
    check(&[(path, text)], |code, file| places.find_breaches(code, file)).len()
}

#[test]
fn an_import_from_a_higher_layer_is_found_with_its_line() {
    let found = imports("src/store/inbox.rs", "//! x\n\nuse crate::sync::Engine;\n");
    assert_eq!(found, ["src/store/inbox.rs:3: `store` must not use `crate::sync`"]);
}

#[test]
fn an_import_is_found_in_every_spelling() {
    for text in [
        "use crate::{clock::Clock, jira::{client}};",
        "pub use super::super::jira as j;",
        "use super::{super::jira::*, Row};",
        "use crate as root; fn f() -> root::jira::Page { g() }",
        "fn f() { let x = vec![crate::jira::Page::new()]; }",
        "fn f() -> crate :: jira :: Page { g() }",
        "fn f() { g::<crate::jira::Page>() }",
        "fn f() { x.map(..crate::jira::LIMIT) }",
        "fn f() { m!(a.b, ..crate::jira::LIMIT) }",
        "macro_rules! m { () => { $crate::jira::x() } }",
        "#[serde(with = \"crate::jira::date\")] struct S;",
        "#[derive(crate::jira::Shape)] struct S;",
        "#[cfg(not(test))] mod m { use crate::jira; }",
        "#[cfg(test)] use x::y; use crate::jira;",
        "mod inner { fn f() { super::super::super::jira::x() } }",
        "impl crate::jira::Page for X { fn f(&self) {} }",
    ] {
        // A renamed root needs the module that it leads to.
        let layers = Layers::parse(&document(TABLES)).unwrap();
        let files =
            [("src/store/inbox.rs", text), ("src/jira/mod.rs", "pub struct Page;"), ("src/lib.rs", "")];
        let found = check(&files, |code, file| layers.find_breaches(code, file));
        assert_eq!(found.len(), 1, "{text}: {found:?}");
    }
}

#[test]
fn a_group_is_spelled_out() {
    let found = imports("src/store/inbox.rs", "use crate::{\n jira::{client, error},\n sync,\n};");
    assert_eq!(
        found,
        [
            "src/store/inbox.rs:2: `store` must not use `crate::jira`",
            "src/store/inbox.rs:3: `store` must not use `crate::sync`",
        ]
    );
}

#[test]
fn comments_texts_and_tests_are_no_imports() {
    for text in [
        "// use crate::jira;\n/* crate::jira::x */\n/// [`crate::jira`]\nfn f() {}",
        "fn f() -> &'static str { \"crate::jira::x\" }",
        "#[cfg(test)] mod tests { use crate::jira; }",
        "#[cfg(test)] #[path = \"jira_tests.rs\"] mod tests;",
        "#[cfg(test)] fn f() { crate::jira::x() }",
        "impl X { #[cfg(test)] fn f() { crate::jira::x() } }",
        "use crate::store::jira;",
    ] {
        assert_eq!(imports("src/store/inbox.rs", text), [""; 0], "{text}");
    }
    assert_eq!(imports("src/store/inbox_tests.rs", "use crate::jira;"), [""; 0]);
    let layers = Layers::parse(&document(TABLES)).unwrap();
    let files =
        [("src/store/mod.rs", "#[cfg(test)] mod double;"), ("src/store/double.rs", "use crate::jira;")];
    assert_eq!(check(&files, |code, file| layers.find_breaches(code, file)), [""; 0]);
}

#[test]
fn neighbours_in_a_layer_stay_apart_unless_the_table_says_otherwise() {
    assert_eq!(imports("src/jira/mod.rs", "use crate::store::x;").len(), 1);
    assert_eq!(imports("src/web/mod.rs", "use crate::app::x;").len(), 1);
    assert_eq!(imports("src/simulator/site.rs", "use crate::mapping::x;").len(), 1);
    assert_eq!(imports("src/mapping/mod.rs", "use crate::telemetry::x;").len(), 1);
    assert_eq!(imports("src/simulator/site.rs", "use crate::connect::x;"), [""; 0]);
    assert_eq!(imports("src/telemetry/logging.rs", "use crate::config::Log;"), [""; 0]);
    assert_eq!(imports("src/cli/serve.rs", "use crate::app::App;"), [""; 0]);
    assert_eq!(imports("src/main.rs", "use incident_bridge::cli::run;"), [""; 0]);
    assert_eq!(imports("src/app.rs", "use crate::cli::run;").len(), 1);
}

#[test]
fn a_confined_crate_is_found_outside_its_place() {
    assert_eq!(crates("src/web/mod.rs", "use sqlx::Row;"), 1);
    assert_eq!(crates("src/web/mod.rs", "#[derive(::sqlx::FromRow)] struct S;"), 1);
    assert_eq!(crates("src/web/mod.rs", "use sqlx;"), 1);
    assert_eq!(crates("src/cli/serve.rs", "use reqwest::Client;"), 1);
    assert_eq!(crates("src/web/mod.rs", "use std::{env, fs};"), 1);
    assert_eq!(crates("src/cli/doctor.rs", "use reqwest::Client;"), 0);
    assert_eq!(crates("src/cli/doctor/tls.rs", "use reqwest::Client;"), 0);
    assert_eq!(crates("src/sync/schedule.rs", "use tokio_cron_scheduler::Job;"), 0);
    assert_eq!(crates("src/main.rs", "fn main() { std::env::args_os(); }"), 0);
    assert_eq!(crates("src/web/mod.rs", "const V: &str = env!(\"CARGO_PKG_VERSION\");"), 0);
}

#[test]
fn a_table_that_cannot_be_read_is_an_error_with_its_line() {
    for (wanted, from, to) in [
        ("1: has no heading `## Layers`", "## Layers", "## Layer"),
        ("5: the columns must be layer, modules, may use", "may use |", "uses |"),
        ("7: \"everything\" is not understood", "nothing;", "everything;"),
        ("7: `domian` is not here", "`domain` also", "`domian` also"),
        ("7: \"`domain` uses `clock`\" must be", "`domain` also", "`domain` uses"),
        ("8: layer 1 must stand here", "| 1 |", "| 2 |"),
        ("8: 1 to 1 are not layers above", "layer 0; `tele", "layer 1; `tele"),
        ("8: `store` does not stand here or above", "also `config`", "also `store`"),
        ("9: `mapping` has a layer already", "`store`,", "`mapping`,"),
        ("10: must have 3 cells", "`web` | layers 0", "`web` layers 0"),
    ] {
        assert!(TABLES.contains(from), "{from}");
        let fault = Layers::parse(&document(&TABLES.replacen(from, to, 1))).unwrap_err();
        assert!(fault.starts_with(&format!("docs/ARCHITECTURE.md:{wanted}")), "{fault}");
    }
    let fault = Layers::parse(&document("## Layers\n\nNone yet.\n\n## Next\n\n| a |\n")).unwrap_err();
    assert_eq!(fault, "docs/ARCHITECTURE.md:1: no table below `## Layers`");
    let fault = Places::parse(&document(&TABLES.replace("| `store` |", "| store |"))).unwrap_err();
    assert_eq!(fault, "docs/ARCHITECTURE.md:17: must name one crate and its modules in backquotes");
}

#[test]
fn a_module_without_a_row_and_a_row_without_a_module_are_found() {
    let rows =
        "## Layers\n\n| layer | modules | may use |\n|---|---|---|\n| 0 | `domain`, `clock` | nothing |\n";
    let layers = Layers::parse(&document(rows)).unwrap();
    let files = [("src/lib.rs", ""), ("src/clock.rs", ""), ("src/stray/mod.rs", "")];
    let files = files.map(|(path, text)| SourceFile::new(path, text));
    assert_eq!(
        layers.find_strays(&Crate::read(&files), &document(rows)),
        [
            "docs/ARCHITECTURE.md:5: src has no module `domain`",
            "src/stray/mod.rs:1: its module has no row in docs/ARCHITECTURE.md",
        ]
    );
}
