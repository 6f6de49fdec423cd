//! The form of a file: its functions and their lengths, its attributes and macro calls.
//!
//! Must not know the limits. Reads tests like everything else. Macro bodies are searched token by token.

use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};
use syn::visit::{self, Visit};

use super::names::line_of;
use super::source::SourceFile;

#[derive(Debug, Default)]
pub struct Style {
    pub functions: Vec<Function>,
    /// Line and name: `#[allow(…)]` is `allow`.
    pub attributes: Vec<(usize, String)>,
    pub macros: Vec<(usize, String)>,
}

#[derive(Debug)]
pub struct Function {
    pub name: String,
    /// Of the word `fn`.
    pub line: usize,
    /// From the word `fn` to the closing brace.
    pub lines: usize,
}

pub fn read_style(file: &SourceFile) -> Style {
    let mut style = Style::default();
    style.visit_file(&file.syntax());
    style
}

impl Style {
    fn add_function(&mut self, name: &Ident, start: proc_macro2::Span, end: proc_macro2::Span) {
        let line = line_of(start);
        self.functions.push(Function { name: name.to_string(), line, lines: line_of(end) + 1 - line });
    }

    fn search_tokens(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        for (at, token) in tokens.iter().enumerate() {
            match (token, &tokens[at + 1..]) {
                (TokenTree::Group(group), _) => self.search_tokens(group.stream()),
                (TokenTree::Ident(word), [TokenTree::Ident(name), rest @ ..]) if *word == "fn" => {
                    if let Some(body) = rest.iter().find_map(braces) {
                        self.add_function(name, word.span(), body.span_close());
                    }
                }
                (TokenTree::Ident(name), [mark, TokenTree::Group(_), ..]) if is_mark(mark, '!') => {
                    self.macros.push((line_of(name.span()), name.to_string()));
                }
                (mark, rest) if is_mark(mark, '#') => {
                    self.attributes.extend(attribute_name(rest).map(|name| (line_of(mark.span()), name)));
                }
                _ => {}
            }
        }
    }
}

impl<'ast> Visit<'ast> for Style {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        let end = function.block.brace_token.span.close();
        self.add_function(&function.sig.ident, function.sig.fn_token.span, end);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        let end = function.block.brace_token.span.close();
        self.add_function(&function.sig.ident, function.sig.fn_token.span, end);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
        if let Some(block) = &function.default {
            let end = block.brace_token.span.close();
            self.add_function(&function.sig.ident, function.sig.fn_token.span, end);
        }
        visit::visit_trait_item_fn(self, function);
    }

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        if let Some(first) = attribute.path().segments.first() {
            self.attributes.push((line_of(first.ident.span()), first.ident.to_string()));
        }
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        if let Some(last) = call.path.segments.last() {
            self.macros.push((line_of(last.ident.span()), last.ident.to_string()));
        }
        self.search_tokens(call.tokens.clone());
    }
}

fn braces(token: &TokenTree) -> Option<&proc_macro2::Group> {
    match token {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => Some(group),
        _ => None,
    }
}

fn is_mark(token: &TokenTree, mark: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == mark)
}

/// `behind` follows a `#`.
fn attribute_name(behind: &[TokenTree]) -> Option<String> {
    let is_inner = is_mark(behind.first()?, '!');
    match behind.get(usize::from(is_inner))? {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Bracket => {
            group.stream().into_iter().next().map(|name| name.to_string())
        }
        _ => None,
    }
}
