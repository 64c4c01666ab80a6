//! See `sealeaf::fuzzing::toml`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| sealeaf::fuzzing::toml(input));
