//! Keeps the structure that `docs/ARCHITECTURE.md` describes: its tables are read here, not repeated.
//!
//! Must not know anything about what the modules do. Test code is free of the rules on imports, because tests
//! may look anywhere; the rules on style and size hold for every file.

mod checker;
mod circles;
pub mod document;
mod imports;
mod layers;
mod log_lines;
mod names;
mod sizes;
mod source;
mod style;
mod walls;

use std::path::Path;
use std::sync::LazyLock;

use document::Document;
use imports::Crate;
use layers::{Layers, Places};
use source::{Breach, SourceFile};
use walls::Rooms;

const FORBIDDEN_MACROS: [&str; 3] = ["todo", "unimplemented", "dbg"];
/// Lints are relaxed with `#[expect(…, reason)]`, and a test that cannot run is fixed or removed.
const FORBIDDEN_ATTRIBUTES: [&str; 2] = ["allow", "ignore"];

static SOURCES: LazyLock<Vec<SourceFile>> = LazyLock::new(|| source::read_folder(root(), "src"));
static CODE: LazyLock<Crate<'static>> = LazyLock::new(|| Crate::read(&SOURCES));
static DOCUMENT: LazyLock<Document> = LazyLock::new(|| Document::read(root(), "docs/ARCHITECTURE.md"));

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All Rust code of the repository.
fn read_everything() -> Vec<SourceFile> {
    let others = ["tests", "benches", "examples"].map(|folder| source::read_folder(root(), folder));
    [SOURCES.clone(), others.concat()].concat()
}

/// Fails with one line per breach.
fn expect_none(breaches: impl IntoIterator<Item = String>) {
    let breaches: Vec<String> = breaches.into_iter().collect();
    assert!(breaches.is_empty(), "\n{}", breaches.join("\n"));
}

/// Fails with the error in the document.
fn parsed<T>(table: Result<T, String>) -> T {
    table.unwrap_or_else(|fault| panic!("{fault}"))
}

/// What a rule finds in any file.
fn in_all_files(find: impl Fn(usize) -> Vec<Breach>) -> Vec<String> {
    assert!(CODE.files.len() > 50, "only {} files found", CODE.files.len());
    let at = |file: usize| move |(line, what): Breach| CODE.files[file].at(line, &what);
    (0..CODE.files.len()).flat_map(|file| find(file).into_iter().map(at(file))).collect()
}

fn find_style_breaches(file: &SourceFile) -> Vec<String> {
    let mut breaches = Vec::new();
    if !file.text.starts_with("//!") {
        breaches.push(file.at(1, "must start with a //! comment: why it exists and what it must not do"));
    }
    let style = style::read_style(file);
    let attributes =
        style.attributes.iter().filter(|(_, name)| FORBIDDEN_ATTRIBUTES.contains(&name.as_str()));
    breaches.extend(attributes.map(|(line, name)| file.at(*line, &format!("#[{name}] is forbidden"))));
    let macros = style.macros.iter().filter(|(_, name)| FORBIDDEN_MACROS.contains(&name.as_str()));
    breaches.extend(macros.map(|(line, name)| file.at(*line, &format!("{name}! is forbidden"))));
    breaches
}

#[test]
fn log_messages_are_fixed_and_their_fields_readable() {
    expect_none(SOURCES.iter().flat_map(log_lines::find_breaches));
}

#[test]
fn imports_point_down_the_layers() {
    let layers = parsed(Layers::parse(&DOCUMENT));
    expect_none(in_all_files(|file| layers.find_breaches(&CODE, file)));
}

#[test]
fn every_module_has_a_layer_and_every_layer_has_its_modules() {
    expect_none(parsed(Layers::parse(&DOCUMENT)).find_strays(&CODE, &DOCUMENT));
}

#[test]
fn crates_stay_where_they_belong() {
    let places = parsed(Places::parse(&DOCUMENT));
    expect_none(in_all_files(|file| places.find_breaches(&CODE, file)));
}

#[test]
fn walls_hold_where_the_layers_would_let_through() {
    expect_none(in_all_files(|file| walls::find_breaches(&CODE, file)));
}

#[test]
fn the_rooms_of_the_store_use_only_those_below() {
    let rooms = parsed(Rooms::parse(&DOCUMENT));
    let breaches = in_all_files(|file| rooms.find_breaches(&CODE, file));
    expect_none(rooms.find_missing(&CODE, &DOCUMENT).into_iter().chain(breaches));
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    expect_none(circles::describe_circles(&CODE));
}

#[test]
fn files_introduce_themselves_and_leave_nothing_for_later() {
    expect_none(read_everything().iter().flat_map(find_style_breaches));
}

#[test]
fn files_and_functions_are_short() {
    expect_none(read_everything().iter().flat_map(sizes::find_long_parts));
}

#[test]
fn most_files_are_shorter_still() {
    expect_none(sizes::find_bad_spread(&SOURCES));
}

#[test]
fn folders_stay_easy_to_survey() {
    let tools = sizes::list_tools(&SOURCES);
    assert!(tools.len() > 5, "only {tools:?} found in KINDS");
    let crowd = |folder: &&str| sizes::find_crowd(folder, &sizes::list_entries(root(), folder), &tools);
    expect_none(sizes::CROWDED.iter().filter_map(crowd));
}
