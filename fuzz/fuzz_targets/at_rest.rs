//! What lies on the disk: the configuration and sealed secrets.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| incident_bridge_fuzz::at_rest::check(data));
