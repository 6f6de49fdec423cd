//! What tools post, or whoever pretends to be a tool.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| incident_bridge_fuzz::webhooks::check(data));
