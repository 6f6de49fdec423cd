//! Style and sizes.

use std::collections::BTreeSet;

use super::super::find_style_breaches;
use super::super::sizes::{self, LONGEST_FILE, MEDIAN_FILE, MOST_ENTRIES};
use super::super::source::SourceFile;

/// A file with this many lines.
fn file(path: &str, lines: usize) -> SourceFile {
    SourceFile::new(path, &"//! x\n".repeat(lines))
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().copied().map(str::to_owned).collect()
}

#[test]
fn breaches_of_style_are_found() {
    let style = |text: &str| find_style_breaches(&SourceFile::new("src/web/mod.rs", text)).len();
    assert_eq!(style("//! Routes.\nfn f() { assert!(allow && !ignore); }"), 0);
    assert_eq!(style("fn f() {}"), 1);
    assert_eq!(style("//! x\n#![allow(dead_code)]"), 1);
    assert_eq!(style("//! x\nmod m { #[test] #[ignore = \"later\"] fn f() { todo!() } }"), 2);
    assert_eq!(style("//! x\nmany! { #[ignore] fn f() { todo!() } #![allow(x)] }"), 3);
}

#[test]
fn long_files_and_functions_are_found_with_their_line() {
    let find = |text: &str| sizes::find_long_parts(&SourceFile::new("src/a.rs", text));
    assert_eq!(sizes::find_long_parts(&file("src/a.rs", LONGEST_FILE)), [""; 0]);
    assert_eq!(
        sizes::find_long_parts(&file("tests/it/a.rs", LONGEST_FILE + 1)),
        ["tests/it/a.rs:401: is longer than 400 lines"]
    );
    let function =
        |head: &str, lines: usize| format!("//! x\n\n{head} {{\n{}}}", "    g();\n".repeat(lines - 2));
    assert_eq!(find(&function("/// Docs do not count.\n#[test]\nfn f()", 60)), [""; 0]);
    assert_eq!(find(&function("pub async fn f()", 61)), ["src/a.rs:3: `f` has 61 lines, at most 60"]);
    for (before, behind) in [
        ("impl X {", "}"),
        ("trait X {", "}"),
        ("mod tests {", "}"),
        ("contract! {", "}"),
        ("fn outer() { tokio::select! { x = ", "=> {} } }"),
    ] {
        let inner = if before.contains("select") { "async { fn f()" } else { "fn f()" };
        let end = if before.contains("select") { "}" } else { "" };
        let text = format!("{before} {}{end} {behind}", function(inner, 61).trim_start_matches("//! x\n\n"));
        assert!(find(&text).iter().any(|breach| breach.contains("`f` has 61 lines")), "{text}");
    }
}

#[test]
fn half_of_the_files_must_be_short_and_most_not_long() {
    let spread = |lengths: &[usize]| {
        let files: Vec<_> = lengths.iter().map(|lines| file("src/a.rs", *lines)).collect();
        sizes::find_bad_spread(&files)
    };
    assert_eq!(
        spread(&[10, 130, 131, 300]),
        ["src/a.rs:300: must shrink: 90 % of the files must have at most 270 lines"]
    );
    assert_eq!(spread(&[10, 10, 10, 10, 10, 10, 10, 10, 10, 400]), [""; 0]);
    assert_eq!(spread(&[10, MEDIAN_FILE + 1, 200, 200]).len(), 1);
    assert_eq!(sizes::find_bad_spread(&[file("src/a_tests.rs", 399), file("src/a.rs", 9)]), [""; 0]);
}

#[test]
fn a_folder_holds_few_entries_beside_the_tools() {
    let list = "const KINDS: &[&Kind] = &[&alpha::KIND, super::beta::KIND];";
    let tools = sizes::list_tools(&[SourceFile::new("src/sources/table.rs", list)]);
    assert_eq!(tools, set(&["alpha", "beta"]));
    let mut entries: BTreeSet<String> = (0..MOST_ENTRIES).map(|n| format!("{n:02}.rs")).collect();
    entries.extend(tools.clone());
    assert_eq!(sizes::find_crowd("src/sources", &entries, &tools), None);
    entries.insert("one_more.rs".to_owned());
    let crowd = sizes::find_crowd("src/sources", &entries, &tools).unwrap();
    assert!(
        crowd.starts_with("src/sources: 13 entries, at most 12: 00.rs, ") && !crowd.contains("alpha"),
        "{crowd}"
    );
}
