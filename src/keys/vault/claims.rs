//! What a signed token says of its holder, without the token: for errors and `explain`. Nothing is checked here.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

/// Subject, issuer, audience and whether the time is over, as of this machine's clock. `None` for what is no signed token.
pub(super) fn shown(token: &str) -> Option<String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    shown_at(token, now)
}

fn shown_at(token: &str, now: u64) -> Option<String> {
    let payload = token.trim().split('.').nth(1)?;
    let claims: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?).ok()?;
    let mut parts: Vec<String> = ["sub", "iss", "aud"]
        .iter()
        .filter_map(|name| Some(format!("{name} {}", text(claims.get(*name)?)?)))
        .collect();
    let time = |name: &str| claims.get(name).and_then(Value::as_f64).map(|time| time as u64);
    match (time("exp"), time("nbf")) {
        (Some(end), _) if end < now => parts.push(format!("expired {} s ago by this clock", now - end)),
        (_, Some(start)) if start > now => {
            parts.push(format!("valid only in {} s by this clock", start - now));
        }
        _ => {}
    }
    Some(parts.join(", ")).filter(|parts| !parts.is_empty())
}

fn text(value: &Value) -> Option<String> {
    let words = match value {
        Value::String(word) => word.clone(),
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "),
        _ => return None,
    };
    Some(words.chars().filter(|c| !c.is_control()).take(CLAIM_LIMIT).collect())
}

/// Characters of a claim that are shown.
const CLAIM_LIMIT: usize = 120;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_are_shown_and_signatures_are_not() {
        let token = |claims: &str| format!("e30.{}.c2lnbmF0dXJl", URL_SAFE_NO_PAD.encode(claims));
        let shown = |claims: &str| shown_at(&token(claims), 1000).unwrap_or_default();
        assert_eq!(
            shown(r#"{"sub":"a\nb","iss":"https://ci","aud":["x","y"]}"#),
            "sub ab, iss https://ci, aud x y"
        );
        assert_eq!(shown(r#"{"sub":"a","exp":700}"#), "sub a, expired 300 s ago by this clock");
        assert_eq!(
            shown(r#"{"sub":"a","exp":2000.5,"nbf":1060}"#),
            "sub a, valid only in 60 s by this clock"
        );
        assert_eq!(shown(r#"{"sub":1,"exp":-5}"#), "expired 1000 s ago by this clock");
        for token in ["", "x", "a.b.c", "..", &token("[]"), &token("{}")] {
            assert_eq!(shown_at(token, 1000), None);
        }
    }
}
