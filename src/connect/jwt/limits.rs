//! The limits of a token, in their own file because the refusals name them too.

/// Longest token that is read, in bytes; Jira's own are well below 2 KiB.
pub const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// Longest `exp - iat` that is accepted. Jira's own tokens are valid for 3 to 15 minutes.
pub const MAX_LIFETIME_SECS: i64 = 3600;

/// The same for tokens of lifecycle calls, which change who is installed.
pub const MAX_LIFECYCLE_SECS: i64 = 15 * 60;
