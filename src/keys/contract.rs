//! Conformance functions that every backend runs.
