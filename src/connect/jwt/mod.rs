//! Connect's tokens: signing them, and proving that a received one is genuine.
//!
//! Two kinds arrive and neither may stand in for the other, so each proof is its own type:
//! [`LifecycleToken`] (RS256, signed by Atlassian) and [`SiteToken`] (HS256, shared secret). Reads no clock
//! and fetches no keys; both are arguments.

mod error;
mod key_pair;
mod verify;

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use error::JwtError;
pub use key_pair::InstallKeyPair;
pub use verify::{
    CONTEXT_QSH, LifecycleToken, MAX_LIFETIME_SECS, SignedRequest, SiteToken, verify_hs256, verify_rs256,
};

/// Longest token that is looked at, in bytes; Jira's own are well below 2 KiB.
pub const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// The claims of a Connect token that this program reads or writes; others are ignored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "verify::RawClaims")]
pub struct Claims {
    /// `clientKey` of the installation on tokens from Jira, the app key on tokens to Jira.
    pub iss: String,
    /// Issued at, seconds since the Unix epoch.
    pub iat: i64,
    /// Expires at, seconds since the Unix epoch.
    pub exp: i64,
    /// Hash of the request, see [`super::qsh`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub qsh: Option<String>,
    /// A string or a list on the wire; written as a list.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub aud: Vec<String>,
    /// Account id of the acting user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub: Option<String>,
}

/// Signs with a shared secret, as Jira does towards the app and the app towards Jira.
///
/// # Errors
/// [`JwtError::UnusableKey`] when the secret is empty.
pub fn sign_hs256(claims: &Claims, secret: &[u8]) -> Result<String, JwtError> {
    if secret.is_empty() {
        return Err(JwtError::UnusableKey);
    }
    sign(&Header::new(Algorithm::HS256), claims, &EncodingKey::from_secret(secret))
}

/// Signs as Atlassian signs `installed` and `uninstalled`. The key is PEM, PKCS#1 or PKCS#8.
///
/// # Errors
/// [`JwtError::UnusableKey`] when the PEM holds no RSA private key.
pub fn sign_rs256(claims: &Claims, kid: &str, private_key_pem: &str) -> Result<String, JwtError> {
    let key = EncodingKey::from_rsa_pem(private_key_pem.as_bytes()).map_err(|_| JwtError::UnusableKey)?;
    sign(&Header { kid: Some(kid.to_owned()), ..Header::new(Algorithm::RS256) }, claims, &key)
}

fn sign(header: &Header, claims: &Claims, key: &EncodingKey) -> Result<String, JwtError> {
    jsonwebtoken::encode(header, claims, key).map_err(|_| JwtError::UnusableKey)
}

/// A token as it arrived: the right shape and size, nothing proven. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct ConnectJwt(String);

/// What an unproven token says of itself: good for finding the key to prove it with, and for nothing else.
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

    fn as_str(&self) -> &str {
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

#[cfg(test)]
mod tests;
