//! Which names a file declares, imports, uses and calls, outside its tests.
//!
//! Reads one file at a time and resolves nothing: that needs all of them (`imports`). Macro bodies and the
//! arguments of attributes are not parsed by `syn`; they are searched token by token for paths.

use std::collections::BTreeSet;
use std::mem;

use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Item, Meta, UseTree, Visibility};

use super::source::SourceFile;

/// The names in one module; an inline `mod x { … }` is a module of its own.
#[derive(Debug, Default)]
pub struct Module {
    /// From the crate's root: `["cli", "doctor"]`.
    pub path: Vec<String>,
    /// Names of the functions, types, constants and macros that it defines itself.
    pub items: BTreeSet<String>,
    pub uses: Vec<Use>,
    pub paths: Vec<NamedPath>,
    /// Names of the methods that it calls, each with its line.
    pub calls: Vec<(String, usize)>,
    /// Modules declared under `#[cfg(test)]`.
    pub tests: Vec<String>,
}

/// One leaf of a `use` tree.
#[derive(Debug)]
pub struct Use {
    pub path: NamedPath,
    /// The name it has here, `None` for `*`.
    pub name: Option<String>,
    /// `pub use` and its narrower forms.
    pub is_public: bool,
}

#[derive(Debug, Clone)]
pub struct NamedPath {
    pub segments: Vec<String>,
    pub line: usize,
}

/// The modules of a file, the file's own first.
pub fn read_modules(file: &SourceFile) -> Vec<Module> {
    let mut reader = Reader::default();
    reader.read_module(file.module(), &file.syntax().items);
    reader.done.reverse();
    reader.done
}

#[derive(Default)]
struct Reader {
    current: Module,
    done: Vec<Module>,
}

impl Reader {
    fn read_module(&mut self, path: Vec<String>, items: &[Item]) {
        let outer = mem::replace(&mut self.current, Module { path, ..Module::default() });
        for item in items {
            self.current.items.extend(defined_name(item));
            self.visit_item(item);
        }
        self.done.push(mem::replace(&mut self.current, outer));
    }

    fn read_use(&mut self, tree: &UseTree, before: &[String], is_public: bool) {
        match tree {
            UseTree::Path(inner) => {
                self.read_use(&inner.tree, &join(before, &inner.ident), is_public);
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.read_use(tree, before, is_public);
                }
            }
            UseTree::Glob(glob) => {
                let path = NamedPath { segments: before.to_vec(), line: line_of(glob.star_token.spans[0]) };
                self.current.uses.push(Use { path, name: None, is_public });
            }
            UseTree::Name(leaf) => self.read_leaf(&leaf.ident, before, None, is_public),
            UseTree::Rename(leaf) => self.read_leaf(&leaf.ident, before, Some(&leaf.rename), is_public),
        }
    }

    fn read_leaf(&mut self, leaf: &Ident, before: &[String], rename: Option<&Ident>, is_public: bool) {
        let segments = if *leaf == "self" { before.to_vec() } else { join(before, leaf) };
        let name = rename.map(ToString::to_string).or_else(|| segments.last().cloned());
        let path = NamedPath { segments, line: line_of(leaf.span()) };
        self.current.uses.push(Use { path, name, is_public });
    }

    fn search_tokens(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            at += 1;
            match token {
                TokenTree::Ident(first) if !follows_a_dot(&tokens[..at - 1]) => {
                    let (path, behind) = read_path(&tokens, at, first);
                    self.current.paths.push(path);
                    at = behind;
                }
                TokenTree::Ident(name) if is_call(&tokens[at..]) => {
                    self.current.calls.push((name.to_string(), line_of(name.span())));
                }
                TokenTree::Group(group) => self.search_tokens(group.stream()),
                _ => {}
            }
        }
    }

    /// `serde` takes paths in quotation marks.
    fn search_texts(&mut self, tokens: TokenStream) {
        let texts = tokens.into_iter().filter_map(|token| syn::parse2::<syn::LitStr>(token.into()).ok());
        for path in texts.filter_map(|text| text.parse::<syn::Path>().ok()) {
            self.add_path(&path);
        }
    }

    fn add_path(&mut self, path: &syn::Path) {
        if let Some(first) = path.segments.first() {
            let segments = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            self.current.paths.push(NamedPath { segments, line: line_of(first.ident.span()) });
        }
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_for_tests(attributes(item)) {
            visit::visit_item(self, item);
        } else if let Item::Mod(module) = item {
            self.current.tests.push(module.ident.to_string());
        }
    }

    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if let Some((_, items)) = &module.content {
            let path = join(&self.current.path, &module.ident);
            self.read_module(path, items);
        }
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        if !is_for_tests(&function.attrs) {
            visit::visit_impl_item_fn(self, function);
        }
    }

    fn visit_item_use(&mut self, import: &'ast syn::ItemUse) {
        self.read_use(&import.tree, &[], !matches!(import.vis, Visibility::Inherited));
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        self.current.calls.push((call.method.to_string(), line_of(call.method.span())));
        visit::visit_expr_method_call(self, call);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.add_path(path);
        visit::visit_path(self, path);
    }

    /// `pub(super)` names a module without using it.
    fn visit_visibility(&mut self, _: &'ast Visibility) {}

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.visit_path(&call.path);
        self.search_tokens(call.tokens.clone());
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        visit::visit_attribute(self, attribute);
        if let Meta::List(list) = &attribute.meta {
            self.search_tokens(list.tokens.clone());
            if list.path.is_ident("serde") {
                self.search_texts(list.tokens.clone());
            }
        }
    }
}

/// Reads the path that starts with `first` and goes on at `at`; also returns the position after it.
fn read_path(tokens: &[TokenTree], mut at: usize, first: &Ident) -> (NamedPath, usize) {
    let mut segments = vec![first.to_string()];
    while let [TokenTree::Punct(one), TokenTree::Punct(two), TokenTree::Ident(next), ..] = &tokens[at..]
        && one.as_char() == ':'
        && two.as_char() == ':'
    {
        segments.push(next.to_string());
        at += 3;
    }
    (NamedPath { segments, line: line_of(first.span()) }, at)
}

/// A name after a dot is a method or a field, but after `..` it may be anything.
fn follows_a_dot(before: &[TokenTree]) -> bool {
    let is_dot = |token: &TokenTree| matches!(token, TokenTree::Punct(mark) if mark.as_char() == '.');
    match before {
        [.., other, last] => is_dot(last) && !is_dot(other),
        [last] => is_dot(last),
        [] => false,
    }
}

/// Whether arguments follow.
fn is_call(behind: &[TokenTree]) -> bool {
    matches!(behind, [TokenTree::Group(group), ..] if group.delimiter() == Delimiter::Parenthesis)
}

fn join(before: &[String], last: &Ident) -> Vec<String> {
    [before, &[last.to_string()]].concat()
}

pub fn line_of(span: proc_macro2::Span) -> usize {
    span.start().line
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) => list.path.is_ident("cfg") && list.tokens.to_string() == "test",
        _ => false,
    })
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn defined_name(item: &Item) -> Option<String> {
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        _ => return None,
    };
    Some(name.to_string())
}
