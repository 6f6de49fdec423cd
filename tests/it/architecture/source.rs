//! Rust files as texts with their paths in the repository.
//!
//! Must not know what the text means: that is for `names` and `style`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// One `.rs` file.
#[derive(Clone)]
pub struct SourceFile {
    /// From the repository's root, with `/`.
    pub path: String,
    pub text: String,
}

impl SourceFile {
    pub fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }

    pub fn syntax(&self) -> syn::File {
        syn::parse_file(&self.text).unwrap_or_else(|fault| {
            panic!("{}", self.at(fault.span().start().line, &format!("not Rust: {fault}")))
        })
    }

    /// Its place in the crate: `["cli", "doctor"]` for `src/cli/doctor.rs`, nothing for `src/lib.rs`.
    pub fn module(&self) -> Vec<String> {
        let inner = self.path.trim_start_matches("src/").trim_end_matches(".rs");
        inner.split('/').filter(|part| !["mod", "lib"].contains(part)).map(str::to_owned).collect()
    }

    /// Unit tests in a file beside the one they test.
    pub fn is_test_code(&self) -> bool {
        self.path.ends_with("_tests.rs") || self.path.ends_with("/tests.rs") || self.path.contains("/tests/")
    }

    pub fn lines(&self) -> usize {
        self.text.lines().count()
    }

    pub fn at(&self, line: usize, what: &str) -> String {
        format!("{}:{line}: {what}", self.path)
    }
}

/// Something forbidden: its line, and what is wrong there.
pub type Breach = (usize, String);

/// Each breach once, at its first line; `found` comes in the order of lines.
pub fn first_of_each(found: impl Iterator<Item = Breach>) -> Vec<Breach> {
    let mut known = BTreeSet::new();
    found.filter(|(_, what)| known.insert(what.clone())).collect()
}

/// Every `.rs` file below `folder` of the repository at `root`, sorted by path.
pub fn read_folder(root: &Path, folder: &str) -> Vec<SourceFile> {
    let mut files = Vec::new();
    let mut folders = vec![root.join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the folder is readable") {
            let path = entry.expect("the folder is readable").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("the file is readable");
                let inside = path.strip_prefix(root).expect("below the root").to_string_lossy();
                files.push(SourceFile::new(&inside.replace('\\', "/"), &text));
            }
        }
    }
    files.sort_by(|one, other| one.path.cmp(&other.path));
    files
}
