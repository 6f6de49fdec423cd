//! Making tokens, for the app towards Jira and for the simulated Jira towards the app.

use jsonwebtoken::{Algorithm, EncodingKey, Header};

use super::claims::Claims;
use super::error::JwtError;

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
