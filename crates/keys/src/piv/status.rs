//! How a card ends its answers (ISO 7816-4 section 5.6; SP 800-73-4 part 2).

use std::fmt;

/// A status word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// 90 00.
    Success,
    /// 61 xx: so many bytes are still there (0 is 256 or more).
    More(u8),
    /// 6C xx: ask again with this length.
    WrongLength(u8),
    /// 63 Cx: a secret was wrong, or is wanted; it may be wrong so often still.
    TriesLeft(u8),
    /// 69 82: the PIN or the management key is missing, or nobody touched the key in time.
    SecurityNotSatisfied,
    /// 69 83.
    Blocked,
    /// 69 85.
    ConditionsNotSatisfied,
    /// 6A 80: the card does not like the data: among them a secret that is too weak for it.
    BadData,
    /// 6A 81.
    NotSupported,
    /// 6A 82.
    NotFound,
    /// 6A 84.
    NoSpace,
    /// 6A 86.
    BadParameters,
    /// 6A 88: no key there.
    NoKey,
    /// 6D 00, 6E 00: the firmware has no such command.
    UnknownCommand,
    /// Any other.
    Other(u16),
}

impl From<[u8; 2]> for Status {
    fn from(bytes: [u8; 2]) -> Self {
        match bytes {
            [0x90, 0x00] => Self::Success,
            [0x61, count] => Self::More(count),
            [0x6c, length] => Self::WrongLength(length),
            [0x63, tries] if tries & 0xf0 == 0xc0 => Self::TriesLeft(tries & 0x0f),
            [0x69, 0x82] => Self::SecurityNotSatisfied,
            [0x69, 0x83] => Self::Blocked,
            [0x69, 0x85] => Self::ConditionsNotSatisfied,
            [0x6a, 0x80] => Self::BadData,
            [0x6a, 0x81] => Self::NotSupported,
            [0x6a, 0x82] => Self::NotFound,
            [0x6a, 0x84] => Self::NoSpace,
            [0x6a, 0x86] => Self::BadParameters,
            [0x6a, 0x88] => Self::NoKey,
            [0x6d | 0x6e, _] => Self::UnknownCommand,
            other => Self::Other(u16::from_be_bytes(other)),
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Success => "success",
            Self::More(_) => "more is there than was fetched",
            Self::WrongLength(_) => "another length is wanted",
            Self::TriesLeft(tries) => return write!(formatter, "a secret is wrong; {tries} tries are left"),
            Self::SecurityNotSatisfied => "it wants a PIN, its management key or a touch first (69 82)",
            Self::Blocked => "the secret is blocked (69 83)",
            Self::ConditionsNotSatisfied => "not under these conditions (69 85)",
            Self::BadData => "it does not accept the data (6A 80)",
            Self::NotSupported => "it cannot do this (6A 81)",
            Self::NotFound => "nothing is there (6A 82)",
            Self::NoSpace => "it is full (6A 84)",
            Self::BadParameters => "it does not know these parameters (6A 86)",
            Self::NoKey => "no key is there (6A 88)",
            Self::UnknownCommand => "its firmware has no such command",
            Self::Other(word) => return write!(formatter, "status {word:04X}"),
        })
    }
}
