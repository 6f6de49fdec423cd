//! The worked example of `docs/ADDING-A-SOURCE.md` is the code that the tests compile, to the letter.

use std::path::{Path, PathBuf};

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
        "src/sources/tests/klaxon/mod.rs",
        "src/sources/tests/klaxon/tests.rs",
        "tests/fixtures/providers/klaxon/webhook-firing.json",
        "tests/fixtures/providers/klaxon/cases.json",
    ] {
        assert_eq!(shown(&page, file), read(file), "{file}");
    }
}

/// Every file below `folder`, tests apart.
fn list_code(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let entries = entries.map(|entry| entry.expect("readable").path());
    let code =
        entries.filter(|path| !path.ends_with("tests") && !path.to_string_lossy().ends_with("tests.rs"));
    code.flat_map(|path| if path.is_dir() { list_code(&path) } else { vec![path] }).collect()
}

fn read_file(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap_or_else(|fault| panic!("{}: {fault}", file.display()))
}

/// "About an hour" is true only while the existing sources are short.
#[test]
fn half_of_all_files_of_sources_have_fewer_than_200_lines_and_none_has_more_than_400() {
    let files = list_code(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sources"));
    let mut lines: Vec<usize> = files.iter().map(|file| read_file(file).lines().count()).collect();
    lines.sort_unstable();
    assert!(lines.len() > 60, "only {} files found", lines.len());
    assert!(lines[lines.len() / 2] < 200 && lines[lines.len() - 1] <= 400, "{lines:?}");
}

#[test]
fn the_example_is_in_the_tests_and_in_no_release() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for file in list_code(&root.join("src")) {
        assert!(!read_file(&file).to_lowercase().contains("klaxon"), "{}", file.display());
    }
    assert!(!root.join("docs/sources/klaxon.md").exists(), "the operator's pages are of real tools");
    assert!(
        !read("src/sources/mod.rs").contains("#[cfg(test)]\n    "),
        "the table of types is the same in tests"
    );
}
