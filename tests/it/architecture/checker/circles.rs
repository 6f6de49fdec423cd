//! Circles between files, around facades and through every kind of import.

use super::super::circles::describe_circles;
use super::super::imports::Crate;
use super::super::source::SourceFile;

fn circles(files: &[(&str, &str)]) -> Vec<String> {
    let files: Vec<SourceFile> = files.iter().map(|(path, text)| SourceFile::new(path, text)).collect();
    describe_circles(&Crate::read(&files))
}

/// Whether a file `src/a.rs` with this text makes a circle with `src/b.rs`, which uses `A` of it.
fn closes(text: &str) -> bool {
    let text = format!("pub struct A;\n{text}");
    let b = "use crate::a::A; pub struct B; pub fn f() {} pub enum E { V } pub mod inner { pub struct C; }";
    let facade = "pub use crate::b::B as Renamed; pub use crate::b::*; pub use crate::b::inner;";
    let files =
        [("src/a.rs", text.as_str()), ("src/b.rs", b), ("src/facade/mod.rs", facade), ("src/lib.rs", "")];
    !circles(&files).is_empty()
}

#[test]
fn a_circle_is_told_with_its_files_and_the_first_line_of_every_import() {
    let found = circles(&[
        ("src/lib.rs", "mod one; mod two; mod three; mod four;"),
        ("src/one.rs", "use crate::two::Two;\npub struct One(Two);"),
        ("src/three.rs", "pub struct Three;\nimpl Three {\n    fn f() -> super::one::One { g() }\n}\n"),
        ("src/two.rs", "\n\npub struct Two(crate::three::Three);"),
        ("src/zero.rs", "use crate::one::One;"),
    ]);
    assert_eq!(
        found,
        ["3 files import each other: src/one.rs, src/three.rs, src/two.rs\n  \
          src/one.rs:1 -> src/two.rs\n  src/three.rs:3 -> src/one.rs\n  src/two.rs:3 -> src/three.rs"]
    );
}

#[test]
fn an_import_leads_to_the_file_that_defines_the_item() {
    for text in [
        "use crate::b::B;",
        "use crate::b::{self, E::V};",
        "use crate::b; fn g() { b::f() }",
        "use crate::b as other; fn g() { other::f() }",
        "fn g() { super::b::f() }",
        "impl crate::b::B {}",
        "use crate::b::inner::C;",
        "use crate::facade::Renamed;",
        "use crate::facade::B;",
        "use crate::facade::inner::C;",
        "use crate::facade; fn g() -> facade::Renamed { h() }",
        "use crate::facade::*; fn g() -> Renamed { h() }",
        "use crate::b::*; fn g() -> B { h() }",
        "use crate::{facade as x}; use x::Renamed;",
        "pub use crate::b::B; struct Uses(B);",
        "fn g() { use crate::b::f; f() }",
        "fn g() { println!(\"{}\", crate::b::f()) }",
        "mod inner { use super::super::b::B; }",
        "#[serde(with = \"crate::b::inner\", default = \"crate::b::f\")] struct S;",
    ] {
        assert!(closes(text), "{text}");
    }
}

#[test]
fn a_declaration_a_re_export_a_module_or_a_test_is_no_import() {
    for text in [
        "mod b;",
        "pub use crate::b::B;",
        "pub(crate) use crate::b::B as Other;",
        "use crate::b;",
        "use crate::facade::{self, inner};",
        "#[cfg(test)] mod tests { use crate::b::B; }",
        "#[cfg(test)] use crate::b::B;",
        "use std::b::B; use crate::b2::B;",
        "/// [`crate::b::B`]\nfn g() {}",
        "use crate::facade::*; fn g() -> Else { h() }",
    ] {
        assert!(!closes(text), "{text}");
    }
    let tests = "use crate::one::One; pub struct T;";
    assert_eq!(
        circles(&[("src/one.rs", "pub struct One(crate::tests::T);"), ("src/tests.rs", tests)]),
        [""; 0]
    );
}

#[test]
fn a_name_may_be_a_module_and_a_function_at_once() {
    let found = circles(&[
        ("src/lib.rs", "mod a;"),
        ("src/a/mod.rs", "mod status; pub use status::status;"),
        ("src/a/status.rs", "pub fn status() { crate::c::f() }"),
        ("src/c.rs", "pub fn f() { crate::a::status() }"),
    ]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("2 files import each other: src/a/status.rs, src/c.rs"), "{found:?}");
}

#[test]
fn re_exports_that_lead_nowhere_end() {
    let text = "pub use crate::two::X; pub use crate::two::*; struct S(X);";
    let other = "pub use crate::one::X; pub use crate::one::*; struct S(X);";
    assert_eq!(circles(&[("src/one.rs", text), ("src/two.rs", other)]), [""; 0]);
}
