//! See `sealeaf::fuzzing::token`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| sealeaf::fuzzing::token(input));
