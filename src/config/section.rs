//! `section!`: the one place that names a key.
//!
//! From a struct whose fields say of which kind they are, it makes the struct itself, its reader, and the
//! list of its keys for everybody else: suggestions, `config show`, the schema. Defaults and descriptions
//! are in `config/default.toml` and nowhere here.

use config::{Map, Value};
use serde_json::Value as Json;

use super::kind::{Kind, Place, Secrecy};
use super::nearest::hint;
use super::reading::Reading;
use super::table::Table;

/// What there is to know of a key without its value.
#[derive(Debug, Clone)]
pub(super) struct Key {
    pub name: &'static str,
    /// The key that names a file with the value; only what may be secret has it.
    pub file_twin: Option<&'static str>,
    pub secrecy: Secrecy,
    pub required: bool,
    /// For a value that may be relative to the folder of the configuration file.
    pub place: Option<Place>,
    /// Keywords of JSON Schema.
    pub schema: Json,
}

impl Key {
    pub fn new<T>(name: &'static str, file_twin: &'static str, kind: Kind<T>) -> Self {
        let Kind { schema, secrecy, required, place, .. } = kind;
        let file_twin = (secrecy != Secrecy::Open).then_some(file_twin);
        Self { name, file_twin, secrecy, required, place, schema }
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
    fn read_part(name: &str, value: Option<Value>, reading: &mut Reading) -> Option<Self>;
}

impl<S: Section> ReadPart for S {
    const IS_LIST: bool = false;

    fn keys() -> Vec<Key> {
        <S as Section>::keys()
    }

    fn read_part(name: &str, value: Option<Value>, reading: &mut Reading) -> Option<Self> {
        let Ok(values) = value.map_or(Ok(Map::new()), Value::into_table) else {
            reading.problems.push(format!("{name}: must be a table, [{name}]"));
            return None;
        };
        read_section(Table::new(&format!("{name}."), &format!("{name}."), values, reading))
    }
}

impl<S: Section> ReadPart for Vec<S> {
    const IS_LIST: bool = true;

    fn keys() -> Vec<Key> {
        <S as Section>::keys()
    }

    /// Those that can be read: a mistake in one table hides none in another.
    fn read_part(name: &str, value: Option<Value>, reading: &mut Reading) -> Option<Self> {
        let Ok(tables) = value.map_or(Ok(Vec::new()), Value::into_array) else {
            reading.problems.push(format!("{name}: must be a list of tables, [[{name}]]"));
            return None;
        };
        let read = |(position, table): (usize, Value)| {
            let Ok(table) = table.into_table() else {
                reading.problems.push(format!("{name}[{position}]: must be a table, [[{name}]]"));
                return None;
            };
            let (sentence, place) = match find_id(&table) {
                Some(id) => (format!("{} {id:?}: ", one_of(name)), format!("{name}.{id}.")),
                None => (format!("{name}[{position}]."), format!("{name}.{position}.")),
            };
            read_section(Table::new(&sentence, &place, table, reading))
        };
        Some(tables.into_iter().enumerate().filter_map(read).collect())
    }
}

/// The id of a table of a list, if it has one.
pub(super) fn find_id(table: &Map<String, Value>) -> Option<String> {
    table.get("id")?.clone().into_string().ok().filter(|id| !id.is_empty())
}

/// `source` for `sources`; a name that is a plural in itself stays.
pub(super) fn one_of(list: &str) -> &str {
    if list == "jira_issues" { list } else { list.trim_end_matches('s') }
}

/// Reads one table completely: every key, and no unknown key.
pub(super) fn read_section<S: Section>(mut table: Table<'_>) -> Option<S> {
    let section = S::read(&mut table);
    table.finish(&S::key_names());
    section
}

/// Reports what is on the first level and is no part.
pub(super) fn refuse_unknown_parts(left: Map<String, Value>, parts: &[Part], reading: &mut Reading) {
    let known: Vec<_> = parts.iter().map(|part| part.name).collect();
    let unknown = left.into_keys().map(|name| format!("{name}: is not a section{}", hint(&name, &known)));
    reading.problems.extend(unknown);
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

/// Makes the struct of all parts, the same with those that could be read, their list, and the reader of the
/// whole.
macro_rules! parts {
    (
        $(#[$about:meta])*
        pub struct $whole:ident { $( $(#[$doc:meta])* pub $part:ident: $type:ty, )* }
        $(#[$some_about:meta])*
        pub struct $some:ident { .. }
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone)]
        pub struct $whole { $( $(#[$doc])* pub $part: $type, )* }

        $(#[$some_about])*
        #[derive(Debug, Clone)]
        pub struct $some { $( $(#[$doc])* pub $part: Option<$type>, )* }

        impl $whole {
            pub(super) fn parts() -> Vec<section::Part> {
                vec![ $( section::Part {
                    name: stringify!($part),
                    is_list: <$type as section::ReadPart>::IS_LIST,
                    keys: <$type as section::ReadPart>::keys(),
                }, )* ]
            }
        }

        impl $some {
            /// Every mistake is in `reading`.
            pub(super) fn read(
                mut values: ::config::Map<String, ::config::Value>,
                reading: &mut $crate::config::reading::Reading,
            ) -> Self {
                $( let $part = <$type as section::ReadPart>::read_part(
                    stringify!($part),
                    values.remove(stringify!($part)),
                    reading,
                ); )*
                section::refuse_unknown_parts(values, &$whole::parts(), reading);
                Self { $( $part, )* }
            }

            /// `None` when a part could not be read.
            pub(super) fn complete(self) -> Option<$whole> {
                Some($whole { $( $part: self.$part?, )* })
            }
        }
    };
}

pub(super) use {parts, section};
