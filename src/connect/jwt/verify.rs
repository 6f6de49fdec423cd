//! Proving a token: signature first, then time, audience and the hash of the request.
//!
//! The algorithm is fixed by the caller's choice of function and never read from the token. The library's own
//! `decode` would read a token several times, and the clock; only its check of a signature is used.

use std::time::Duration;

use jsonwebtoken::{Algorithm, DecodingKey, crypto};
use sha2::{Digest, Sha256};

use super::claims::Claims;
use super::error::JwtError;
use super::limits::{MAX_LIFECYCLE_SECS, MAX_LIFETIME_SECS};
use super::token::ConnectJwt;
use crate::clock::Timestamp;
use crate::connect::qsh;
use crate::domain::ClientKey;

/// The `qsh` of tokens for frames, which are not bound to a request. Accepting it on lifecycle routes was a
/// published vulnerability in Atlassian's frameworks (GHSA-2x7v-w2mv-f3rx).
pub const CONTEXT_QSH: &str = "context-qsh";

/// The request that a token has to be bound to, as it arrived.
#[derive(Debug, Clone, Copy)]
pub struct SignedRequest<'a> {
    pub method: &'a str,
    /// Path and query as received, or the absolute URL.
    pub target: &'a str,
    /// Path of the app's base URL; empty when it has none.
    pub base_path: &'a str,
}

/// Proof that Atlassian itself signed the request; only [`verify_rs256`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LifecycleToken {
    claims: Claims,
    /// What its signature covers.
    signed: String,
}

impl LifecycleToken {
    #[must_use]
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// What tells the token from others: SHA-256, in hex, of what its signature covers.
    #[must_use]
    pub fn hash(&self) -> String {
        hex::encode(Sha256::digest(&self.signed))
    }

    /// The installation that the token speaks for.
    #[must_use]
    pub fn client_key(&self) -> ClientKey {
        ClientKey(self.claims.iss.clone())
    }
}

/// Proof that the holder of an installation's shared secret signed the request; only [`verify_hs256`]
/// makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteToken {
    claims: Claims,
    /// What its signature covers.
    signed: String,
    secret_index: usize,
}

impl SiteToken {
    #[must_use]
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// What tells the token from others: SHA-256, in hex, of what its signature covers.
    #[must_use]
    pub fn hash(&self) -> String {
        hex::encode(Sha256::digest(&self.signed))
    }

    /// The installation that the token speaks for.
    #[must_use]
    pub fn client_key(&self) -> ClientKey {
        ClientKey(self.claims.iss.clone())
    }

    /// Which of the secrets fitted: 0 is the current one, 1 the previous.
    #[must_use]
    pub fn secret_index(&self) -> usize {
        self.secret_index
    }
}

/// Proves a token of the installation whose secrets (current first, then previous) are given.
///
/// # Errors
/// A [`JwtError`] that names the first check that failed.
pub fn verify_hs256(
    token: &ConnectJwt,
    secrets: &[&[u8]],
    request: &SignedRequest<'_>,
    now: Timestamp,
    leeway: Duration,
) -> Result<SiteToken, JwtError> {
    let mut refusal = JwtError::UnusableKey;
    for (secret_index, secret) in secrets.iter().enumerate().filter(|(_, secret)| !secret.is_empty()) {
        match decode(token, Algorithm::HS256, "HS256", &DecodingKey::from_secret(secret)) {
            Ok(claims) => {
                check_times(&claims, now, leeway)?;
                check_qsh(&claims, request)?;
                return Ok(SiteToken { claims, signed: token.signed().0.to_owned(), secret_index });
            }
            Err(JwtError::BadSignature) => refusal = JwtError::BadSignature,
            Err(other) => return Err(other),
        }
    }
    Err(refusal)
}

/// Proves a token signed with an install key. `audience` is the app's base URL; it and the token's `aud`
/// are compared exactly after removing one trailing slash from each.
///
/// # Errors
/// A [`JwtError`] that names the first check that failed.
pub fn verify_rs256(
    token: &ConnectJwt,
    public_key_pem: &str,
    audience: &str,
    request: &SignedRequest<'_>,
    now: Timestamp,
    leeway: Duration,
) -> Result<LifecycleToken, JwtError> {
    let key = DecodingKey::from_rsa_pem(public_key_pem.as_bytes()).map_err(|_| JwtError::UnusableKey)?;
    let claims = decode(token, Algorithm::RS256, "RS256", &key)?;
    check_lifecycle(&claims, audience, request, now, leeway)?;
    Ok(LifecycleToken { claims, signed: token.signed().0.to_owned() })
}

