//! "Did you mean": the nearest of some known words.

/// The candidate that is nearest to `word`, if it is near enough to be meant. Of equally near ones, the first.
///
/// Near is at most one slip in three characters, and at least one; a slip is a character too many, too few, wrong, or
/// swapped with its neighbour (optimal string alignment distance).
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word: Vec<char> = word.chars().take(LONGEST).flat_map(char::to_lowercase).collect();
    let limit = (word.len() / 3).max(1);
    let near = candidates.into_iter().filter_map(|candidate| {
        let other: Vec<char> = candidate.chars().take(LONGEST).flat_map(char::to_lowercase).collect();
        Some((distance(&word, &other), candidate)).filter(|(distance, _)| *distance <= limit)
    });
    near.min_by_key(|(distance, _)| *distance).map(|(_, candidate)| candidate)
}

/// Three rows of the usual table are enough: a swap looks back two.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let replaced = last[j] + usize::from(x != y);
            let mut best = replaced.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                best = best.min(before[j - 1] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

/// Longer words are compared by their beginning.
const LONGEST: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn check(word: &str, expect: Option<&str>) {
        assert_eq!(nearest(word, ["files", "to", "encrypt", "clear", "comments", "alice"]), expect, "{word}");
    }

    #[test]
    fn slips_are_forgiven() {
        check("file", Some("files"));
        check("fiels", Some("files"));
        check("encyrpt", Some("encrypt"));
        check("coments", Some("comments"));
        check("Alice", Some("alice"));
        check("ot", Some("to"));
        check("recipients", None);
        check("", None);
        check("x", None);
    }

    #[test]
    fn long_words_cost_little() {
        check(&"x".repeat(1 << 20), None);
    }
}
