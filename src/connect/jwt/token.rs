//! A token before any proof: its form, and what it claims about itself.
//!
//! Must not be trusted: only `verify` proves a token.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::claims::{Claims, RawClaims};
use super::error::JwtError;
use super::limits::MAX_TOKEN_BYTES;

/// A token as it arrived: the right shape and size, nothing proven. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct ConnectJwt(String);

/// What an unproven token says of itself: only good for finding the key to prove it with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unverified {
    pub alg: String,
    pub kid: Option<String>,
    pub iss: String,
}

/// Takes the token from an `Authorization: JWT …` header's value.
///
/// # Errors
/// When the scheme is another one, or what follows is too long or not three base64url parts.
pub fn parse_authorization(value: &str) -> Result<ConnectJwt, JwtError> {
    let (scheme, token) = value.trim().split_once(' ').ok_or(JwtError::NotAJwtHeader)?;
    if !scheme.eq_ignore_ascii_case("JWT") {
        return Err(JwtError::NotAJwtHeader);
    }
    let token = token.trim_start();
    if token.len() > MAX_TOKEN_BYTES {
        return Err(JwtError::TooLong);
    }
    let is_base64url = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    let well_formed = token.split('.').count() == 3
        && token.split('.').all(|part| !part.is_empty() && part.bytes().all(is_base64url));
    if well_formed { Ok(ConnectJwt(token.to_owned())) } else { Err(JwtError::Malformed) }
}

impl ConnectJwt {
    /// What the token claims about its algorithm, key and issuer, unproven.
    ///
    /// # Errors
    /// [`JwtError::Malformed`] when header or claims are not the JSON that they have to be,
    /// [`JwtError::MissingClaim`] without `iss`.
    pub fn peek(&self) -> Result<Unverified, JwtError> {
        #[derive(Deserialize)]
        struct PeekedHeader {
            alg: String,
            kid: Option<String>,
        }
        #[derive(Deserialize)]
        struct PeekedClaims {
            iss: Option<String>,
        }
        let mut parts = self.0.split('.');
        let header: PeekedHeader = decode_part(parts.next())?;
        let claims: PeekedClaims = decode_part(parts.next())?;
        let iss = claims.iss.ok_or(JwtError::MissingClaim("iss"))?;
        Ok(Unverified { alg: header.alg, kid: header.kid, iss })
    }

    /// SHA-256, in hex, of what the signature covers: equal for every spelling of the same token.
    pub(super) fn hash(&self) -> String {
        let signed = self.0.rsplit_once('.').map_or(self.0.as_str(), |(signed, _)| signed);
        hex::encode(Sha256::digest(signed))
    }

    /// All claims, unproven.
    pub(super) fn peek_claims(&self) -> Result<Claims, JwtError> {
        decode_part::<RawClaims>(self.0.split('.').nth(1))?.try_into()
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ConnectJwt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConnectJwt([redacted])")
    }
}

fn decode_part<T: DeserializeOwned>(part: Option<&str>) -> Result<T, JwtError> {
    let bytes = URL_SAFE_NO_PAD.decode(part.unwrap_or_default()).map_err(|_| JwtError::Malformed)?;
    serde_json::from_slice(&bytes).map_err(|_| JwtError::Malformed)
}
