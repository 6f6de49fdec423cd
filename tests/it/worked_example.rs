//! The worked example of `docs/ADDING-A-SOURCE.md` is the code that the tests compile, to the letter.

use std::path::Path;

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()))
}

/// The block of code that follows the line which names this file.
fn shown<'a>(page: &'a str, file: &str) -> &'a str {
    let (_, rest) =
        page.split_once(&format!(", `{file}`:\n\n```")).unwrap_or_else(|| panic!("{file} is not shown"));
    let (_, block) = rest.split_once('\n').expect("a block");
    block.split_once("```").expect("its end").0
}

#[test]
fn the_page_shows_the_files_that_are_compiled_and_run() {
    let page = read("docs/ADDING-A-SOURCE.md");
    for file in [
        "src/sources/klaxon.rs",
        "src/sources/tests/klaxon.rs",
        "tests/fixtures/providers/klaxon/webhook-firing.json",
        "tests/fixtures/providers/klaxon/cases.json",
    ] {
        assert_eq!(shown(&page, file), read(file), "{file}");
    }
}

/// "About an hour" is true only while the others are short.
#[test]
fn half_of_all_files_of_sources_have_fewer_than_250_lines() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sources");
    let list = |folder: &Path| -> Vec<std::path::PathBuf> {
        let entries = std::fs::read_dir(folder).expect("a folder");
        entries.map(|entry| entry.expect("readable").path()).collect()
    };
    let folders = list(&sources).into_iter().filter(|path| path.is_dir() && !path.ends_with("tests"));
    let files: Vec<_> =
        folders.flat_map(|folder| list(&folder)).filter(|file| !file.ends_with("tests.rs")).collect();
    let mut lines: Vec<usize> =
        files.iter().map(|file| std::fs::read_to_string(file).expect("text").lines().count()).collect();
    lines.sort_unstable();
    assert!(lines.len() > 30, "only {} files found", lines.len());
    assert!(lines[lines.len() / 2] < 250, "{lines:?}");
}

#[test]
fn the_example_is_in_the_tests_and_in_no_release() {
    let lines = read("src/sources/mod.rs");
    for line in ["#[cfg(test)]\nmod klaxon;\n", "    #[cfg(test)]\n    klaxon::KIND,\n"] {
        assert!(lines.contains(line), "{line}");
    }
    assert_eq!(lines.matches("klaxon").count(), 2);
}
