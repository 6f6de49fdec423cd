//! The integration tests, one binary so that the crate is linked once: what can only be seen from outside.
//!
//! Run them with `tests/run`, which brings the databases and programs that they talk to.
#![expect(
    clippy::expect_used,
    reason = "a helper that cannot go on fails its test; clippy sees only #[test] functions"
)]

mod architecture;
mod repository;
