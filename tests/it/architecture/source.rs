//! Reads Rust files as far as the architecture's rules need: which paths, attributes and macros they name.
//!
//! Works on tokens, so comments and texts are out of the way and macro bodies are in it. Knows no rule.

use std::fs;
use std::path::Path;

use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};

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

    pub fn tokens(&self) -> TokenStream {
        self.text.parse().unwrap_or_else(|fault| panic!("{}: {fault}", self.path))
    }

    /// Its place in the crate: `["cli", "doctor"]` for `src/cli/doctor.rs`, nothing for `src/lib.rs`.
    pub fn module(&self) -> Vec<String> {
        let inner = self.path.trim_start_matches("src/").trim_end_matches(".rs");
        inner.split('/').filter(|part| !["mod", "lib"].contains(part)).map(str::to_owned).collect()
    }

    /// Unit tests that moved beside their file.
    pub fn is_test_code(&self) -> bool {
        self.path.ends_with("_tests.rs") || self.path.ends_with("/tests.rs") || self.path.contains("/tests/")
    }

    pub fn at(&self, line: usize, what: &str) -> String {
        format!("{}:{line}: {what}", self.path)
    }
}

/// Every `.rs` file below `folder` of the repository.
pub fn read_folder(folder: &str) -> Vec<SourceFile> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
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
    files
}

/// A path that the code names, with a `use` group spelled out: `use a::{b, c}` is two of them.
#[derive(Debug)]
pub struct PathUse {
    segments: Vec<String>,
    pub line: usize,
}

impl PathUse {
    pub fn text(&self) -> String {
        self.segments.join("::")
    }

    /// The module directly below the crate's root that the path enters, seen from the module `here`.
    pub fn top_module<'a>(&'a self, here: &'a [String]) -> Option<&'a str> {
        let supers = self.segments.iter().take_while(|segment| *segment == "super").count();
        let (depth, rest) = match self.segments.first()?.as_str() {
            "crate" => (0, &self.segments[1..]),
            "super" => (here.len().saturating_sub(supers), &self.segments[supers..]),
            _ => return None,
        };
        here[..depth].first().or(rest.first()).map(String::as_str)
    }
}

/// The paths of two segments or more, and those of a `use` of any length, outside `#[cfg(test)] mod`.
pub fn list_paths(tokens: TokenStream) -> Vec<PathUse> {
    let mut found = Vec::new();
    collect_paths(tokens, &[], false, &mut found);
    found
}

/// `prefix` stands before each path of a `use` group.
fn collect_paths(tokens: TokenStream, prefix: &[String], mut in_use: bool, found: &mut Vec<PathUse>) {
    let tokens = without_test_modules(tokens);
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        at += 1;
        match token {
            TokenTree::Ident(word) if *word == "use" => in_use = true,
            TokenTree::Ident(first) => at = read_path(&tokens, at, first, prefix, in_use, found),
            TokenTree::Group(group) => collect_paths(group.stream(), prefix, in_use, found),
            TokenTree::Punct(mark) => in_use = in_use && mark.as_char() != ';',
            TokenTree::Literal(_) => {}
        }
    }
}

/// Reads the path that starts with `first` and goes on at `at`; returns the position behind it.
fn read_path(
    tokens: &[TokenTree],
    mut at: usize,
    first: &Ident,
    prefix: &[String],
    in_use: bool,
    found: &mut Vec<PathUse>,
) -> usize {
    let line = first.span().start().line;
    let mut segments = [prefix, &[first.to_string()]].concat();
    while is_punct(tokens.get(at), ':') && is_punct(tokens.get(at + 1), ':') {
        match tokens.get(at + 2) {
            Some(TokenTree::Ident(next)) => segments.push(next.to_string()),
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                collect_paths(group.stream(), &segments, true, found);
                return at + 3;
            }
            _ => break,
        }
        at += 3;
    }
    if in_use || segments.len() > 1 {
        found.push(PathUse { segments, line });
    }
    at
}

fn is_punct(token: Option<&TokenTree>, mark: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == mark)
}

fn is_word(token: Option<&TokenTree>, word: &str) -> bool {
    matches!(token, Some(TokenTree::Ident(ident)) if *ident == word)
}

/// Drops each `#[cfg(test)] mod …`, whose other attributes may stand between. Any other item under
/// `#[cfg(test)]` stays.
fn without_test_modules(tokens: TokenStream) -> Vec<TokenTree> {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let mut item = at;
        let mut is_test = false;
        while let Some(attribute) = attribute_at(&tokens, item) {
            is_test |= attribute.to_string().replace(' ', "") == "cfg(test)";
            item += 2;
        }
        if is_test && is_word(tokens.get(item), "mod") {
            // `mod`, its name, and `;` or the body.
            at = item + 3;
        } else {
            kept.push(tokens[at].clone());
            at += 1;
        }
    }
    kept
}

/// What stands between the brackets of the outer attribute at `at`.
fn attribute_at(tokens: &[TokenTree], at: usize) -> Option<TokenStream> {
    match tokens.get(at + 1) {
        Some(TokenTree::Group(group))
            if is_punct(tokens.get(at), '#') && group.delimiter() == Delimiter::Bracket =>
        {
            Some(group.stream())
        }
        _ => None,
    }
}

/// Line and name of every attribute, `#[name…]` or `#![name…]`.
pub fn list_attributes(tokens: TokenStream) -> Vec<(usize, String)> {
    list_where(tokens, &|before, token, _| match token {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Bracket => {
            let marked = match before {
                [.., hash, bang] if is_punct(Some(bang), '!') => is_punct(Some(hash), '#'),
                [.., hash] => is_punct(Some(hash), '#'),
                [] => false,
            };
            group.stream().into_iter().next().filter(|_| marked).map(|name| name.to_string())
        }
        _ => None,
    })
}

/// Line and name of every macro call, `name!`.
pub fn list_macros(tokens: TokenStream) -> Vec<(usize, String)> {
    list_where(tokens, &|_, token, after| match (token, after) {
        (TokenTree::Ident(name), [bang, TokenTree::Group(_), ..]) if is_punct(Some(bang), '!') => {
            Some(name.to_string())
        }
        _ => None,
    })
}

/// Chooses tokens by what stands before and after them in the same group.
type Choose = dyn Fn(&[TokenTree], &TokenTree, &[TokenTree]) -> Option<String>;

fn list_where(tokens: TokenStream, choose: &Choose) -> Vec<(usize, String)> {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let line = token.span().start().line;
        found.extend(choose(&tokens[..at], token, &tokens[at + 1..]).map(|name| (line, name)));
        if let TokenTree::Group(group) = token {
            found.extend(list_where(group.stream(), choose));
        }
    }
    found
}
