//! What a finger does, in words.

use std::str::FromStr;
use std::time::Duration;

use virtual_card::Finger;

/// What the finger does whenever the card blinks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Habit {
    Ask,
    Down,
    After(Duration),
    Absent,
}

impl Habit {
    pub(crate) fn teach(self, finger: &Finger) {
        match self {
            Self::Ask => finger.up(),
            Self::Down => finger.down(),
            Self::After(delay) => finger.touch_after(delay),
            Self::Absent => finger.absent(),
        }
    }
}

impl FromStr for Habit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "ask" | "up" => Ok(Self::Ask),
            "down" => Ok(Self::Down),
            "absent" => Ok(Self::Absent),
            _ => {
                let delay = text.strip_prefix("after=").ok_or("a finger is ask, down, absent or after=2s")?;
                duration(delay).map(Self::After)
            }
        }
    }
}

/// `15s` or `300ms`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let number = |digits: &str| digits.parse().map_err(|_| format!("{text} is no time; write 15s or 300ms"));
    match text.strip_suffix("ms") {
        Some(digits) => number(digits).map(Duration::from_millis),
        None => number(text.strip_suffix('s').unwrap_or(text)).map(Duration::from_secs),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn habits_are_read_as_the_help_writes_them() {
        assert_eq!("ask".parse(), Ok(Habit::Ask));
        assert_eq!("after=2s".parse(), Ok(Habit::After(Duration::from_secs(2))));
        assert_eq!("after=300ms".parse(), Ok(Habit::After(Duration::from_millis(300))));
        assert!("later".parse::<Habit>().is_err());
        assert!("after=soon".parse::<Habit>().is_err());
    }
}
