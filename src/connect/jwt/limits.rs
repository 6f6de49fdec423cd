//! The bounds of a token. A file of their own because the refusals name them too.

/// Longest token that is looked at, in bytes; Jira's own are well below 2 KiB.
pub const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// Longest `exp - iat` that is accepted. Jira's own tokens live 3 to 15 minutes.
pub const MAX_LIFETIME_SECS: i64 = 3600;
