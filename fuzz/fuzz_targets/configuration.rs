//! See `sealeaf::fuzzing::configuration`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| sealeaf::fuzzing::configuration(input));
