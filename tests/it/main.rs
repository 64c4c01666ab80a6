//! Integration tests.

mod backends;
