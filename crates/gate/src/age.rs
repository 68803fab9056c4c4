//! How old something may be, as a policy writes it: `12h`, `7d`, `2w`.

use std::fmt;
use std::str::FromStr;

use time::Duration;

/// A whole number of hours, days or weeks, at least one hour and at most ten years.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Age {
    hours: u32,
}

/// Ten years: more is a mistake, and every sum with it stays inside what a date can hold.
const LONGEST_IN_HOURS: u32 = 24 * 3653;

impl Age {
    /// It as a duration.
    pub fn duration(self) -> Duration {
        Duration::hours(i64::from(self.hours))
    }
}

/// The text is no age.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an age; write a whole number of hours, days or weeks such as \"12h\", \"7d\" or \"2w\"")]
pub struct AgeError(String);

impl FromStr for Age {
    type Err = AgeError;

    fn from_str(text: &str) -> Result<Self, AgeError> {
        let wrong = || AgeError(text.chars().take(40).collect());
        let unit = text.chars().last().ok_or_else(wrong)?;
        let hours_each = match unit {
            'h' => 1,
            'd' => 24,
            'w' => 24 * 7,
            _ => return Err(wrong()),
        };
        let digits = &text[..text.len() - unit.len_utf8()];
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(wrong());
        }
        let hours = digits.parse::<u32>().ok().and_then(|number| number.checked_mul(hours_each)).ok_or_else(wrong)?;
        if hours == 0 || hours > LONGEST_IN_HOURS {
            return Err(wrong());
        }
        Ok(Self { hours })
    }
}

impl fmt::Display for Age {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&in_words(self.duration()))
    }
}

/// A span of time in the largest unit that says it well: `7 days`, `36 hours`, `1 hour`, `less than an hour`.
pub(crate) fn in_words(span: Duration) -> String {
    let hours = span.whole_hours();
    match hours {
        ..1 => "less than an hour".to_owned(),
        1 => "1 hour".to_owned(),
        2..48 if hours != 24 => format!("{hours} hours"),
        24 => "1 day".to_owned(),
        _ => format!("{} days", hours / 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_days_and_weeks_are_read() {
        assert_eq!("12h".parse::<Age>().unwrap().duration(), Duration::hours(12));
        assert_eq!("7d".parse::<Age>().unwrap().duration(), Duration::days(7));
        assert_eq!("2w".parse::<Age>().unwrap(), "14d".parse().unwrap());
    }

    #[test]
    fn anything_else_is_refused() {
        for text in
            ["", "7", "d", "0d", "-1d", "+1d", "1.5d", "7 d", "7D", "7m", "7é", "99999999999d", "4000000000w", "11000w"]
        {
            assert!(text.parse::<Age>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn an_age_is_told_in_words() {
        let words: Vec<String> = ["1h", "12h", "24h", "36h", "7d", "2w"]
            .iter()
            .map(|text| text.parse::<Age>().unwrap().to_string())
            .collect();
        assert_eq!(words, ["1 hour", "12 hours", "1 day", "36 hours", "7 days", "14 days"]);
    }
}
