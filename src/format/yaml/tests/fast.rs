//! What the fast reader takes, and that it reads it as the engine does.

use crate::format::Limits;
use crate::format::yaml::{fast, parse};
use crate::secret::SecretText;

/// Both readers: whether the fast one takes the text.
fn takes(text: &str) -> bool {
    let limits = Limits::default();
    let text = &SecretText::from(text).shared();
    let Some(document) = fast::parse(text, &limits) else { return false };
    match parse::by_engine(text, &limits) {
        Ok(other) => {
            assert!(document == other, "the readers differ over:\n{}\n{document:#?}\n{other:#?}", &**text);
        }
        Err(error) => panic!("only the fast reader takes:\n{}\n{error}", &**text),
    }
    true
}

#[test]
fn takes_the_common_shape() {
    for text in [
        "a: 1\n",
        "a: 1",
        "# c\n\na: b c  # d\n'b': \"x: # y\" # z\n",
        "a:\n  b:\n    c: d\n  e: f\ng:\n",
        "a:\n- x\n- y: 1\n  z: 2\n-\n- - 1\n  - 2\nb:\n  - x\n  -   y: 1\n      z:\n",
        "- a\n# c\n-\n  b: c\n-\n",
        "---\na: 1\n---\n# c\nb: 2\n",
        "a: |\n  x\n   y\n\n  z\nb: |-\n  x\n\n\n# c\n",
        "a: {}\nb: [] # c\n",
        "http://x: http://y#z\n",
        "é: \"\\u00e9\\n\"\n\"\": ''\n",
        "a:\n  # c\n  b: 1\n # d\nc: 2\n",
        "- a: 1\n- b:\n  - 1\n- c:\n    - 1\n",
        "a: -5\nb: ?x\nc: :x\n-a: 1\n?b: 2\n",
    ] {
        assert!(takes(text), "{text}");
    }
}

#[test]
fn leaves_the_rest_to_the_engine() {
    for text in [
        "",
        "# c\n",
        "a\n",
        "a: b\n  c\n",
        "a:\n  b\n",
        "a: 'x\n  y'\n",
        "a: [1]\n",
        "a: &x 1\n",
        "a: !t 1\n",
        "a: *x\n",
        "a: >\n  x\n",
        "a: |+\n  x\n",
        "a: |2\n  x\n",
        "a: |\n\n  x\n",
        "a: 1\r\n",
        "a:\t1\n",
        "? a\n: 1\n",
        "a: 1\na: 2\n",
        "%YAML 1.2\n---\na: 1\n",
        "a: 1\n...\n",
        "--- a\n",
        "---\n",
        "\u{feff}a: 1\n",
        "a: b: c\n",
        "a: 'x'y\n",
        "a : 1\n",
        "  a: 1\nb: 2\n",
        "a: 1\n  b: 2\n",
        "- a\nb: 1\n",
        "a: 1\n- b\n",
        "a: - b\n",
        "a:\n  - b\n c: 1\n",
        "a: @x\n",
        "a: `x\n",
    ] {
        assert!(!takes(text), "{text:?}");
    }
}

#[test]
fn every_short_text_is_read_as_the_engine_reads_it() {
    let mut taken = 0;
    let letters = ["a", "b", ":", "-", " ", "\n", "#", "'", "\"", "|", "{}", "?", "\\"];
    let mut digits = [0_usize; 5];
    loop {
        let text: String = digits.iter().map(|digit| letters[*digit]).collect();
        // Behind a beginning that makes more of them valid.
        for head in ["", "a: ", "a:\n  - b: c\n"] {
            taken += usize::from(takes(&format!("{head}{text}")));
        }
        let Some(place) = digits.iter().rposition(|digit| *digit + 1 < letters.len()) else { break };
        digits[place] += 1;
        digits[place + 1..].fill(0);
    }
    assert!(taken > 10_000, "only {taken}");
}
