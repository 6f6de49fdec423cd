//! Keeps the layers of `docs/ARCHITECTURE.md`: who may use whom is a table here, not a matter of taste.
//!
//! Must not know anything about what the modules do. Code under `#[cfg(test)] mod` is free of the rules on
//! imports, because tests may look anywhere; the rules on style hold for every file.

mod source;

use source::{PathUse, SourceFile};

/// From the bottom up. A module may use those of the rows above its own, and itself.
const LAYERS: [&[&str]; 8] = [
    &["domain", "clock"],
    &["connect", "mapping", "config", "telemetry", "http"],
    &["store", "jira", "sources", "simulator"],
    &["sync"],
    &["web"],
    &["app", "lifecycle"],
    // Commands start what the composition root builds.
    &["cli"],
    &["main"],
];

/// Modules that may use something of their own row, or less than the rows below: the whole list.
const EXCEPTIONS: [(&str, &[&str]); 4] = [
    // Install keys are fetched like everything else.
    ("connect", &["domain", "clock", "http"]),
    // One type for instants throughout.
    ("domain", &["clock"]),
    // Logging is set up from its section of the configuration.
    ("telemetry", &["domain", "clock", "config"]),
    // Judges the bridge from outside: it must not share the code that it is there to check.
    ("simulator", &["domain", "clock", "connect"]),
];

/// Crates, or modules of the standard library, that only some modules may name.
const CONFINED: [(&str, &[&str]); 6] = [
    ("actix_web", &["web", "simulator", "app"]),
    ("sqlx", &["store"]),
    ("reqwest", &["http", "jira", "sources", "connect", "simulator", "cli::doctor"]),
    ("tokio_cron_scheduler", &["sync::schedule"]),
    ("std::env", &["config", "main"]),
    ("anyhow", &["cli", "app", "main"]),
];

const LONGEST_FILE: usize = 500;
const FORBIDDEN_MACROS: [&str; 3] = ["todo", "unimplemented", "dbg"];
/// Lints are relaxed with `#[expect(…, reason)]`, and a test that cannot run is mended or removed.
const FORBIDDEN_ATTRIBUTES: [&str; 2] = ["allow", "ignore"];

