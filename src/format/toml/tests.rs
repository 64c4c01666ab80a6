use super::*;
use crate::format::testing::{cases, round_trip};

#[test]
fn cases_round_trip() {
    for (_, source) in cases(&["toml"]) {
        round_trip(&Toml, &source, true);
    }
}
