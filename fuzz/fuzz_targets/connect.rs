//! What reaches the public listener from Jira, or from whoever pretends to be Jira.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| incident_bridge_fuzz::connect::check(data));
