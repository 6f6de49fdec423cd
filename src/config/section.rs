//! `section!`: the one place that names a key.
//!
//! From a struct whose fields say of which kind they are, it makes the struct itself, its reader, and the
//! list of its keys for everybody else: suggestions, `config show`, the schema. Defaults and descriptions
//! are in `config/default.toml` and nowhere here.

use config::{Map, Value};
use serde_json::Value as Json;

use super::kind::{Kind, Secrecy};
use super::nearest::hint;
use super::table::Table;

/// What there is to know of a key without its value.
#[derive(Debug, Clone)]
pub(super) struct Key {
    pub name: &'static str,
    /// The key that names a file with the value; only what may be secret has it.
    pub file_twin: Option<&'static str>,
    pub secrecy: Secrecy,
    pub required: bool,
    /// Keywords of JSON Schema.
    pub schema: Json,
}

impl Key {
    pub fn new<T>(name: &'static str, file_twin: &'static str, kind: Kind<T>) -> Self {
        let Kind { schema, secrecy, required, .. } = kind;
        let file_twin = (secrecy != Secrecy::Open).then_some(file_twin);
        Self { name, file_twin, secrecy, required, schema }
    }
}

/// One table of the configuration.
pub(super) trait Section: Sized {
    fn keys() -> Vec<Key>;

    /// Takes every key out of the table; `None` after a mistake, which the table has noted.
    fn read(table: &mut Table<'_>) -> Option<Self>;

    /// The names of all keys, twins included.
    fn key_names() -> Vec<&'static str> {
        Self::keys().into_iter().flat_map(|key| [Some(key.name), key.file_twin]).flatten().collect()
    }
}

/// A name on the first level of the configuration.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub name: &'static str,
    /// Whether it is a list of tables, `[[name]]`, each with an `id`.
    pub is_list: bool,
    pub keys: Vec<Key>,
}

/// What the first level may contain: a section, or a list of them.
pub(super) trait ReadPart: Sized {
    const IS_LIST: bool;
    fn keys() -> Vec<Key>;
    fn read_part(name: &str, value: Option<Value>, problems: &mut Vec<String>) -> Option<Self>;
}

impl<S: Section> ReadPart for S {
    const IS_LIST: bool = false;

    fn keys() -> Vec<Key> {
        <S as Section>::keys()
    }

    fn read_part(name: &str, value: Option<Value>, problems: &mut Vec<String>) -> Option<Self> {
        let Ok(values) = value.map_or(Ok(Map::new()), Value::into_table) else {
            problems.push(format!("{name}: must be a table, [{name}]"));
            return None;
        };
        read_section(name, values, problems)
    }
}

impl<S: Section> ReadPart for Vec<S> {
    const IS_LIST: bool = true;

    fn keys() -> Vec<Key> {
        <S as Section>::keys()
    }

    fn read_part(name: &str, value: Option<Value>, problems: &mut Vec<String>) -> Option<Self> {
        let Ok(tables) = value.map_or(Ok(Vec::new()), Value::into_array) else {
            problems.push(format!("{name}: must be a list of tables, [[{name}]]"));
            return None;
        };
        let mut read = |(position, table): (usize, Value)| {
            let path = format!("{name}[{position}]");
            let Ok(table) = table.into_table() else {
                problems.push(format!("{path}: must be a table, [[{name}]]"));
                return None;
            };
            read_section(&path, table, problems)
        };
        // All of them are read before the first mistake counts, so that every mistake is noted.
        let sections: Vec<Option<S>> = tables.into_iter().enumerate().map(&mut read).collect();
        sections.into_iter().collect()
    }
}

/// Reads one table completely: every key, and no unknown key.
pub(super) fn read_section<S: Section>(
    path: &str,
    values: Map<String, Value>,
    problems: &mut Vec<String>,
) -> Option<S> {
    let mut table = Table::new(path, values, problems);
    let section = S::read(&mut table);
    table.finish(&S::key_names());
    section
}

/// Reports what is on the first level and is no part.
pub(super) fn refuse_unknown_parts(left: Map<String, Value>, parts: &[Part], problems: &mut Vec<String>) {
    let known: Vec<_> = parts.iter().map(|part| part.name).collect();
    problems.extend(left.into_keys().map(|name| format!("{name}: is not a section{}", hint(&name, &known))));
}

/// Makes a struct of typed keys, and with it [`Section`]. A field is `name: Type = kind,`; `name as "key"`
/// when the key's name is no name in Rust. `..name` at the end keeps the keys that are not named, as JSON.
macro_rules! section {
    (
        $(#[$about:meta])*
        pub struct $section:ident {
            $( $(#[$doc:meta])* pub $field:ident $(as $name:literal)? : $type:ty = $kind:expr, )*
            $( ..$rest:ident )?
        }
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone)]
        pub struct $section {
            $( $(#[$doc])* pub $field: $type, )*
            $(
                /// The keys that only its type knows, unread.
                pub $rest: serde_json::Map<String, serde_json::Value>,
            )?
        }

        impl $crate::config::section::Section for $section {
            fn keys() -> Vec<$crate::config::section::Key> {
                vec![ $( $crate::config::section::Key::new(
                    section!(@name $field $($name)?),
                    concat!(section!(@name $field $($name)?), "_file"),
                    $kind,
                ), )* ]
            }

            fn read(table: &mut $crate::config::table::Table<'_>) -> Option<Self> {
                $( let $field = table.read(
                    section!(@name $field $($name)?),
                    concat!(section!(@name $field $($name)?), "_file"),
                    &$kind,
                ); )*
                $( let $rest = table.take_rest(); )?
                Some(Self { $( $field: $field?, )* $( $rest, )? })
            }
        }
    };
    (@name $field:ident) => { stringify!($field) };
    (@name $field:ident $name:literal) => { $name };
}

/// Makes the struct of all parts, their list, and the reader of the whole.
macro_rules! parts {
    (
        $(#[$about:meta])*
        pub struct $whole:ident { $( $(#[$doc:meta])* pub $part:ident: $type:ty, )* }
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone)]
        pub struct $whole { $( $(#[$doc])* pub $part: $type, )* }

        impl $whole {
            pub(super) fn parts() -> Vec<section::Part> {
                vec![ $( section::Part {
                    name: stringify!($part),
                    is_list: <$type as section::ReadPart>::IS_LIST,
                    keys: <$type as section::ReadPart>::keys(),
                }, )* ]
            }

            /// `None` after a mistake; all mistakes are in `problems`.
            pub(super) fn read(
                mut values: ::config::Map<String, ::config::Value>,
                problems: &mut Vec<String>,
            ) -> Option<Self> {
                $( let $part = <$type as section::ReadPart>::read_part(
                    stringify!($part),
                    values.remove(stringify!($part)),
                    problems,
                ); )*
                section::refuse_unknown_parts(values, &Self::parts(), problems);
                Some(Self { $( $part: $part?, )* })
            }
        }
    };
}

pub(super) use {parts, section};
