use super::*;
use crate::format::testing::{Edit, cases, edited, opened_after, round_trip, shown, tree};

fn parse(source: &str) -> Result<Document, ParseError> {
    Json.parse(source, &Limits::default())
}

#[test]
fn cases_round_trip() {
    for (name, source) in cases(&["json", "jsonc"]) {
        // Two keys of one name, half a surrogate pair, and a root that is no object have no sealed form.
        if ["dup.json", "ws.json", "scalar.json"].contains(&name.as_str()) {
            continue;
        }
        round_trip(&Json, &source, true);
    }
}