fn layer_of(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

fn may_use(user: &str, target: &str) -> bool {
    if user == target {
        return true;
    }
    if let Some((_, allowed)) = EXCEPTIONS.iter().find(|(module, _)| *module == user) {
        return allowed.contains(&target);
    }
    matches!((layer_of(user), layer_of(target)), (Some(above), Some(below)) if below < above)
}

/// `path` is `prefix` or lies within it.
fn is_within(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

fn find_forbidden_import(file: &SourceFile, path: &PathUse) -> Option<String> {
    let module = file.module();
    if let Some(used) = path.top_module(&module) {
        let user = module.first().map_or("lib", String::as_str);
        return (!may_use(user, used)).then(|| format!("`{user}` must not use `crate::{used}`"));
    }
    let (confined, homes) = CONFINED.iter().find(|(name, _)| is_within(&path.text(), name))?;
    let here = module.join("::");
    let at_home = homes.iter().any(|home| is_within(&here, home));
    (!at_home).then(|| format!("only {} may use `{confined}`", homes.join(", ")))
}

fn find_import_breaches(file: &SourceFile) -> Vec<String> {
    let paths = if file.is_test_code() { Vec::new() } else { source::list_paths(file.tokens()) };
    paths.iter().filter_map(|path| Some(file.at(path.line, &find_forbidden_import(file, path)?))).collect()
}

fn find_style_breaches(file: &SourceFile) -> Vec<String> {
    let mut breaches = Vec::new();
    if !file.text.starts_with("//!") {
        breaches.push(file.at(1, "must start with a //! comment: why it exists and what it must not do"));
    }
    let lines = file.text.lines().count();
    if lines > LONGEST_FILE {
        breaches.push(file.at(lines, &format!("is longer than {LONGEST_FILE} lines")));
    }
    for (line, name) in source::list_attributes(file.tokens()) {
        if FORBIDDEN_ATTRIBUTES.contains(&name.as_str()) {
            breaches.push(file.at(line, &format!("#[{name}] is forbidden")));
        }
    }
    for (line, name) in source::list_macros(file.tokens()) {
        if FORBIDDEN_MACROS.contains(&name.as_str()) {
            breaches.push(file.at(line, &format!("{name}! is forbidden")));
        }
    }
    breaches
}

#[test]
fn imports_point_down_the_layers_and_crates_stay_where_they_belong() {
    let files = source::read_folder("src");
    let breaches: Vec<String> = files.iter().flat_map(find_import_breaches).collect();
    assert!(breaches.is_empty(), "\n{}", breaches.join("\n"));
}

#[test]
fn every_module_of_the_crate_has_a_layer() {
    let strangers: Vec<String> = source::read_folder("src")
        .iter()
        .filter_map(|file| file.module().into_iter().next())
        .filter(|module| layer_of(module).is_none())
        .collect();
    assert!(strangers.is_empty(), "without a row in LAYERS: {strangers:?}");
}

#[test]
fn files_are_short_and_introduce_themselves_and_leave_nothing_for_later() {
    let files = ["src", "tests", "benches"].map(source::read_folder).concat();
    assert!(files.len() > 50, "only {} files found", files.len());
    let breaches: Vec<String> = files.iter().flat_map(find_style_breaches).collect();
    assert!(breaches.is_empty(), "\n{}", breaches.join("\n"));
}

/// The tests above are worth what the checker sees.
mod checker {
    use super::*;

    fn imports(path: &str, text: &str) -> Vec<String> {
        find_import_breaches(&SourceFile::new(path, text))
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
            "use {crate::jira};",
            "pub use super::super::jira as j;",
            "use super::{super::jira::*, Row};",
            "fn f() { let x = vec![crate::jira::Page::new()]; }",
            "fn f() -> crate :: jira :: Page { g() }",
            "fn f() { g::<crate::jira::Page>() }",
            "macro_rules! m { () => { $crate::jira::x() } }",
            "#[cfg(not(test))] mod m { use crate::jira; }",
            "#[cfg(test)] use x::y; use crate::jira;",
        ] {
            assert_eq!(imports("src/store/inbox.rs", text).len(), 1, "{text}");
        }
    }

    #[test]
    fn a_group_is_spelled_out() {
        let found = imports("src/store/inbox.rs", "use crate::{\n jira::{client, error},\n sync,\n};");
        assert_eq!(
            found,
            [
                "src/store/inbox.rs:2: `store` must not use `crate::jira`",
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
            "use crate::store::jira;",
        ] {
            assert_eq!(imports("src/store/inbox.rs", text), [""; 0], "{text}");
        }
        assert_eq!(imports("src/store/inbox_tests.rs", "use crate::jira;"), [""; 0]);
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
    }

    #[test]
    fn a_confined_crate_is_found_outside_its_home() {
        assert_eq!(imports("src/web/mod.rs", "use sqlx::Row;").len(), 1);
        assert_eq!(imports("src/web/mod.rs", "#[derive(::sqlx::FromRow)] struct S;").len(), 1);
        assert_eq!(imports("src/web/mod.rs", "use sqlx;").len(), 1);
        assert_eq!(imports("src/cli/serve.rs", "use reqwest::Client;").len(), 1);
        assert_eq!(imports("src/web/mod.rs", "use std::{env, fs};").len(), 1);
        assert_eq!(imports("src/cli/doctor.rs", "use reqwest::Client;"), [""; 0]);
        assert_eq!(imports("src/cli/doctor/tls.rs", "use reqwest::Client;"), [""; 0]);
        assert_eq!(imports("src/sync/schedule.rs", "use tokio_cron_scheduler::Job;"), [""; 0]);
        assert_eq!(imports("src/main.rs", "fn main() { std::env::args_os(); }"), [""; 0]);
        assert_eq!(imports("src/web/mod.rs", "const V: &str = env!(\"CARGO_PKG_VERSION\");"), [""; 0]);
    }

    #[test]
    fn breaches_of_style_are_found() {
        let style = |text: &str| find_style_breaches(&SourceFile::new("src/web/mod.rs", text)).len();
        assert_eq!(style("//! Routes.\nfn f() { assert!(allow && !ignore); }"), 0);
        assert_eq!(style("fn f() {}"), 1);
        assert_eq!(style("//! x\n#![allow(dead_code)]"), 1);
        assert_eq!(style("//! x\nmod m { #[test] #[ignore = \"later\"] fn f() { todo!() } }"), 2);
        assert_eq!(style(&format!("//! x\n{}", "\n".repeat(LONGEST_FILE))), 1);
    }
}
