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

#[test]
fn the_example_is_in_the_tests_and_in_no_release() {
    let lines = read("src/sources/mod.rs");
    for line in ["#[cfg(test)]\nmod klaxon;\n", "    #[cfg(test)]\n    klaxon::KIND,\n"] {
        assert!(lines.contains(line), "{line}");
    }
    assert_eq!(lines.matches("klaxon").count(), 2);
}
