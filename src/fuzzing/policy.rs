//! Patterns against a matcher that is slow and simple.

use crate::document::{KeyPath, Step};
use crate::policy::Selection;

/// See [`super::policy`].
pub(super) fn check(text: &str) {
    let (patterns, path) = text.rsplit_once('\n').unwrap_or((text, "a[0]"));
    let Ok(path) = KeyPath::parse(path) else { return };
    assert_eq!(KeyPath::parse(&path.to_string()).as_ref(), Ok(&path), "a path reads as it is shown");
    let (clear, encrypt): (Vec<&str>, Vec<&str>) =
        patterns.split('\n').partition(|line| line.starts_with('!'));
    let encrypt: Vec<String> = encrypt.into_iter().map(str::to_owned).collect();
    let clear: Vec<String> = clear.into_iter().map(|line| line[1..].to_owned()).collect();
    let Ok(selection) = Selection::parse(&encrypt, &clear) else { return };

    let covers = |list: &[String], steps: &[Step]| {
        list.iter()
            .position(|pattern| (0..=steps.len()).any(|end| matches(&segments(pattern), &steps[..end])))
    };
    let mut place = selection.start();
    for end in 0..=path.steps.len().min(LONGEST) {
        let steps = &path.steps[..end];
        let (by_encrypt, by_clear) = (covers(&encrypt, steps), covers(&clear, steps));
        let secret = by_clear.is_none() && by_encrypt.is_some();
        assert_eq!(place.is_secret(), secret, "{patterns:?} at {:?}", steps);
        assert_eq!(selection.covers(steps), secret);
        let decided = by_clear.map(|at| clear[at].as_str()).or(by_encrypt.map(|at| encrypt[at].as_str()));
        assert_eq!(place.decided_by(), decided);
        if let Some(step) = path.steps.get(end) {
            place = place.enter(step);
        }
    }
    // A walk far down costs no more a step than one near the root: a run that hangs here is a find.
    for step in path.steps.iter().cycle().take(DEEP * path.steps.len().min(1)) {
        place = place.enter(step);
    }
    drop(place);
}

#[derive(Debug)]
enum Segment {
    Deep,
    /// The key's characters; `None` is a star.
    Key(Vec<Option<char>>),
    /// `None` is a star.
    Index(Option<usize>),
}

/// Cuts a pattern that the parser took.
fn segments(pattern: &str) -> Vec<Segment> {
    let mut segments = Vec::new();
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '.' => {}
            '[' => {
                let text: String = chars.by_ref().take_while(|c| *c != ']').collect();
                segments.push(Segment::Index(text.parse().ok()));
            }
            '"' => {
                let mut key = Vec::new();
                while let Some(c) = chars.next().filter(|c| *c != '"') {
                    key.push(if c == '\\' { chars.next() } else { Some(c) });
                }
                segments.push(Segment::Key(key));
            }
            first => {
                let mut name = first.to_string();
                while let Some(c) = chars.next_if(|c| !matches!(c, '.' | '[')) {
                    name.push(c);
                }
                segments.push(if name == "**" {
                    Segment::Deep
                } else {
                    Segment::Key(name.chars().map(|c| Some(c).filter(|c| *c != '*')).collect())
                });
            }
        }
    }
    segments
}

/// Whether the segments match all the steps: a table of every pair of ends.
fn matches(segments: &[Segment], steps: &[Step]) -> bool {
    let fits = |segment: &Segment, step: &Step| match (segment, step) {
        (Segment::Key(key), Step::Key(text)) => globs(key, &text.chars().collect::<Vec<_>>()),
        (Segment::Index(wanted), Step::Index(index)) => wanted.is_none_or(|wanted| wanted == *index),
        _ => false,
    };
    let mut row = vec![false; steps.len() + 1];
    row[0] = true;
    for segment in segments {
        let mut next = vec![false; row.len()];
        for at in 0..row.len() {
            next[at] = match segment {
                Segment::Deep => row[at] || (at > 0 && next[at - 1]),
                segment => at > 0 && row[at - 1] && fits(segment, &steps[at - 1]),
            };
        }
        row = next;
    }
    row[steps.len()]
}

/// The same for a key's characters.
fn globs(key: &[Option<char>], text: &[char]) -> bool {
    let mut row = vec![false; text.len() + 1];
    row[0] = true;
    for wanted in key {
        let mut next = vec![false; row.len()];
        for at in 0..row.len() {
            next[at] = match wanted {
                None => row[at] || (at > 0 && next[at - 1]),
                Some(c) => at > 0 && row[at - 1] && text[at - 1] == *c,
            };
        }
        row = next;
    }
    row[text.len()]
}

/// The slow matcher takes the cube of it.
const LONGEST: usize = 12;
const DEEP: usize = 10_000;
