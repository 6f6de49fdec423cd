//! Klaxon: every case.

use crate::sources::tests::cases::check_webhook;
use crate::sources::tests::prelude::*;

#[test]
fn every_sample_means_what_its_case_says() {
    for (file, expect) in cases("klaxon") {
        check_webhook("klaxon", &file, &expect);
    }
}
