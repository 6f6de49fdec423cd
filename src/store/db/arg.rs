//! Values for placeholders: the domain's types as the database stores them.
//!
//! Text passes through [`storable`], so that no statement fails on a character that a database cannot hold.

use crate::clock::Timestamp;
use crate::domain::{
    ClientKey, DeliveryState, DestinationId, EntityId, EntityKind, Priority, SourceId, storable,
};

/// A value for a placeholder.
#[derive(Debug, Clone)]
pub(in crate::store) enum Arg {
    Int(Option<i64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
}

impl Arg {
    /// NULL of the same type.
    pub fn empty(&self) -> Self {
        match self {
            Self::Int(_) => Self::Int(None),
            Self::Text(_) => Self::Text(None),
            Self::Bytes(_) => Self::Bytes(None),
        }
    }
}

macro_rules! arg_from {
    ($($from:ty => $variant:ident, $convert:expr;)*) => {$(
        impl From<$from> for Arg {
            fn from(value: $from) -> Self {
                Self::$variant(Some(($convert)(value)))
            }
        }
        impl From<Option<$from>> for Arg {
            fn from(value: Option<$from>) -> Self {
                Self::$variant(value.map($convert))
            }
        }
    )*};
}
arg_from! {
    i64 => Int, |n| n;
    bool => Int, i64::from;
    // A limit or a count: a value that does not fit acts as no limit.
    usize => Int, |n| i64::try_from(n).unwrap_or(i64::MAX);
    Timestamp => Int, |at: Timestamp| at.timestamp_millis();
    Priority => Int, Priority::as_number;
    String => Text, |text: String| storable(&text).into_owned();
    &str => Text, |text| storable(text).into_owned();
    &String => Text, |text: &String| storable(text).into_owned();
    EntityKind => Text, |kind: EntityKind| kind.as_str().to_owned();
    DeliveryState => Text, |state: DeliveryState| state.as_str().to_owned();
    &EntityId => Text, |id: &EntityId| storable(id.as_str()).into_owned();
    &DestinationId => Text, |id: &DestinationId| storable(id.as_str()).into_owned();
    &ClientKey => Text, |key: &ClientKey| storable(key.as_str()).into_owned();
    &SourceId => Text, |id: &SourceId| storable(id.as_str()).into_owned();
    Vec<u8> => Bytes, |bytes| bytes;
    &[u8] => Bytes, <[u8]>::to_vec;
}

/// `args![a, b]`: the values for `$1`, `$2`.
macro_rules! args {
    ($($value:expr),* $(,)?) => { [$($crate::store::db::Arg::from($value)),*] };
}
pub(in crate::store) use args;
