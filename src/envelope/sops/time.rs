//! Times as SOPS reads and writes them: RFC 3339 with up to nine digits behind the second, and YAML's older forms.

/// A time of day at a place, to the nanosecond. Only as good as text: nothing is computed with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Time {
    date: [u16; 3],
    clock: [u8; 3],
    nanoseconds: u32,
    /// Minutes east of Greenwich.
    offset: i16,
}

impl Time {
    /// Reads RFC 3339: `2024-01-02T03:04:05.5+02:00`.
    pub(super) fn read(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let is_strict =
            bytes.get(10) == Some(&b'T') && bytes.get(13) == Some(&b':') && bytes.get(16) == Some(&b':');
        if is_strict && bytes.get(7) == Some(&b'-') { Self::parse(text, true) } else { None }
    }

    /// Reads what a plain YAML scalar may be: one or two digits in each field, `T`, `t` with or a blank without a zone,
    /// or a date alone.
    pub(super) fn read_yaml(text: &str) -> Option<Self> {
        let has_zone = text.as_bytes().iter().any(|byte| matches!(byte, b'T' | b't'));
        Self::parse(text, has_zone)
    }

    fn parse(text: &str, has_zone: bool) -> Option<Self> {
        let mut rest = text;
        let year = take_number(&mut rest, 4, 4)?;
        let month = take_number(eat(&mut rest, "-")?, 1, 2)?;
        let day = take_number(eat(&mut rest, "-")?, 1, 2)?;
        let date = [year, month, day];
        let mut time = Self { date, clock: [0; 3], nanoseconds: 0, offset: 0 };
        if rest.is_empty() && !has_zone {
            return time.checked();
        }
        rest = match rest.strip_prefix(['T', 't']) {
            Some(rest) if has_zone => rest,
            None if !has_zone => rest.strip_prefix(' ')?.trim_start_matches(' '),
            _ => return None,
        };
        for (index, field) in time.clock.iter_mut().enumerate() {
            let rest = if index > 0 { eat(&mut rest, ":")? } else { &mut rest };
            *field = u8::try_from(take_number(rest, 1, 2)?).ok()?;
        }
        if let Some(fraction) = rest.strip_prefix(['.', ',']) {
            let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
            let (digits, behind) =
                fraction.split_at_checked(digits).filter(|(digits, _)| !digits.is_empty())?;
            let nine = digits.get(..9).unwrap_or(digits);
            let scale = 10_u32.checked_pow(9 - u32::try_from(nine.len()).ok()?)?;
            time.nanoseconds = nine.parse::<u32>().ok()?.checked_mul(scale)?;
            rest = behind;
        }
        if !has_zone {
            return rest.is_empty().then(|| time.checked())?;
        }
        time.offset = zone(rest)?;
        time.checked()
    }

    fn checked(self) -> Option<Self> {
        let [year, month, day] = self.date;
        let is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        let days = match month {
            2 => 28 + u16::from(is_leap),
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => return None,
        };
        let [hour, minute, second] = self.clock;
        ((1..=days).contains(&day) && hour < 24 && minute < 60 && second < 60).then_some(self)
    }

    /// Without what is behind the second, and in UTC: what `lastmodified` means.
    pub(super) fn seconds(mut self) -> Self {
        self.nanoseconds = 0;
        self
    }
}

/// RFC 3339, zeros behind the second left out.
impl std::fmt::Display for Time {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ([year, month, day], [hour, minute, second]) = (self.date, self.clock);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        if self.nanoseconds > 0 {
            let digits = format!("{:09}", self.nanoseconds);
            write!(f, ".{}", digits.trim_end_matches('0'))?;
        }
        if self.offset == 0 {
            return f.write_str("Z");
        }
        let (sign, minutes) = (if self.offset < 0 { '-' } else { '+' }, self.offset.unsigned_abs());
        write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

fn zone(text: &str) -> Option<i16> {
    if text == "Z" {
        return Some(0);
    }
    let mut rest = text.get(1..)?;
    let hours = i16::try_from(take_number(&mut rest, 2, 2)?).ok()?;
    let minutes = i16::try_from(take_number(eat(&mut rest, ":")?, 2, 2)?).ok()?;
    let offset = hours * 60 + minutes;
    let fits = rest.is_empty() && hours <= 24 && minutes < 60;
    match text.as_bytes().first() {
        Some(b'+') if fits => Some(offset),
        Some(b'-') if fits => Some(-offset),
        _ => None,
    }
}

fn eat<'a, 'b>(rest: &'b mut &'a str, what: &str) -> Option<&'b mut &'a str> {
    *rest = rest.strip_prefix(what)?;
    Some(rest)
}

fn take_number(rest: &mut &str, least: usize, most: usize) -> Option<u16> {
    let count = rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
    let (digits, behind) = rest.split_at_checked(count).filter(|_| count >= least)?;
    *rest = behind;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yaml_times() {
        for (text, expect) in [
            ("2024-1-2", Some("2024-01-02T00:00:00Z")),
            ("2024-02-30", None),
            ("2024-02-29", Some("2024-02-29T00:00:00Z")),
            ("2024-01-02t03:04:05z", None),
            ("2024-01-02T03:04:05.100Z", Some("2024-01-02T03:04:05.1Z")),
            ("2024-01-02 03:04", None),
            ("2024-01-02 3:4:5", Some("2024-01-02T03:04:05Z")),
            ("2024-01-02 03:04:05 Z", None),
            ("2024-01-02T03:04:05", None),
            ("2024-01-02T03:04:05+05:30", Some("2024-01-02T03:04:05+05:30")),
            ("2024-01-02T03:04:05+00:00", Some("2024-01-02T03:04:05Z")),
            ("2001-12-14t21:59:43.10-05:00", Some("2001-12-14T21:59:43.1-05:00")),
            ("24-01-02", None),
            ("2024-01-02x", None),
        ] {
            let found = Time::read_yaml(text).map(|time| time.to_string());
            assert_eq!(found.as_deref(), expect, "{text}");
        }
    }

    #[test]
    fn rfc_3339() {
        for text in ["2024-01-02T03:04:05Z", "2024-01-02T03:04:05.123456789+02:00"] {
            assert_eq!(Time::read(text).map(|time| time.to_string()).as_deref(), Some(text));
        }
        for text in ["2024-1-2T03:04:05Z", "2024-01-02", "2024-01-02t03:04:05Z", "2024-01-02T3:04:05Z", ""] {
            assert_eq!(Time::read(text), None, "{text}");
        }
    }
}
