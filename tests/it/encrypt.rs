//! `sealeaf encrypt`.
