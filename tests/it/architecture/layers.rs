//! Which module may use which, and where crates are allowed: from the tables to breaches in a file.
//!
//! Knows the form of the tables, not what they say.

use std::collections::{BTreeMap, BTreeSet};

use super::document::{Document, list_names};
use super::imports::Crate;
use super::names::NamedPath;
use super::source::{Breach, SourceFile, first_of_each};

const LAYERS: &str = "## Layers";
const CRATES: &str = "### Where crates are allowed";

/// By module at the top of the crate.
#[derive(Debug)]
pub struct Layers(BTreeMap<String, Rule>);

#[derive(Debug)]
struct Rule {
    /// Of the row in the document.
    line: usize,
    /// What the module may use besides itself.
    allowed: BTreeSet<String>,
}

/// Crates and modules of the standard library, each with the modules that may name it.
#[derive(Debug)]
pub struct Places(Vec<(String, Vec<String>)>);

impl Layers {
    /// # Errors
    /// With the line whose form differs from what `docs/ARCHITECTURE.md` explains.
    pub fn parse(document: &Document) -> Result<Self, String> {
        let mut rows: Vec<Vec<String>> = Vec::new();
        let mut rules = BTreeMap::new();
        for row in document.read_table(LAYERS, &["layer", "modules", "may use"])? {
            let fail = |what: String| document.at(row.line, &what);
            if row.cells[0] != rows.len().to_string() {
                return Err(fail(format!("layer {} must stand here", rows.len())));
            }
            let modules = list_names(&row.cells[1]);
            let mut clauses = row.cells[2].split(';').map(str::trim);
            let all = parse_targets(clauses.next().unwrap_or_default(), &rows).map_err(fail)?;
            for module in &modules {
                let rule = Rule { line: row.line, allowed: all.clone() };
                if rules.insert(module.clone(), rule).is_some() {
                    return Err(fail(format!("`{module}` has a layer already")));
                }
            }
            rows.push(modules);
            for clause in clauses {
                let (module, replaces, targets) = parse_exception(clause, &rows).map_err(fail)?;
                let rule = rules.get_mut(&module).ok_or_else(|| fail(format!("`{module}` is not here")))?;
                rule.allowed.retain(|_| !replaces);
                rule.allowed.extend(targets);
            }
        }
        Ok(Self(rules))
    }

    /// Modules without a row, and rows without a module.
    pub fn find_strays(&self, code: &Crate<'_>, document: &Document) -> Vec<String> {
        let top = |file: &SourceFile| file.module().into_iter().next();
        let rows = self
            .0
            .iter()
            .filter(|(name, _)| !code.files.iter().any(|file| top(file).as_ref() == Some(*name)));
        let rows = rows.map(|(name, rule)| document.at(rule.line, &format!("src has no module `{name}`")));
        let is_stray = |file: &SourceFile| top(file).is_some_and(|name| !self.0.contains_key(&name));
        let files = code.files.iter().filter(|file| is_stray(file));
        rows.chain(files.map(|file| file.at(1, &format!("its module has no row in {}", document.path))))
            .collect()
    }

    fn may_use(&self, user: &str, target: &str) -> bool {
        user == target || self.0.get(user).is_some_and(|rule| rule.allowed.contains(target))
    }

    pub fn find_breaches(&self, code: &Crate<'_>, file: usize) -> Vec<Breach> {
        let Some(user) = code.files[file].module().into_iter().next() else { return Vec::new() };
        let imports = code.list_imports(file).into_iter();
        let named = imports.filter_map(|import| Some((import.line, import.path.into_iter().next()?)));
        let breaches =
            named.filter(|(_, target)| self.0.contains_key(target) && !self.may_use(&user, target));
        first_of_each(
            breaches.map(|(line, target)| (line, format!("`{user}` must not use `crate::{target}`"))),
        )
    }
}

/// The modules that a text such as ``layers 0 to 2 and `connect` `` means; `rows` are the layers so far.
fn parse_targets(text: &str, rows: &[Vec<String>]) -> Result<BTreeSet<String>, String> {
    let mut targets = BTreeSet::new();
    let text = text.replace(',', " ");
    let mut words = text.split_whitespace().peekable();
    while let Some(word) = words.next() {
        if let Ok(first) = word.parse::<usize>() {
            let last =
                if words.next_if_eq(&"to").is_some() { words.next().unwrap_or_default() } else { word };
            let range = last.parse().ok().and_then(|last: usize| rows.get(first..=last));
            let layers =
                range.ok_or_else(|| format!("{word} to {last} are not layers above in the table"))?;
            targets.extend(layers.iter().flatten().cloned());
        } else if let [module] = list_names(word).as_slice() {
            let is_known = rows.iter().flatten().any(|known| known == module);
            targets.extend(is_known.then(|| module.clone()));
            if !is_known {
                return Err(format!("`{module}` does not stand here or above in the table"));
            }
        } else if !["nothing", "layer", "layers", "and"].contains(&word) {
            return Err(format!("{word:?} is not understood; write as in the other rows"));
        }
    }
    Ok(targets)
}

/// `` `module` also … `` or `` `module` only … ``: the module, whether it replaces the rule of its row, and
/// what it may use.
fn parse_exception(clause: &str, rows: &[Vec<String>]) -> Result<(String, bool, BTreeSet<String>), String> {
    let unclear = || format!("{clause:?} must be \"`module` also …\" or \"`module` only …\"");
    let (module, rest) =
        clause.strip_prefix('`').and_then(|rest| rest.split_once('`')).ok_or_else(unclear)?;
    let (word, targets) = rest.trim().split_once(' ').ok_or_else(unclear)?;
    match word {
        "also" | "only" => Ok((module.to_owned(), word == "only", parse_targets(targets, rows)?)),
        _ => Err(unclear()),
    }
}

impl Places {
    /// # Errors
    /// With the line whose form differs from what `docs/ARCHITECTURE.md` explains.
    pub fn parse(document: &Document) -> Result<Self, String> {
        let rows = document.read_table(CRATES, &["crate", "only in"])?.into_iter();
        let places =
            rows.map(|row| match (list_names(&row.cells[0]).as_slice(), list_names(&row.cells[1])) {
                ([name], modules) if !modules.is_empty() => Ok((name.clone(), modules)),
                _ => Err(document.at(row.line, "must name one crate and its modules in backquotes")),
            });
        Ok(Self(places.collect::<Result<_, _>>()?))
    }

    pub fn find_breaches(&self, code: &Crate<'_>, file: usize) -> Vec<Breach> {
        let here = code.files[file].module().join("::");
        let breach = |path: &NamedPath| {
            let named = path.segments.join("::");
            let (confined, modules) = self.0.iter().find(|(name, _)| is_within(&named, name))?;
            let is_at_home = modules.iter().any(|module| is_within(&here, module));
            (!is_at_home).then(|| (path.line, format!("only {} may use `{confined}`", modules.join(", "))))
        };
        let found: BTreeSet<Breach> = code.list_paths(file).filter_map(breach).collect();
        first_of_each(found.into_iter())
    }
}

/// `path` is `prefix` or lies within it.
fn is_within(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}
