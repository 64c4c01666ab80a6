//! One key-path pattern: its text, its segments, and the automaton they make.

use crate::document::Step;

/// A pattern that does not parse.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("pattern `{pattern}`: {reason} at character {at}")]
pub struct PatternError {
    /// The pattern.
    pub pattern: String,
    /// 1-based.
    pub at: usize,
    /// What is wrong.
    pub reason: &'static str,
}

/// A compiled pattern: a chain of segments, run as a nondeterministic automaton whose set of states is one word.
///
/// State `i` waits for segment `i`; the state behind the last segment accepts and is never left, which is what makes
/// a pattern cover everything inside what it matches.
#[derive(Debug)]
pub(super) struct Pattern {
    /// At most [`MAX_SEGMENTS`], and never two `**` in a row: they mean what one means.
    segments: Box<[Segment]>,
    /// The states that wait for `**`.
    deep: States,
}

/// A set of states of one [`Pattern`].
pub(super) type States = u64;

#[derive(Debug, PartialEq, Eq)]
enum Segment {
    Key(Name),
    Index(usize),
    AnyIndex,
    Deep,
}

#[derive(Debug, PartialEq, Eq)]
enum Name {
    Literal(Box<str>),
    /// The text before the first `*`, between the stars, and behind the last one.
    Glob {
        first: Box<str>,
        middle: Box<[Box<str>]>,
        last: Box<str>,
    },
}

/// One step down, borrowed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Down<'a> {
    Key(&'a str),
    Index(usize),
}

impl<'a> From<&'a Step> for Down<'a> {
    fn from(step: &'a Step) -> Self {
        match step {
            Step::Key(key) => Self::Key(key),
            Step::Index(index) => Self::Index(*index),
        }
    }
}

impl Pattern {
    /// Parses by the grammar of [`super::Selection`].
    pub(super) fn parse(text: &str) -> Result<Self, PatternError> {
        let mut parser = Parser { chars: text.chars().collect(), at: 0 };
        let mut segments = Vec::new();
        parser.pattern(&mut segments).map_err(|(at, reason)| PatternError {
            pattern: text.to_owned(),
            at: at + 1,
            reason,
        })?;
        segments.dedup_by(|next, before| *next == Segment::Deep && *before == Segment::Deep);
        if segments.len() > MAX_SEGMENTS {
            return Err(PatternError { pattern: text.to_owned(), at: 1, reason: "more than 63 segments" });
        }
        let deep = segments
            .iter()
            .enumerate()
            .filter(|(_, segment)| **segment == Segment::Deep)
            .fold(0, |deep, (at, _)| deep | 1 << at);
        Ok(Self { segments: segments.into(), deep })
    }

    /// `**`.
    pub(super) fn everything() -> Self {
        Self { segments: Box::new([Segment::Deep]), deep: 1 }
    }

    /// How many segments it has.
    pub(super) fn len(&self) -> usize {
        self.segments.len()
    }

    /// The states at the root.
    pub(super) const fn start(&self) -> States {
        self.skip(1)
    }

    /// The states one step further down.
    pub(super) fn enter(&self, states: States, step: Down<'_>) -> States {
        let accept = self.accept();
        if states & accept != 0 {
            return accept;
        }
        let mut next = states & self.deep;
        let mut waiting = states & !self.deep;
        while waiting != 0 {
            let at = waiting.trailing_zeros();
            waiting &= waiting - 1;
            if self.segments.get(at as usize).is_some_and(|segment| segment.matches(step)) {
                next |= 1 << (at + 1);
            }
        }
        self.skip(next)
    }

    /// Whether a place with these states is covered.
    pub(super) fn covers(&self, states: States) -> bool {
        states & self.accept() != 0
    }

    /// Whether nothing below a place with these states can change the answer.
    pub(super) fn is_settled(&self, states: States) -> bool {
        states == 0 || self.covers(states)
    }

    fn accept(&self) -> States {
        1 << self.segments.len()
    }

    /// Adds what is reached by letting `**` stand for no step. One shift is enough, as no two `**` are neighbours.
    const fn skip(&self, states: States) -> States {
        states | (states & self.deep) << 1
    }
}

impl Segment {
    fn matches(&self, step: Down<'_>) -> bool {
        match (self, step) {
            (Self::Key(name), Down::Key(key)) => name.matches(key),
            (Self::Index(wanted), Down::Index(index)) => *wanted == index,
            (Self::AnyIndex, Down::Index(_)) | (Self::Deep, _) => true,
            _ => false,
        }
    }
}

