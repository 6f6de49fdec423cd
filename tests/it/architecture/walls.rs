//! Walls that the layers do not show: what only a facade may name, halves that do not know each other, who
//! must call use cases instead of the store, and the order of the store's rooms.
//!
//! The order of the rooms is in `docs/ARCHITECTURE.md`; the other walls are here.

use std::collections::BTreeSet;

use super::document::{Document, list_names};
use super::imports::{Crate, How, Import};
use super::source::{Breach, SourceFile, first_of_each};

/// One concrete destination: the facade lists it in its table, and the composition root builds it.
const DESTINATION: [&str; 2] = ["destinations", "operations"];
/// The halves of the engine.
const HALVES: [[&str; 2]; 2] = [["sync", "inbound"], ["sync", "outbound"]];
/// They speak with people and with Jira, and leave the store to the use cases of `sync`.
const FRONTS: [&str; 2] = ["web", "cli"];
/// Names the module, and the method by which an engine hands the store out.
const STORE: &str = "store";
/// What a room of the store may use of the rest of the crate.
const OUTSIDE: [&[&str]; 2] = [&["domain"], &["clock"]];
const ROOMS: &str = "### The rooms of the store";

/// The rooms of the store from the bottom up, those of a row side by side.
#[derive(Debug)]
pub struct Rooms(Vec<RoomRow>);

#[derive(Debug)]
struct RoomRow {
    /// In the document.
    line: usize,
    rooms: Vec<String>,
}

impl Rooms {
    /// # Errors
    /// With the line whose form differs from what `docs/ARCHITECTURE.md` explains.
    pub fn parse(document: &Document) -> Result<Self, String> {
        let rows = document.read_table(ROOMS, &["rooms", "keep"])?.into_iter();
        let rows = rows.map(|row| match list_names(&row.cells[0]) {
            rooms if rooms.is_empty() => Err(document.at(row.line, "must name its rooms in backquotes")),
            rooms => Ok(RoomRow { line: row.line, rooms }),
        });
        Ok(Self(rows.collect::<Result<_, _>>()?))
    }

    /// Rooms of the table that the store does not have.
    pub fn find_missing(&self, code: &Crate<'_>, document: &Document) -> Vec<String> {
        let exists = |room: &str| code.files.iter().any(|file| lies_within(file, &["store", room]));
        let all = self.0.iter().flat_map(|row| row.rooms.iter().map(|room| (row.line, room)));
        let missing = all.filter(|(_, room)| !exists(room));
        missing.map(|(line, room)| document.at(line, &format!("src/store has no room `{room}`"))).collect()
    }

    pub fn find_breaches(&self, code: &Crate<'_>, file: usize) -> Vec<Breach> {
        let module = code.files[file].module();
        let [store, name, ..] = module.as_slice() else { return Vec::new() };
        let own = self.0.iter().position(|row| store == "store" && row.rooms.contains(name));
        let Some(own) = own else { return Vec::new() };
        let is_open = |import: &Import| {
            let mut rooms = self.0[..=own].iter().flat_map(|row| &row.rooms);
            OUTSIDE.iter().any(|outside| import.is_within(outside))
                || rooms.any(|room| import.is_within(&["store", room]))
        };
        let what =
            |import: &Import| format!("the room `{name}` must not use `crate::{}`", import.path.join("::"));
        let imports = code.list_imports(file).into_iter().filter(|import| import.how != How::Written);
        let breaches = imports.filter(|import| !import.path.is_empty() && !is_open(import));
        first_of_each(breaches.map(|import| (import.line, what(&import))))
    }
}

/// Names of the destination outside its facade and `app`, of one half of the engine in the other, and of the
/// store in `web` and `cli`.
pub fn find_breaches(code: &Crate<'_>, file: usize) -> Vec<Breach> {
    let source = code.files[file];
    let breach = |import: &Import| {
        if import.is_within(&DESTINATION) && !may_name_the_destination(source) {
            let path = DESTINATION.join("::");
            return Some(format!("only destinations/mod.rs and `app` may use `crate::{path}`"));
        }
        let [one, other] = HALVES;
        let halves = [(one, other), (other, one)];
        let (own, other) =
            halves.into_iter().find(|(own, other)| lies_within(source, own) && import.is_within(other))?;
        Some(format!("`{}` must not use `crate::{}`", own.join("::"), other.join("::")))
    };
    let imports = code.list_imports(file).into_iter();
    let imports = imports.filter_map(|import| Some((import.line, breach(&import)?)));
    first_of_each(imports.chain(find_ways_to_the_store(code, file)))
}

/// A type of the store that `sync` passes on is part of a use case; only what is written counts.
fn find_ways_to_the_store(code: &Crate<'_>, file: usize) -> Vec<Breach> {
    let module = code.files[file].module();
    let Some(front) = module.first().filter(|name| FRONTS.contains(&name.as_str())) else {
        return Vec::new();
    };
    let imports = code.list_imports(file).into_iter();
    let named = imports.filter(|import| import.how == How::Written && import.is_within(&[STORE]));
    let called = code.list_calls(file).filter(|(name, _)| name == STORE).map(|(_, line)| *line);
    let lines: BTreeSet<usize> = named.map(|import| import.line).chain(called).collect();
    let what = format!("`{front}` must not use the store; call a use case of `sync`");
    lines.into_iter().map(|line| (line, what.clone())).collect()
}

fn may_name_the_destination(source: &SourceFile) -> bool {
    source.module() == ["destinations"] || lies_within(source, &["app"]) || lies_within(source, &DESTINATION)
}

fn lies_within(source: &SourceFile, module: &[&str]) -> bool {
    let here = source.module();
    here.len() >= module.len() && here.iter().zip(module).all(|(one, other)| one == other)
}
