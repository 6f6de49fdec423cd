//! Klaxon: every case.

use super::cases::check_webhook;
use super::*;

#[test]
fn every_sample_means_what_its_case_says() {
    for case in read_json("klaxon", "cases.json")["cases"].as_array().expect("cases") {
        check_webhook("klaxon", case["file"].as_str().expect("a file"), &case["expect"]);
    }
}
