//! See `sealeaf::fuzzing::yaml`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| sealeaf::fuzzing::yaml(input));
