//! `sealeaf decrypt`.
