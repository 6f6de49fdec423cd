//! What polled tools and Jira answer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| incident_bridge_fuzz::answers::check(data));
