//! Bodies of webhooks as they are kept: compressed where that pays.
//!
//! Only in SQLite, where the file is ours: PostgreSQL compresses long values itself, and an earlier release that works
//! on the same database would not understand a compressed one.

use std::cell::RefCell;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use crate::store::error::StoreError;

/// Shorter bodies stay as they are: too little is left to save.
const SHORTEST: usize = 256;
/// Bytes that one compressed byte can stand for: 1,032 (zlib's technical details), and a little more.
const MOST_INFLATED: usize = 1_100;

thread_local! {
    /// Level 1: level 6 saves another 4 % and takes half as long again. Made once, because it has large tables.
    static DEFLATE: RefCell<Compress> = RefCell::new(Compress::new(Compression::fast(), false));
    static INFLATE: RefCell<Decompress> = RefCell::new(Decompress::new(false));
}

/// A body as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Body {
    #[sqlx(rename = "body")]
    pub(super) bytes: Vec<u8>,
    /// Its length before it was compressed; 0 when it is as it arrived.
    #[sqlx(rename = "body_size")]
    pub(super) size: i64,
}

impl From<Vec<u8>> for Body {
    /// As it arrived.
    fn from(bytes: Vec<u8>) -> Self {
        Self { bytes, size: 0 }
    }
}

impl Body {
    /// Compressed if that makes it smaller.
    #[must_use]
    pub fn compressed(body: &[u8]) -> Self {
        let compressed =
            if body.len() < SHORTEST { None } else { DEFLATE.with_borrow_mut(|it| deflate(it, body)) };
        match (compressed, i64::try_from(body.len())) {
            (Some(bytes), Ok(size)) => Self { bytes, size },
            _ => Self::from(body.to_vec()),
        }
    }

    /// The bytes that it takes.
    #[must_use]
    pub fn kept_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// As it arrived.
    ///
    /// # Errors
    /// [`StoreError::Inconsistent`] when it is not what was kept.
    pub fn open(&self) -> Result<Vec<u8>, StoreError> {
        let size = usize::try_from(self.size).unwrap_or_default();
        if size == 0 {
            return Ok(self.bytes.clone());
        }
        let body = INFLATE.with_borrow_mut(|it| inflate(it, &self.bytes, size));
        body.map_err(|why| StoreError::Inconsistent { what: "the body of a webhook".to_owned(), why })
    }
}

/// What was compressed, if its length is `size`; or what is wrong with it.
fn inflate(decompress: &mut Decompress, bytes: &[u8], size: usize) -> Result<Vec<u8>, String> {
    let wrong_length = || Err("its length is another".to_owned());
    if size > bytes.len().saturating_mul(MOST_INFLATED) {
        return wrong_length();
    }
    decompress.reset(false);
    // One byte more, so that a longer one is noticed and never takes more memory.
    let mut body = Vec::with_capacity(size.saturating_add(1));
    match decompress.decompress_vec(bytes, &mut body, FlushDecompress::Finish) {
        Ok(Status::StreamEnd) if body.len() == size => Ok(body),
        Ok(_) => wrong_length(),
        Err(fault) => Err(fault.to_string()),
    }
}

/// The compressed bytes; `None` when they would not be fewer.
fn deflate(compress: &mut Compress, body: &[u8]) -> Option<Vec<u8>> {
    compress.reset();
    let mut bytes = Vec::with_capacity(body.len());
    let ended = compress.compress_vec(body, &mut bytes, FlushCompress::Finish);
    // The room is the body's length: what does not end within it is not shorter.
    matches!(ended, Ok(Status::StreamEnd)).then(|| {
        bytes.shrink_to_fit();
        bytes
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn every_body_is_read_as_it_arrived(
            body in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..2_000),
            text in "[a-c\" :{}]{0,3000}",
        ) {
            for body in [body, text.into_bytes()] {
                let kept = Body::compressed(&body);
                proptest::prop_assert!(kept.bytes.len() <= body.len());
                proptest::prop_assert_eq!(kept.open().unwrap(), body);
            }
        }
    }

    #[test]
    fn a_tools_body_takes_half_the_room_and_a_short_one_stays_as_it_is() {
        let path = "tests/fixtures/providers/pagerduty/webhook-incident-triggered.json";
        let body = std::fs::read(path).unwrap();
        let kept = Body::compressed(&body);
        assert!(kept.bytes.len() * 2 < body.len(), "{} of {}", kept.bytes.len(), body.len());
        assert_eq!(Body::compressed(b"{}"), Body::from(b"{}".to_vec()));
    }

    #[test]
    fn what_is_not_what_was_kept_is_refused_without_taking_more_memory() {
        let kept = Body::compressed(&vec![b'x'; 100_000]);
        for size in [1, 99_999, 100_001, i64::MAX] {
            let altered = Body { size, ..kept.clone() };
            assert!(matches!(altered.open(), Err(StoreError::Inconsistent { .. })), "{size}");
        }
        let broken = Body { bytes: b"not compressed".to_vec(), size: 7 };
        assert!(broken.open().is_err());
    }
}