/// Everything that [`verify_rs256`] checks but the signature: whether it is worth fetching the key. Returns
/// the key's id, if the token names one.
///
/// # Errors
/// A [`JwtError`] that names the first check that failed.
pub fn check_unproven_rs256(
    token: &ConnectJwt,
    audience: &str,
    request: &SignedRequest<'_>,
    now: Timestamp,
    leeway: Duration,
) -> Result<Option<String>, JwtError> {
    let peeked = token.peek()?;
    if peeked.alg != "RS256" {
        return Err(JwtError::WrongAlgorithm { expected: "RS256" });
    }
    check_lifecycle(&peeked.claims.clone().try_into()?, audience, request, now, leeway)?;
    Ok(peeked.kid.clone())
}

fn check_lifecycle(
    claims: &Claims,
    audience: &str,
    request: &SignedRequest<'_>,
    now: Timestamp,
    leeway: Duration,
) -> Result<(), JwtError> {
    check_times(claims, now, leeway)?;
    check_lifecycle_lifetime(claims)?;
    let bare = |url: &str| url.strip_suffix('/').unwrap_or(url).to_owned();
    if claims.aud.is_empty() {
        return Err(JwtError::MissingClaim("aud"));
    }
    if !claims.aud.iter().any(|aud| bare(aud) == bare(audience)) {
        return Err(JwtError::WrongAudience);
    }
    check_qsh(claims, request)
}

fn decode(
    token: &ConnectJwt,
    algorithm: Algorithm,
    name: &'static str,
    key: &DecodingKey,
) -> Result<Claims, JwtError> {
    let peeked = token.peek()?;
    if peeked.alg != name {
        return Err(JwtError::WrongAlgorithm { expected: name });
    }
    let (signed, signature) = token.signed();
    match crypto::verify(signature, signed.as_bytes(), key, algorithm) {
        Ok(true) => peeked.claims.clone().try_into(),
        Ok(false) => Err(JwtError::BadSignature),
        Err(error) => Err(reason(&error, name)),
    }
}

fn reason(error: &jsonwebtoken::errors::Error, expected: &'static str) -> JwtError {
    use jsonwebtoken::errors::ErrorKind;
    match error.kind() {
        ErrorKind::InvalidSignature => JwtError::BadSignature,
        ErrorKind::InvalidAlgorithm => JwtError::WrongAlgorithm { expected },
        ErrorKind::InvalidKeyFormat | ErrorKind::InvalidRsaKey(_) => JwtError::UnusableKey,
        _ => JwtError::Malformed,
    }
}

/// Refuses a token that is valid for longer than one of a lifecycle call may be. [`verify_rs256`] checks it.
///
/// # Errors
/// [`JwtError::LifetimeTooLong`].
pub fn check_lifecycle_lifetime(claims: &Claims) -> Result<(), JwtError> {
    check_lifetime(claims, MAX_LIFECYCLE_SECS)
}

fn check_lifetime(claims: &Claims, most: i64) -> Result<(), JwtError> {
    let seconds = claims.exp.saturating_sub(claims.iat);
    if seconds > most { Err(JwtError::LifetimeTooLong { seconds, most }) } else { Ok(()) }
}

fn check_times(claims: &Claims, now: Timestamp, leeway: Duration) -> Result<(), JwtError> {
    let now = now.timestamp();
    let leeway = i64::try_from(leeway.as_secs()).unwrap_or(i64::MAX);
    let lifetime = claims.exp.saturating_sub(claims.iat);
    if lifetime <= 0 {
        return Err(JwtError::ExpiresBeforeIssue);
    }
    check_lifetime(claims, MAX_LIFETIME_SECS)?;
    if claims.exp.saturating_add(leeway) <= now {
        return Err(JwtError::Expired { seconds: now.saturating_sub(claims.exp) });
    }
    if claims.iat > now.saturating_add(leeway) {
        return Err(JwtError::IssuedInFuture { seconds: claims.iat.saturating_sub(now) });
    }
    Ok(())
}

fn check_qsh(claims: &Claims, request: &SignedRequest<'_>) -> Result<(), JwtError> {
    let claimed = claims.qsh.as_deref().ok_or(JwtError::MissingClaim("qsh"))?;
    if claimed == CONTEXT_QSH {
        return Err(JwtError::ContextQsh);
    }
    if qsh::matches(claimed, request.method, request.target, request.base_path) {
        Ok(())
    } else {
        Err(JwtError::WrongQsh)
    }
}
