//! One `[[destinations]]` table: a place where incidents go besides the sites that installed the app.
//!
//! Holds the keys that every destination shares. A type's own keys stay unread in `options`, and only the
//! table of destination types says whether the type exists: this file knows none.

use secrecy::SecretString;

use super::kind::{list, secret, text};
use super::section::section;
use super::source::ID_PATTERN;
use crate::domain::SourceId;

section! {
    /// The keys that every configured destination understands.
    pub struct DestinationConfig {
        /// Shaped as a source's id, and unique among destinations.
        pub id: String = text()
            .shaped(ID_PATTERN)
            .checked(check_id)
            .required("is missing; choose a short name such as \"ops\""),
        /// The `type` key.
        pub type_name as "type": String = text().required("is missing; name the type of the destination"),
        /// The sources whose incidents go there; all when absent.
        pub sources: Option<Vec<SourceId>> = list().checked(|ids| read_source_ids(&ids)).optional(),
        /// What it asks for to let the bridge in; may be sealed.
        pub api_token: Option<SecretString> = secret().optional(),
        ..options
    }
}

pub(super) fn check_id(id: String) -> Result<String, String> {
    if SourceId::parse(&id).is_ok() {
        return Ok(id);
    }
    Err(format!("{id:?} is not valid: use 1 to 32 characters from a-z, 0-9 and '-', not starting with '-'"))
}

pub(super) fn read_source_ids(ids: &[String]) -> Result<Vec<SourceId>, String> {
    ids.iter().map(|id| SourceId::parse(id).map_err(|fault| fault.to_string())).collect()
}
