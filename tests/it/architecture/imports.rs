//! Which file uses an item of which other file, with re-exports followed to the file that defines the item.
//!
//! `mod x;` is not an import, and neither is a `pub use` by itself: it passes a name on. A file that also
//! uses that name in its own code does import it. Test code does not count.

use std::collections::{BTreeMap, BTreeSet};

use super::names::{self, Module, NamedPath};
use super::source::SourceFile;

/// The name by which `src/main.rs` calls the library.
const LIBRARY: &str = "incident_bridge";

/// An item of the crate that a file names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Import {
    pub line: usize,
    /// From the crate's root, with the item's name at its end.
    pub path: Vec<String>,
    pub how: How,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum How {
    /// The path as the file writes it, resolved up to its start.
    Written,
    /// The path where the item is defined, or as written if that cannot be resolved; with the defining file
    /// as an index of [`Crate::files`]. A module as such has no file.
    Followed(Option<usize>),
}

impl Import {
    /// The defining file.
    pub fn file(&self) -> Option<usize> {
        match self.how {
            How::Written => None,
            How::Followed(file) => file,
        }
    }

    pub fn is_within(&self, module: &[&str]) -> bool {
        self.path.len() >= module.len() && self.path.iter().zip(module).all(|(one, other)| one == other)
    }
}

/// All files of the crate.
pub struct Crate<'a> {
    pub files: Vec<&'a SourceFile>,
    /// By path, with the index of the file.
    modules: BTreeMap<Vec<String>, (usize, Module)>,
}

/// What a path leads to.
enum Target {
    Module(Vec<String>),
    /// Defined in that module under that name.
    Item(Vec<String>, String),
}

type Seen = BTreeSet<(Vec<String>, String)>;

impl<'a> Crate<'a> {
    /// Test code among `files` is left out.
    pub fn read(files: &'a [SourceFile]) -> Self {
        let files: Vec<&SourceFile> = files.iter().filter(|file| !file.is_test_code()).collect();
        let mut modules = BTreeMap::new();
        for (index, file) in files.iter().enumerate() {
            let read = names::read_modules(file).into_iter();
            modules.extend(read.map(|module| (module.path.clone(), (index, module))));
        }
        let tests: Vec<Vec<String>> = modules
            .values()
            .flat_map(|(_, module)| module.tests.iter().map(|name| child(&module.path, name)))
            .collect();
        modules.retain(|path, _| !tests.iter().any(|test| path.starts_with(test)));
        Self { files, modules }
    }

    /// What the file with this index names of the crate, each once, sorted by line.
    pub fn list_imports(&self, file: usize) -> BTreeSet<Import> {
        let mut found = BTreeSet::new();
        for module in self.modules_of(file) {
            for import in &module.uses {
                found.extend(self.find(&module.path, &import.path, import.is_public));
            }
            found.extend(module.paths.iter().flat_map(|path| self.find(&module.path, path, false)));
        }
        found
    }

    /// Every path that the file with this index names, as written.
    pub fn list_paths(&self, file: usize) -> impl Iterator<Item = &NamedPath> {
        self.modules_of(file)
            .flat_map(|module| module.paths.iter().chain(module.uses.iter().map(|import| &import.path)))
    }

    /// Name and line of every method that the file with this index calls.
    pub fn list_calls(&self, file: usize) -> impl Iterator<Item = &(String, usize)> {
        self.modules_of(file).flat_map(|module| &module.calls)
    }

    fn modules_of(&self, file: usize) -> impl Iterator<Item = &Module> {
        self.modules.values().filter(move |(index, _)| *index == file).map(|(_, module)| module)
    }

    /// `passes_on`: only the path counts, not the file behind it.
    fn find(&self, here: &[String], path: &NamedPath, passes_on: bool) -> Vec<Import> {
        let line = path.line;
        let mut found: Vec<Import> = Vec::new();
        for target in self.resolve(here, &path.segments, &mut Seen::new()) {
            let (path, file) = match target {
                Target::Module(path) => (path, None),
                Target::Item(module, name) => {
                    let file = self.modules.get(&module).map(|(file, _)| *file).filter(|_| !passes_on);
                    (child(&module, &name), file)
                }
            };
            found.push(Import { line, path, how: How::Followed(file) });
        }
        if let Some(path) = absolute(here, &path.segments) {
            if found.is_empty() {
                found.push(Import { line, path: path.clone(), how: How::Followed(None) });
            }
            found.push(Import { line, path, how: How::Written });
        }
        found
    }

    fn resolve(&self, here: &[String], segments: &[String], seen: &mut Seen) -> Vec<Target> {
        let (start, rest) = start_of(here, segments);
        let mut targets = vec![Target::Module(start)];
        for name in rest {
            let mut next = Vec::new();
            for target in targets {
                match target {
                    Target::Module(module) => next.extend(self.look_up(&module, name, seen)),
                    // A variant or an associated item, which belongs to the file of its type.
                    item @ Target::Item(..) => next.push(item),
                }
            }
            targets = next;
        }
        targets
    }

    fn look_up(&self, module: &[String], name: &str, seen: &mut Seen) -> Vec<Target> {
        let mut found = Vec::new();
        if self.modules.contains_key(&child(module, name)) {
            found.push(Target::Module(child(module, name)));
        }
        let Some((_, content)) = self.modules.get(module) else { return found };
        if content.items.contains(name) {
            found.push(Target::Item(module.to_vec(), name.to_owned()));
        }
        // On a repeated lookup of the same name, only an item of the module itself can be meant.
        if !seen.insert((module.to_vec(), name.to_owned())) {
            return found;
        }
        for import in content.uses.iter().filter(|import| import.name.as_deref() == Some(name)) {
            found.extend(self.resolve(module, &import.path.segments, seen));
        }
        if found.is_empty() {
            for import in content.uses.iter().filter(|import| import.name.is_none()) {
                for target in self.resolve(module, &import.path.segments, seen) {
                    if let Target::Module(all) = target {
                        found.extend(self.look_up(&all, name, seen));
                    }
                }
            }
        }
        seen.remove(&(module.to_vec(), name.to_owned()));
        found
    }
}

fn child(module: &[String], name: &str) -> Vec<String> {
    [module, &[name.to_owned()]].concat()
}

/// The module in which the first name of the path is looked up, and the names that follow.
fn start_of<'a>(here: &[String], segments: &'a [String]) -> (Vec<String>, &'a [String]) {
    match segments.first().map(String::as_str) {
        Some("crate" | LIBRARY) => (Vec::new(), &segments[1..]),
        Some("self") => start_of(here, &segments[1..]),
        Some("super") => start_of(&here[..here.len().saturating_sub(1)], &segments[1..]),
        _ => (here.to_vec(), segments),
    }
}

/// The path from the crate's root, if it says by itself that it starts there.
fn absolute(here: &[String], segments: &[String]) -> Option<Vec<String>> {
    let is_anchored = matches!(segments.first()?.as_str(), "crate" | LIBRARY | "super");
    let (start, rest) = start_of(here, segments);
    is_anchored.then(|| [&start, rest].concat())
}
