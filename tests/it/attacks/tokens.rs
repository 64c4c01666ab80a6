//! Manipulations inside tokens, tails and the other texts in base64.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use super::manipulate::{Material, foreign, key_of};
use crate::support::Dice;

/// A place of a token or of another long text in base64: line, first and last byte.
type Spot = (usize, usize, usize);

/// Exchanges, mixes and flips.
pub(super) fn manipulate(lines: &mut [String], material: &Material<'_>, dice: &mut Dice) {
    let own = spots(lines);
    if own.is_empty() {
        return;
    }
    let others = foreign(material, dice);
    let spot = *dice.pick(&own);
    let (line, start, end) = spot;
    let here = lines[line][start..end].to_owned();
    let there = match dice.roll(3) {
        0 => pick(lines, &own, dice),
        1 => counterpart(&others, key_of(&lines[line]), dice).unwrap_or_else(|| here.clone()),
        _ => pick(&others, &spots(&others), dice),
    };
    let new = match dice.roll(9) {
        0 => {
            // Two of the same file change places.
            let (other, from, to) = *dice.pick(&own);
            if other != line {
                let text = lines[other][from..to].to_owned();
                lines[other].replace_range(from..to, &here);
                text
            } else {
                there
            }
        }
        1 => there,
        2 => halves(&here, &there, dice),
        3 | 4 => tails(&here, &there, dice),
        5 | 6 => flip(&here, dice),
        7 => {
            let at = dice.roll(here.len());
            let mut bytes = here.clone().into_bytes();
            bytes[at] = *dice.pick(b"ABab01_-.");
            String::from_utf8(bytes).unwrap_or(here)
        }
        _ => {
            let cut = dice.roll(here.len());
            if dice.chance(50) { here[..cut].to_owned() } else { format!("{here}A") }
        }
    };
    lines[line].replace_range(start..end, &new);
}

fn spots(lines: &[String]) -> Vec<Spot> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    let mut spots = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let mut at = 0;
        for word in line.split_inclusive(|c| !is_part(c)) {
            let text = word.trim_end_matches(|c| !is_part(c));
            if text.len() >= 20 && !text.starts_with("age1") {
                spots.push((index, at, at + text.len()));
            }
            at += word.len();
        }
    }
    spots
}

fn pick(lines: &[String], spots: &[Spot], dice: &mut Dice) -> String {
    let (line, start, end) = *dice.pick(spots);
    lines[line][start..end].to_owned()
}

fn counterpart(lines: &[String], key: &str, dice: &mut Dice) -> Option<String> {
    let same: Vec<Spot> = spots(lines).into_iter().filter(|spot| key_of(&lines[spot.0]) == key).collect();
    (!same.is_empty()).then(|| pick(lines, &same, dice))
}

/// Ciphertext of one, tail of the other.
fn halves(here: &str, there: &str, dice: &mut Dice) -> String {
    match (here.rsplit_once('.'), there.rsplit_once('.')) {
        (Some((front, _)), Some((_, tail))) if dice.chance(50) => format!("{front}.{tail}"),
        (Some((_, tail)), Some((front, _))) => format!("{front}.{tail}"),
        _ => there.to_owned(),
    }
}

/// Number, tag or seal of the other's tail; or a number of one's own.
fn tails(here: &str, there: &str, dice: &mut Dice) -> String {
    let (front, tail) = here.rsplit_once('.').map_or((None, here), |(front, tail)| (Some(front), tail));
    let other = there.rsplit_once('.').map_or(there, |(_, tail)| tail);
    let decode = |text: &str| BASE64_URL_SAFE_NO_PAD.decode(text).ok().filter(|bytes| bytes.len() == 36);
    let (Some(mut bytes), Some(other)) = (decode(tail), decode(other)) else { return here.to_owned() };
    match dice.roll(6) {
        0 => bytes[..4].copy_from_slice(&other[..4]),
        1 => bytes[4..20].copy_from_slice(&other[4..20]),
        2 | 3 => bytes[20..].copy_from_slice(&other[20..]),
        4 => bytes[..20].copy_from_slice(&other[..20]),
        _ => bytes[3] = bytes[3].wrapping_add(u8::try_from(dice.roll(5)).unwrap_or(1)).wrapping_sub(2),
    }
    let tail = BASE64_URL_SAFE_NO_PAD.encode(bytes);
    front.map_or_else(|| tail.clone(), |front| format!("{front}.{tail}"))
}

/// One bit of what the text encodes.
fn flip(here: &str, dice: &mut Dice) -> String {
    let (front, part, back) = match here.strip_prefix("sealed.v1.").and_then(|rest| rest.split_once('.')) {
        Some((value, tail)) if dice.chance(40) => ("sealed.v1.", value, format!(".{tail}")),
        Some((_, tail)) => (&here[..here.len() - tail.len()], tail, String::new()),
        None => ("", here, String::new()),
    };
    let Ok(mut bytes) = BASE64_URL_SAFE_NO_PAD.decode(part) else { return here.to_owned() };
    if bytes.is_empty() {
        return here.to_owned();
    }
    let at = dice.roll(bytes.len());
    bytes[at] ^= 1 << dice.roll(8);
    format!("{front}{}{back}", BASE64_URL_SAFE_NO_PAD.encode(bytes))
}
