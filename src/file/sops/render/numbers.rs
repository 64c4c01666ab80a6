//! Floats in the ways of Go's formats. All have the shortest digits that come back.

/// The digits of a finite number and where its point is: `0.d1d2d3… × 10^point`.
struct Digits {
    is_negative: bool,
    digits: String,
    point: i32,
}

impl Digits {
    fn of(number: f64) -> Self {
        let text = format!("{:e}", number.abs());
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
        let point = exponent.parse::<i32>().unwrap_or_default() + 1;
        Self { is_negative: number.is_sign_negative(), digits, point }
    }

    /// With an exponent of at least two digits.
    fn scientific(&self, letter: char, least: usize) -> String {
        let (first, rest) = self.digits.split_at(1.min(self.digits.len()));
        let exponent = if self.digits == "0" { 0 } else { self.point - 1 };
        let sign = if exponent < 0 { '-' } else { '+' };
        let parting = if rest.is_empty() { "" } else { "." };
        let minus = if self.is_negative { "-" } else { "" };
        format!("{minus}{first}{parting}{rest}{letter}{sign}{:0least$}", exponent.abs())
    }
}

/// Of YAML: an exponent below -4 and from 6 on. Not for infinities.
pub(super) fn general(number: f64, letter: char) -> String {
    let digits = Digits::of(number);
    let exponent = if number == 0.0 { 0 } else { digits.point - 1 };
    if (-4..6).contains(&exponent) { number.to_string() } else { digits.scientific(letter, 2) }
}

/// Of JSON: an exponent below -6 and from 21 on, without zeros before it.
pub(super) fn json(number: f64) -> String {
    let is_plain = number == 0.0 || (1e-6..1e21).contains(&number.abs());
    if is_plain { number.to_string() } else { Digits::of(number).scientific('e', 1) }
}

/// Of dotenv and INI: never to be taken for an integer.
pub(super) fn line(number: f64) -> String {
    match number {
        f64::INFINITY => "+Inf".to_owned(),
        f64::NEG_INFINITY => "-Inf".to_owned(),
        number if number.is_nan() => "NaN".to_owned(),
        number => {
            let text = general(number, 'E');
            if text.contains(['.', 'E']) { text } else { format!("{number:.1}") }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_of_go() {
        for (number, yaml, in_json, in_lines) in [
            (1.0, "1", "1", "1.0"),
            (0.0, "0", "0", "0.0"),
            (999_999.0, "999999", "999999", "999999.0"),
            (123_456.789, "123456.789", "123456.789", "123456.789"),
            (1e6, "1e+06", "1000000", "1E+06"),
            (1_234_567.0, "1.234567e+06", "1234567", "1.234567E+06"),
            (12_345_678.5, "1.23456785e+07", "12345678.5", "1.23456785E+07"),
            (0.0001, "0.0001", "0.0001", "0.0001"),
            (1e-5, "1e-05", "0.00001", "1E-05"),
            (1e-7, "1e-07", "1e-7", "1E-07"),
            (1e21, "1e+21", "1e+21", "1E+21"),
            (-2.5, "-2.5", "-2.5", "-2.5"),
            (1e300, "1e+300", "1e+300", "1E+300"),
        ] {
            assert_eq!(
                (general(number, 'e').as_str(), json(number).as_str(), line(number).as_str()),
                (yaml, in_json, in_lines)
            );
        }
    }
}
