//! Identifiers as types, so that a site's key is never taken for a source's.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a text is not a valid identifier of this kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidId(pub String);

/// The operator's name for one connection to an incident tool: `^[a-z0-9][a-z0-9-]{0,31}$`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SourceId(String);

impl SourceId {
    /// # Errors
    /// When the text is empty, longer than 32 characters or has other characters than `a-z`, `0-9` and `-`.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let shaped = (1..=32).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !text.starts_with('-');
        if shaped {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidId(format!(
                "source id {text:?} is not valid: use 1 to 32 characters from a-z, 0-9 and '-', not starting with '-'"
            )))
        }
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for SourceId {
    type Error = InvalidId;
    fn try_from(text: String) -> Result<Self, InvalidId> {
        Self::parse(&text)
    }
}

impl From<SourceId> for String {
    fn from(id: SourceId) -> Self {
        id.0
    }
}

impl fmt::Display for SourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Identity of one installation on one Atlassian site (`clientKey` of the lifecycle payload).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClientKey(pub String);

impl ClientKey {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Somewhere that incidents are sent: an installation of the Connect app, whose id is its client key, or a
/// destination of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DestinationId(pub String);

impl DestinationId {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&ClientKey> for DestinationId {
    fn from(key: &ClientKey) -> Self {
        Self(key.0.clone())
    }
}

impl fmt::Display for DestinationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What kind of entity an id names. The order is the order in which a destination
/// should learn of them:
/// components before the incidents that name them, incidents before the reviews that cover them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntityKind {
    Component,
    Incident,
    Review,
}

impl EntityKind {
    pub const ALL: [Self; 3] = [Self::Component, Self::Incident, Self::Review];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Component => "component",
            Self::Incident => "incident",
            Self::Review => "review",
        }
    }

    /// The kind of that name, as [`EntityKind::as_str`] writes it.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

impl fmt::Display for EntityKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