impl Name {
    /// Matches from the left, every piece at its first place: linear, and right, as an earlier place never leaves
    /// less room for the rest.
    fn matches(&self, key: &str) -> bool {
        match self {
            Self::Literal(name) => **name == *key,
            Self::Glob { first, middle, last } => {
                let Some(mut rest) = key.strip_prefix(&**first).and_then(|rest| rest.strip_suffix(&**last))
                else {
                    return false;
                };
                middle.iter().all(|piece| match rest.split_once(&**piece) {
                    Some((_, behind)) => {
                        rest = behind;
                        true
                    }
                    None => false,
                })
            }
        }
    }
}

struct Parser {
    chars: Vec<char>,
    at: usize,
}

/// 0-based character, and what is wrong there.
type Wrong = (usize, &'static str);

impl Parser {
    fn pattern(&mut self, segments: &mut Vec<Segment>) -> Result<(), Wrong> {
        if self.chars.is_empty() {
            return Err((0, "empty pattern"));
        }
        if let Some(at) = self.chars.iter().position(|c| c.is_control()) {
            return Err((at, "control character"));
        }
        if self.peek() == Some('#') {
            return Err((0, "a key that begins with `#` needs quotes (patterns hold for every document)"));
        }
        if self.peek() != Some('[') {
            segments.push(self.segment()?);
        }
        loop {
            match self.peek() {
                None => return Ok(()),
                Some('[') => segments.push(self.index()?),
                Some('.') => {
                    self.at += 1;
                    segments.push(self.segment()?);
                }
                Some(_) => return Err((self.at, "expected `.` or `[`")),
            }
        }
    }

    fn segment(&mut self) -> Result<Segment, Wrong> {
        if self.peek() == Some('"') {
            return Ok(Segment::Key(Name::Literal(self.quoted()?.into())));
        }
        let start = self.at;
        while let Some(c) = self.peek().filter(|c| !matches!(c, '.' | '[')) {
            match c {
                '"' => return Err((self.at, "a quote inside a segment")),
                ']' => return Err((self.at, "`]` without `[`")),
                '\\' => return Err((self.at, "a backslash outside quotes")),
                _ => self.at += 1,
            }
        }
        let name: String = self.chars.get(start..self.at).unwrap_or_default().iter().collect();
        if name.is_empty() {
            return Err((start, "empty segment"));
        }
        if name == "**" {
            return Ok(Segment::Deep);
        }
        if let Some((before, _)) = name.split_once("**") {
            return Err((start + before.chars().count(), "`**` must be a whole segment"));
        }
        Ok(Segment::Key(Name::new(&name)))
    }

    fn quoted(&mut self) -> Result<String, Wrong> {
        let open = self.at;
        let mut key = String::new();
        loop {
            self.at += 1;
            match self.peek().ok_or((open, "quote is not closed"))? {
                '"' => break,
                '\\' => {
                    self.at += 1;
                    match self.peek().ok_or((open, "quote is not closed"))? {
                        c @ ('"' | '\\') => key.push(c),
                        _ => return Err((self.at, "expected `\"` or `\\` behind the backslash")),
                    }
                }
                c => key.push(c),
            }
        }
        self.at += 1;
        Ok(key)
    }

    fn index(&mut self) -> Result<Segment, Wrong> {
        let open = self.at;
        let inside = self.chars.get(open + 1..).unwrap_or_default();
        let length = inside.iter().position(|c| *c == ']').ok_or((open, "bracket is not closed"))?;
        let text: String = inside.iter().take(length).collect();
        self.at = open + length + 2;
        if text == "*" {
            return Ok(Segment::AnyIndex);
        }
        let canonical =
            text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
        match text.parse::<u32>() {
            Ok(index) if canonical => Ok(Segment::Index(index as usize)),
            _ => Err((open + 1, "expected `*` or an index")),
        }
    }

    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }
}

impl Name {
    fn new(text: &str) -> Self {
        let mut pieces = text.split('*').map(Box::from);
        let first: Box<str> = pieces.next().unwrap_or_default();
        match pieces.next_back() {
            None => Self::Literal(first),
            Some(last) => Self::Glob { first, middle: pieces.collect(), last },
        }
    }
}

/// One bit of [`States`] is left for the accepting state.
const MAX_SEGMENTS: usize = 63;
