//! The form of log lines: a fixed message, and everything else in fields that are shown as people write them.
//!
//! Must not know what is logged. Reads macro calls token by token.

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};

use super::names::line_of;
use super::source::SourceFile;

const LEVELS: [&str; 5] = ["trace", "debug", "info", "warn", "error"];

/// Calls whose message has a value in it, or whose field is written as Rust's debug output.
pub fn find_breaches(file: &SourceFile) -> Vec<String> {
    let mut calls = Calls::default();
    calls.visit_file(&file.syntax());
    calls.0.iter().map(|(line, what)| file.at(*line, what)).collect()
}

#[derive(Default)]
struct Calls(Vec<(usize, &'static str)>);

impl<'ast> Visit<'ast> for Calls {
    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        let names: Vec<String> = call.path.segments.iter().map(|part| part.ident.to_string()).collect();
        if let [first, level] = names.as_slice()
            && first == "tracing"
            && LEVELS.contains(&level.as_str())
        {
            self.check(call.tokens.clone());
        }
        visit::visit_macro(self, call);
    }
}

impl Calls {
    fn check(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        for (at, token) in tokens.iter().enumerate() {
            let starts_value = at == 0 || is_mark(&tokens[at - 1], ',') || is_mark(&tokens[at - 1], '=');
            if starts_value && is_mark(token, '?') {
                self.0.push((line_of(token.span()), "a field in a log line must not be debug output (`?`)"));
            }
            // A field's value may be a text with braces; the message is the last one of the call.
            let is_message = at == 0 || is_mark(&tokens[at - 1], ',');
            if let TokenTree::Literal(text) = token
                && is_message
                && text.to_string().contains('{')
            {
                self.0
                    .push((line_of(token.span()), "a log message must be fixed: put the value into a field"));
            }
        }
    }
}

fn is_mark(token: &TokenTree, mark: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == mark)
}

#[test]
fn a_value_in_a_message_and_debug_output_are_found() {
    let breaches = |line: &str| {
        let text = format!("//! x\n\nfn f() {{\n    {line}\n}}\n");
        find_breaches(&SourceFile::new("src/x.rs", &text)).len()
    };
    for line in ["tracing::warn!(\"no {x}\");", "tracing::info!(%site, \"no {}\", x);"] {
        assert_eq!(breaches(line), 1, "{line}");
    }
    for line in
        ["tracing::warn!(?x, \"no\");", "tracing::error!(a = ?x, \"no\");", "tracing::debug!(b, ?x, \"no\");"]
    {
        assert_eq!(breaches(line), 1, "{line}");
    }
    for line in ["tracing::warn!(%x, a = f()?, \"fixed\");", "tracing::info!(x = format!(\"{y}\"), FIXED);"] {
        assert_eq!(breaches(line), 0, "{line}");
    }
}
