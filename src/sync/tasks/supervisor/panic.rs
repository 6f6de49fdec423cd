//! What a caught panic says.

use std::any::Any;

/// The message of a panic, if it has one.
pub(in crate::sync) fn describe_panic(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}
