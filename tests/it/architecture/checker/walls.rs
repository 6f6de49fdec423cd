//! The destination behind its facade, the two halves of the engine, the store behind use cases, its rooms.

use super::super::document::Document;
use super::super::walls::{Rooms, find_breaches};
use super::check;

#[test]
fn only_the_facade_and_app_name_the_destination() {
    let facade = ("src/destinations/mod.rs", "pub mod operations; pub use operations::Client;");
    let inside = ("src/destinations/operations/mod.rs", "mod page; pub struct Client(page::Page);");
    let page = ("src/destinations/operations/page.rs", "pub struct Page; type C = super::Client;");
    let find = |path, text| check(&[facade, inside, page, (path, text)], find_breaches);
    assert_eq!(find("src/app.rs", "use crate::destinations::operations::Client;"), [""; 0]);
    assert_eq!(find("src/sync/tests.rs", "use crate::destinations::operations::Client;"), [""; 0]);
    assert_eq!(find("src/sync/engine.rs", "use crate::destinations::Destination;"), [""; 0]);
    for text in ["use crate::destinations::operations::Client;", "\nuse crate::destinations::Client;"] {
        let found = find("src/sync/engine.rs", text);
        let line = text.lines().count();
        let place = format!("src/sync/engine.rs:{line}: ");
        assert!(matches!(found.as_slice(), [breach] if breach.starts_with(&place)), "{found:?}");
    }
    assert_eq!(find("src/destinations/text.rs", "use super::operations;").len(), 1);
}

#[test]
fn the_halves_of_the_engine_do_not_know_each_other() {
    let facade = ("src/sync/mod.rs", "mod inbound; mod outbound; pub use outbound::Deliver;");
    let outbound = ("src/sync/outbound/mod.rs", "pub struct Deliver; use super::engine::Engine;");
    let find = |path, text| check(&[facade, outbound, (path, text)], find_breaches);
    assert_eq!(find("src/sync/engine.rs", "pub struct Engine(super::outbound::Deliver);"), [""; 0]);
    for text in ["use super::super::outbound::Deliver;", "use crate::sync::Deliver;"] {
        assert_eq!(
            find("src/sync/inbound/poll.rs", text),
            ["src/sync/inbound/poll.rs:1: `sync::inbound` must not use `crate::sync::outbound`"],
            "{text}"
        );
    }
    assert_eq!(find("src/sync/outbound/plan.rs", "use crate::sync::inbound::Ingestor;").len(), 1);
}

#[test]
fn web_and_cli_call_use_cases_and_not_the_store() {
    let store = ("src/store/mod.rs", "pub struct Store; pub struct Row;");
    let sync = (
        "src/sync/mod.rs",
        "pub use crate::store::Row; use crate::store::Store; pub struct Operator(Store);",
    );
    let find = |path, text| check(&[store, sync, (path, text)], find_breaches);
    let allowed =
        "use crate::sync::{Operator, Row}; fn list(o: &Operator) -> Row { o.list(config.store.url) }
        #[cfg(test)] mod tests { use crate::store::Store; fn open() { engine.store(); } }";
    assert_eq!(find("src/cli/list.rs", allowed), [""; 0]);
    assert_eq!(find("src/app.rs", "use crate::store::Store; fn go() { engine.store().migrate(); }"), [""; 0]);
    let breaches = [
        ("src/cli/list.rs", "use crate::{clock, store::Row};"),
        ("src/cli/list.rs", "use super::super::store;"),
        ("src/cli/list.rs", "fn go(row: crate::store::Row) {}"),
        ("src/cli/list.rs", "fn go() { engine.store().inbox(); }"),
        ("src/web/ready.rs", "fn go() { json!({ \"writable\": state.engine.store().check() }); }"),
    ];
    for (path, text) in breaches {
        let front = &path[4..7];
        let breach = format!("{path}:1: `{front}` must not use the store; call a use case of `sync`");
        assert_eq!(find(path, text), [breach], "{text}");
    }
}

#[test]
fn a_room_of_the_store_uses_the_ones_above_it_in_the_table() {
    let table = "### The rooms of the store\n\n| rooms | keep |\n|---|---|\n| `db`, `vault` | a |\n| `inbox` | b |\n| `sites` | c |\n";
    let rooms = Rooms::parse(&Document::new("a.md", table)).unwrap();
    let facade = ("src/store/mod.rs", "mod sites; pub use sites::Site; pub use db::Db; pub struct Store;");
    let sites = ("src/store/sites/mod.rs", "pub struct Site; use crate::store::inbox::Row;");
    let db = ("src/store/db.rs", "pub struct Db; use super::vault::Vault;");
    let find =
        |path, text| check(&[facade, sites, db, (path, text)], |code, file| rooms.find_breaches(code, file));
    let allowed =
        "use super::{Db, vault::Vault}; use crate::{clock, domain::EntityId}; struct Row(super::Db);";
    assert_eq!(find("src/store/inbox/mod.rs", allowed), [""; 0]);
    assert_eq!(find("src/store/vault.rs", "use super::inbox::Row; use super::db::Db;").len(), 1);
    assert_eq!(find("src/store/apply.rs", "use super::{Store, sites::Site};"), [""; 0]);
    assert_eq!(
        find(
            "src/store/inbox/row.rs",
            "use super::super::Site;\nuse crate::store::Store;\nuse crate::config::X;"
        ),
        [
            "src/store/inbox/row.rs:1: the room `inbox` must not use `crate::store::sites::Site`",
            "src/store/inbox/row.rs:2: the room `inbox` must not use `crate::store::Store`",
            "src/store/inbox/row.rs:3: the room `inbox` must not use `crate::config::X`",
        ]
    );
    let fault = Rooms::parse(&Document::new("a.md", &table.replace("`sites`", "sites"))).unwrap_err();
    assert_eq!(fault, "a.md:7: must name its rooms in backquotes");
}
