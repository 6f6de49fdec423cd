//! What a token says. Must not judge it: that is the task of `verify`.

use serde::{Deserialize, Serialize};

use super::error::JwtError;

/// The claims of a Connect token that this program reads or writes; others are ignored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawClaims")]
pub struct Claims {
    /// `clientKey` of the installation on tokens from Jira, the app key on tokens to Jira.
    pub iss: String,
    /// Issued at, seconds since the Unix epoch.
    pub iat: i64,
    /// Expires at, seconds since the Unix epoch.
    pub exp: i64,
    /// Hash of the request, see [`crate::connect::qsh`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub qsh: Option<String>,
    /// A string or a list on the wire; written as a list.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub aud: Vec<String>,
    /// Account id of the acting user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub: Option<String>,
}

/// Claims as they travel, so that a missing one can be named.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct RawClaims {
    pub iss: Option<String>,
    iat: Option<i64>,
    exp: Option<i64>,
    qsh: Option<String>,
    aud: Option<Audience>,
    sub: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl TryFrom<RawClaims> for Claims {
    type Error = JwtError;

    fn try_from(raw: RawClaims) -> Result<Self, JwtError> {
        Ok(Self {
            iss: raw.iss.ok_or(JwtError::MissingClaim("iss"))?,
            iat: raw.iat.ok_or(JwtError::MissingClaim("iat"))?,
            exp: raw.exp.ok_or(JwtError::MissingClaim("exp"))?,
            qsh: raw.qsh,
            aud: match raw.aud {
                None => Vec::new(),
                Some(Audience::One(aud)) => vec![aud],
                Some(Audience::Many(auds)) => auds,
            },
            sub: raw.sub,
        })
    }
}
