//! The fields that are kept up to date.

use serde::{Deserialize, Serialize};

/// A field that is kept up to date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Field {
    Summary,
    Description,
    Priority,
    Components,
    Labels,
}

impl Field {
    pub const ALL: [Self; 5] =
        [Self::Summary, Self::Description, Self::Priority, Self::Components, Self::Labels];

    /// Jira's id of it, and its name in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Summary => "summary",
            Self::Description => "description",
            Self::Priority => "priority",
            Self::Components => "components",
            Self::Labels => "labels",
        }
    }

    /// The field of that name.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.as_str() == name)
    }
}
