//! A token before any proof: its form, and what it claims about itself.
//!
//! Must not be trusted: only `verify` proves a token.

use std::fmt;
use std::sync::OnceLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::claims::RawClaims;
use super::error::JwtError;
use super::limits::MAX_TOKEN_BYTES;

/// A token as it arrived: the right shape and size, nothing proven. Decoded once, when that is first needed. `Debug`
/// does not show it.
#[derive(Clone)]
pub struct ConnectJwt {
    text: String,
    read: OnceLock<Result<Unverified, JwtError>>,
}

/// What an unproven token says of itself: only good for finding the key to prove it with.
#[derive(Debug, Clone)]
pub struct Unverified {
    pub alg: String,
    pub kid: Option<String>,
    pub(super) claims: RawClaims,
}

impl Unverified {
    /// Who claims to have made it.
    ///
    /// # Errors
    /// [`JwtError::MissingClaim`].
    pub fn issuer(&self) -> Result<&str, JwtError> {
        self.claims.iss.as_deref().ok_or(JwtError::MissingClaim("iss"))
    }
}

impl PartialEq for ConnectJwt {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for ConnectJwt {}

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
    if !well_formed {
        return Err(JwtError::Malformed);
    }
    Ok(ConnectJwt { text: token.to_owned(), read: OnceLock::new() })
}

impl ConnectJwt {
    /// What the token claims about itself, unproven.
    ///
    /// # Errors
    /// [`JwtError::Malformed`] when header or claims are not the JSON that they have to be.
    pub fn peek(&self) -> Result<&Unverified, JwtError> {
        self.read.get_or_init(|| self.read()).as_ref().map_err(Clone::clone)
    }

    fn read(&self) -> Result<Unverified, JwtError> {
        #[derive(Deserialize)]
        struct Header {
            alg: String,
            kid: Option<String>,
        }
        let mut parts = self.text.split('.');
        let header: Header = decode_part(parts.next())?;
        Ok(Unverified { alg: header.alg, kid: header.kid, claims: decode_part(parts.next())? })
    }

    /// What the signature covers, and the signature.
    pub(super) fn signed(&self) -> (&str, &str) {
        self.text.rsplit_once('.').unwrap_or_default()
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
