use super::*;

#[test]
fn wraps_have_one_form() {
    for text in ["vault:v1:aGVsbG8=", "vault:v12:aGVsbG8="] {
        assert!(is_wrap(text.as_bytes()), "{text}");
    }
    for text in [
        "",
        "vault:v1:",
        "vault:v0:aGVsbG8=",
        "vault:v01:aGVsbG8=",
        "vault:v+1:aGVsbG8=",
        "vault:v-1:aGVsbG8=",
        "vault:v:aGVsbG8=",
        "vault:v1:aGVsbG8",
        "vault:v1:aGVs\nbG8=",
        "vault:v1:aGVsbG8=\"",
        " vault:v1:aGVsbG8=",
        "vault:v1:aGVsbG8=vault:v1:aGVsbG8=",
        "hello",
    ] {
        assert!(!is_wrap(text.as_bytes()), "{text}");
    }
    assert!(!is_wrap(format!("vault:v1:{}", "AAAA".repeat(WRAP_LIMIT)).as_bytes()));
}

#[test]
fn a_context_is_refused() {
    let id = "https://v.example/v1/transit/keys/app".to_owned();
    let context = [("a".to_owned(), "b".to_owned())].into();
    let key = KeyRef { kind: KIND.to_owned(), id, context };
    assert!(matches!(usable(&key), Err(KeyError::Refused { .. })));
}
