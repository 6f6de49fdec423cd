//! Tests of the checker: small files in which it must, or must not, find a breach.

mod circles;
mod layers;
mod shape;
mod walls;

use super::imports::Crate;
use super::source::{Breach, SourceFile};

/// Runs a rule on every file of a crate made of these files.
fn check(files: &[(&str, &str)], find: impl Fn(&Crate<'_>, usize) -> Vec<Breach>) -> Vec<String> {
    let files: Vec<SourceFile> = files.iter().map(|(path, text)| SourceFile::new(path, text)).collect();
    let code = Crate::read(&files);
    let all = (0..code.files.len())
        .flat_map(|file| find(&code, file).into_iter().map(move |breach| (file, breach)));
    all.map(|(file, (line, what))| code.files[file].at(line, &what)).collect()
}
