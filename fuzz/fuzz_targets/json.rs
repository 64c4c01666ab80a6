//! See `sealeaf::fuzzing::json`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| sealeaf::fuzzing::json(input));
