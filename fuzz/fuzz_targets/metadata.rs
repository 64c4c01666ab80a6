//! See `sealeaf::fuzzing::metadata`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| sealeaf::fuzzing::metadata(input));
