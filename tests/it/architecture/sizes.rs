//! How long files and functions are, and how many entries a folder has.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use syn::visit::Visit;

use super::source::SourceFile;
use super::style;

pub const LONGEST_FILE: usize = 400;
pub const LONGEST_FUNCTION: usize = 60;
/// Lines that half of the files of `src` may have at most, tests apart.
pub const MEDIAN_FILE: usize = 130;
/// Lines that nine tenths of them may have at most.
pub const LONG_FILE: usize = 270;
/// Files and folders in one of [`CROWDED`], the folders of tools apart.
pub const MOST_ENTRIES: usize = 12;
/// Folders of a layer that grow with every feature.
pub const CROWDED: [&str; 3] = ["src/sync", "src/store", "src/sources"];

pub fn find_long_parts(file: &SourceFile) -> Vec<String> {
    let mut breaches = Vec::new();
    if file.lines() > LONGEST_FILE {
        breaches.push(file.at(file.lines(), &format!("is longer than {LONGEST_FILE} lines")));
    }
    let functions = style::read_style(file).functions.into_iter();
    breaches.extend(functions.filter(|function| function.lines > LONGEST_FUNCTION).map(|function| {
        let what = format!("`{}` has {} lines, at most {LONGEST_FUNCTION}", function.name, function.lines);
        file.at(function.line, &what)
    }));
    breaches
}

/// Whether half of the files are short and nine tenths are not long. Tests among `files` do not count.
pub fn find_bad_spread(files: &[SourceFile]) -> Vec<String> {
    let mut files: Vec<&SourceFile> = files.iter().filter(|file| !file.is_test_code()).collect();
    files.sort_by_key(|file| file.lines());
    let mut breaches = Vec::new();
    for (percent, most) in [(50, MEDIAN_FILE), (90, LONG_FILE)] {
        let place = (files.len() * percent).div_ceil(100).saturating_sub(1);
        if files.get(place).is_some_and(|file| file.lines() > most) {
            let is_too_long = |file: &&&SourceFile| file.lines() > most;
            let share = format!("must shrink: {percent} % of the files must have at most {most} lines");
            breaches
                .extend(files[..=place].iter().filter(is_too_long).map(|file| file.at(file.lines(), &share)));
        }
    }
    breaches
}

/// The name of each entry of a folder of the repository.
pub fn list_entries(root: &Path, folder: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(root.join(folder)).unwrap_or_else(|fault| panic!("{folder}: {fault}"));
    let name = |entry: std::io::Result<fs::DirEntry>| entry.expect("the folder is readable").file_name();
    entries.map(|entry| name(entry).to_string_lossy().into_owned()).collect()
}

/// `tools` are folders that may be many.
pub fn find_crowd(folder: &str, entries: &BTreeSet<String>, tools: &BTreeSet<String>) -> Option<String> {
    let counted: Vec<&str> = entries.difference(tools).map(String::as_str).collect();
    (counted.len() > MOST_ENTRIES).then(|| {
        format!("{folder}: {} entries, at most {MOST_ENTRIES}: {}", counted.len(), counted.join(", "))
    })
}

/// The folders of tools: `x` for each `x::KIND` in the list `KINDS` of `files`.
pub fn list_tools(files: &[SourceFile]) -> BTreeSet<String> {
    let sources = files.iter().filter(|file| file.path.starts_with("src/sources/") && !file.is_test_code());
    let items = sources.flat_map(|file| file.syntax().items);
    let mut kinds = Kinds::default();
    for item in items {
        match item {
            syn::Item::Const(list) if list.ident == "KINDS" => kinds.visit_item_const(&list),
            syn::Item::Static(list) if list.ident == "KINDS" => kinds.visit_item_static(&list),
            _ => {}
        }
    }
    kinds.0
}

#[derive(Default)]
struct Kinds(BTreeSet<String>);

impl<'ast> Visit<'ast> for Kinds {
    fn visit_path(&mut self, path: &'ast syn::Path) {
        let mut names = path.segments.iter().rev().map(|segment| segment.ident.to_string());
        if names.next().is_some_and(|last| last == "KIND") {
            self.0.extend(names.next());
        }
    }
}
