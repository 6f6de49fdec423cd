//! The signing side of install keys: Atlassian holds them in production, the simulator here.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretString;

use super::error::JwtError;

/// An RSA key pair of 2048 bits as PEM, with the key id under which the public half is served.
#[derive(Debug, Clone)]
pub struct InstallKeyPair {
    pub kid: String,
    /// PKCS#8, for [`super::sign_rs256`].
    pub private_pem: SecretString,
    /// SubjectPublicKeyInfo, as the install key hosts answer it.
    pub public_pem: String,
}

impl InstallKeyPair {
    /// A fresh pair; asks the crypto library for randomness.
    ///
    /// # Errors
    /// [`JwtError::UnusableKey`] when the crypto library fails to make one.
    pub fn generate(kid: &str) -> Result<Self, JwtError> {
        let pair = KeyPair::generate(KeySize::Rsa2048).map_err(|_| JwtError::UnusableKey)?;
        let private: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| JwtError::UnusableKey)?;
        let public: PublicKeyX509Der<'_> = pair.public_key().as_der().map_err(|_| JwtError::UnusableKey)?;
        Ok(Self {
            kid: kid.to_owned(),
            private_pem: pem("PRIVATE KEY", private.as_ref()).into(),
            public_pem: pem("PUBLIC KEY", public.as_ref()),
        })
    }
}

/// RFC 7468: 64 base64 characters to the line.
fn pem(label: &str, der: &[u8]) -> String {
    let lines: Vec<String> = der.chunks(48).map(|chunk| STANDARD.encode(chunk)).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}
