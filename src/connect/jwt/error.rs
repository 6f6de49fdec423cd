//! Why a token is refused, in sentences for the log. None of them may repeat the token or a secret.

use super::limits::MAX_TOKEN_BYTES;

/// Why a token could not be made or is not accepted. Every variant means 401 to the caller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JwtError {
    #[error("the Authorization header is not of the form `JWT <token>`")]
    NotAJwtHeader,
    #[error("the token is longer than {} bytes", MAX_TOKEN_BYTES)]
    TooLong,
    #[error("the token is not a JSON Web Token with readable header and claims")]
    Malformed,
    #[error("the token's algorithm is not {expected}, the only one accepted here")]
    WrongAlgorithm { expected: &'static str },
    #[error("the key is empty or not of the kind that the algorithm needs")]
    UnusableKey,
    #[error("the token's signature does not fit the key: wrong secret, or forged")]
    BadSignature,
    #[error("the token has no `{0}` claim")]
    MissingClaim(&'static str),
    #[error("the token expired {seconds} s ago; if this keeps happening, compare the clocks")]
    Expired { seconds: i64 },
    #[error("the token was issued {seconds} s in the future; compare the clocks")]
    IssuedInFuture { seconds: i64 },
    #[error("the token expires before it was issued")]
    ExpiresBeforeIssue,
    #[error("the token is valid for {seconds} s, longer than the {most} s accepted")]
    LifetimeTooLong { seconds: i64, most: i64 },
    #[error("the token's `aud` is not this app's base URL; compare `server.base_url` with the descriptor")]
    WrongAudience,
    #[error("the token is bound to no request (`context-qsh`), which is not accepted here")]
    ContextQsh,
    #[error("the token was made for another request: its `qsh` does not match")]
    WrongQsh,
}
