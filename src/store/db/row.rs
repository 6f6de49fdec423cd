//! What goes into a statement and what comes out of it, alike for both databases.

use sqlx::FromRow;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;

/// `$query` with `$args` bound in order.
macro_rules! bound {
    ($query:expr, $args:expr) => {{
        let mut query = $query;
        for arg in $args {
            query = match arg {
                $crate::store::db::Arg::Int(value) => query.bind(*value),
                $crate::store::db::Arg::Text(value) => query.bind(value.clone()),
                $crate::store::db::Arg::Bytes(value) => query.bind(value.clone()),
            };
        }
        query
    }};
}
pub(super) use bound;

/// A row type that both databases can fill.
pub(in crate::store) trait Row:
    for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin
{
}
impl<T> Row for T where T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}

/// The only column of rows.
pub(super) fn values<T>(rows: Vec<(T,)>) -> Vec<T> {
    rows.into_iter().map(|(value,)| value).collect()
}
