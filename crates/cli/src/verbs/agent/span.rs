//! Spans of time as they are typed: `90s`, `10m`, `2h`, `7d`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// The longest that is taken; more is a mistake.
const MOST_SECONDS: u64 = 366 * 24 * 60 * 60;

/// A whole number of seconds, minutes, hours or days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span(pub(super) Duration);

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("{text:?} is no span of time; write a whole number and a unit such as 90s, 10m, 2h or 7d");
        let unit = text.chars().last().ok_or_else(wrong)?;
        let each = match unit {
            's' => 1,
            'm' => 60,
            'h' => 60 * 60,
            'd' => 24 * 60 * 60,
            _ => return Err(wrong()),
        };
        let digits = &text[..text.len() - unit.len_utf8()];
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(wrong());
        }
        let seconds = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(each));
        seconds
            .filter(|seconds| *seconds <= MOST_SECONDS)
            .map(|seconds| Self(Duration::from_secs(seconds)))
            .ok_or_else(wrong)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        match [(86400, 'd'), (3600, 'h'), (60, 'm')]
            .into_iter()
            .find(|(each, _)| seconds > 0 && seconds.is_multiple_of(*each))
        {
            Some((each, unit)) => write!(formatter, "{}{unit}", seconds / each),
            None => write!(formatter, "{seconds}s"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_and_written_and_mistakes_are_refused() {
        for (text, seconds) in [("0s", 0), ("90s", 90), ("10m", 600), ("2h", 7200), ("7d", 604_800)] {
            let span: Span = text.parse().unwrap();
            assert_eq!((span.0.as_secs(), span.to_string().as_str()), (seconds, text));
        }
        for text in ["", "10", "m", "-1m", "1.5h", "10 m", "99999999999999999999d", "400d", "1µ"] {
            text.parse::<Span>().unwrap_err();
        }
    }
}
