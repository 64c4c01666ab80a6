//! See `sealeaf::fuzzing::policy`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| sealeaf::fuzzing::policy(input));
