//! Columns as the domain's types: a row's values are checked once, when they are read.
//!
//! The domain's own types decode themselves; for types of other crates a field names one of the helpers here,
//! as in `#[sqlx(try_from = "Millis")] at: Timestamp`. An invalid value becomes
//! `StoreError::Inconsistent`.

use sqlx::error::BoxDynError;
use sqlx::{Decode, Type};

use crate::clock::{Timestamp, from_millis};
use crate::domain::{
    ClientKey, Component, DeliveryState, DestinationId, Entity, EntityId, EntityKind, Priority,
};
use crate::store::error::StoreError;

/// Implements reading for `$type`, which is kept as `$raw` and made by `$parse`.
macro_rules! column {
    ($($type:ty, $raw:ty => $parse:expr;)*) => {$(
        impl<DB: sqlx::Database> Type<DB> for $type
        where
            $raw: Type<DB>,
        {
            fn type_info() -> DB::TypeInfo {
                <$raw as Type<DB>>::type_info()
            }
            fn compatible(ty: &DB::TypeInfo) -> bool {
                <$raw as Type<DB>>::compatible(ty)
            }
        }
        impl<'r, DB: sqlx::Database> Decode<'r, DB> for $type
        where
            $raw: Decode<'r, DB>,
        {
            fn decode(value: DB::ValueRef<'r>) -> Result<Self, BoxDynError> {
                let parse: fn($raw) -> Result<Self, BoxDynError> = $parse;
                parse(<$raw as Decode<'r, DB>>::decode(value)?)
            }
        }
    )*};
}
column! {
    EntityId, String => |text| Ok(EntityId::from_text(text));
    DestinationId, String => |text| Ok(DestinationId(text));
    ClientKey, String => |text| Ok(ClientKey(text));
    EntityKind, String => |text| EntityKind::find(&text).ok_or_else(|| format!("unknown kind {text:?}").into());
    DeliveryState, String => |text| {
        DeliveryState::find(&text).ok_or_else(|| format!("unknown state {text:?}").into())
    };
    Priority, i64 => |n| Priority::find(n).ok_or_else(|| format!("unknown priority {n}").into());
    Entity, String => |text| Ok(serde_json::from_str(&text)?);
    Kept, String => |text| Ok(Kept(serde_json::from_str(&text).map_err(|fault| fault.to_string())));
    Flag, i64 => |n| Ok(Flag(n != 0));
    Millis, i64 => |ms| Ok(Millis(from_millis(ms)));
    Micros, i64 => |us| Ok(Micros(Timestamp::from_timestamp_micros(us).unwrap_or_default()));
}

/// An instant that a query gives in microseconds.
pub(in crate::store) struct Micros(Timestamp);

impl From<Micros> for Timestamp {
    fn from(at: Micros) -> Self {
        at.0
    }
}

/// An entity as it is kept, or why it cannot be read: where many are read at once, one must not hide the others.
#[derive(Debug)]
pub(in crate::store) struct Kept(pub Result<Entity, String>);

impl Kept {
    /// The entity; `None`, with a line in the log, when it cannot be read.
    pub fn read(&self, id: &EntityId) -> Option<&Entity> {
        if let Err(fault) = &self.0 {
            tracing::error!(%id, fault, "the stored content of an entity cannot be read");
        }
        self.0.as_ref().ok()
    }
}

/// A `bool`, kept as 0 or 1.
pub(in crate::store) struct Flag(bool);

impl From<Flag> for bool {
    fn from(flag: Flag) -> Self {
        flag.0
    }
}

/// A [`Timestamp`], kept as milliseconds since the Unix epoch.
pub(in crate::store) struct Millis(Timestamp);

impl From<Millis> for Timestamp {
    fn from(at: Millis) -> Self {
        at.0
    }
}

/// An `Option<Timestamp>`, kept as milliseconds since the Unix epoch or as NULL.
#[derive(sqlx::Type)]
#[sqlx(transparent)]
pub(in crate::store) struct OptionalMillis(Option<i64>);

impl From<OptionalMillis> for Option<Timestamp> {
    fn from(at: OptionalMillis) -> Self {
        at.0.map(from_millis)
    }
}

impl TryFrom<Entity> for Component {
    type Error = StoreError;
    /// The component that an entity is.
    fn try_from(entity: Entity) -> Result<Self, StoreError> {
        match entity {
            Entity::Component(component) => Ok(component),
            other => Err(StoreError::Inconsistent {
                what: "a component".to_owned(),
                why: format!("it is kept as {}", other.kind()),
            }),
        }
    }
}

/// JSON for a column.
pub(in crate::store) fn to_json<T: serde::Serialize>(what: &str, value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value)
        .map_err(|fault| StoreError::Inconsistent { what: what.to_owned(), why: fault.to_string() })
}
