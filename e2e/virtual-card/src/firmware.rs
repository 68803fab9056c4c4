//! What each firmware has, and what it lacks.

use std::fmt;
use std::str::FromStr;

/// A firmware of the YubiKey. The card answers as its last release in this series that is widely in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(non_camel_case_types, reason = "the names are version numbers")]
pub enum Firmware {
    /// 4.2.8: touch policies, but neither *cached* nor attestation; serial number only through the OTP application.
    V4_2,
    /// 4.3.5: *cached* touch and attestation.
    V4_3,
    /// 5.2.7: serial number by an instruction of PIV.
    V5_2,
    /// 5.4.3: metadata of keys, AES management keys.
    V5_4,
    /// 5.7.1: AES-192 management key from the factory, move and delete, Ed25519, X25519, RSA 3072 and 4096.
    V5_7,
    /// 5.7.4: as 5.7.1, with attestation under the newer root and its intermediates.
    V5_7_4,
}

impl Firmware {
    /// All of them, oldest first.
    pub const ALL: [Self; 6] = [Self::V4_2, Self::V4_3, Self::V5_2, Self::V5_4, Self::V5_7, Self::V5_7_4];

    /// Major, minor, patch.
    pub fn version(self) -> [u8; 3] {
        match self {
            Self::V4_2 => [4, 2, 8],
            Self::V4_3 => [4, 3, 5],
            Self::V5_2 => [5, 2, 7],
            Self::V5_4 => [5, 4, 3],
            Self::V5_7 => [5, 7, 1],
            Self::V5_7_4 => [5, 7, 4],
        }
    }

    fn since(self, version: [u8; 3]) -> bool {
        self.version() >= version
    }

    /// Touch that counts for 15 s.
    pub fn has_cached_touch(self) -> bool {
        self.since([4, 3, 0])
    }

    /// ATTEST.
    pub fn has_attestation(self) -> bool {
        self.since([4, 3, 0])
    }

    /// GET SERIAL in the PIV application.
    pub fn has_serial_in_piv(self) -> bool {
        self.since([5, 0, 0])
    }

    /// GET METADATA.
    pub fn has_metadata(self) -> bool {
        self.since([5, 3, 0])
    }

    /// Management keys of AES-128, AES-192 and AES-256.
    pub fn has_aes_management_key(self) -> bool {
        self.since([5, 4, 0])
    }

    /// VERIFY with P1 FF, which forgets the PIN.
    pub fn has_forget_pin(self) -> bool {
        self.since([5, 4, 3])
    }

    /// MOVE KEY, which also deletes.
    pub fn has_move_key(self) -> bool {
        self.since([5, 7, 0])
    }

    /// Ed25519, X25519, RSA 3072 and RSA 4096.
    pub fn has_new_algorithms(self) -> bool {
        self.since([5, 7, 0])
    }

    /// Attestation through intermediates, of the root of 2025.
    pub fn has_intermediates(self) -> bool {
        self.since([5, 7, 4])
    }

    /// Whether the OTP application can be selected over the smart card interface. On firmware 5 before 5.3 it cannot
    /// (as libykpiv's source says).
    pub(crate) fn has_otp_application(self) -> bool {
        self.version()[0] == 4 || self.since([5, 3, 0])
    }

    /// Answer to reset, as real keys of this generation send it.
    pub fn atr(self) -> &'static [u8] {
        if self.version()[0] == 4 {
            &[
                0x3b, 0xf8, 0x13, 0x00, 0x00, 0x81, 0x31, 0xfe, 0x15, 0x59, 0x75, 0x62, 0x69, 0x6b, 0x65, 0x79, 0x34,
                0xd4,
            ]
        } else {
            &[
                0x3b, 0xfd, 0x13, 0x00, 0x00, 0x81, 0x31, 0xfe, 0x15, 0x80, 0x73, 0xc0, 0x21, 0xc0, 0x57, 0x59, 0x75,
                0x62, 0x69, 0x4b, 0x65, 0x79, 0x40,
            ]
        }
    }
}

impl fmt::Display for Firmware {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.version();
        write!(formatter, "{major}.{minor}.{patch}")
    }
}

impl FromStr for Firmware {
    type Err = String;

    /// `5.4`, or a whole version of the list.
    fn from_str(text: &str) -> Result<Self, String> {
        let series = |firmware: &Self| {
            let [major, minor, _] = firmware.version();
            text == format!("{major}.{minor}") || text == firmware.to_string()
        };
        Self::ALL.into_iter().find(series).ok_or_else(|| {
            let known: Vec<String> = Self::ALL.iter().map(ToString::to_string).collect();
            format!("no firmware {text}; there are {}", known.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_names_its_first_and_a_version_itself() {
        assert_eq!("4.3".parse(), Ok(Firmware::V4_3));
        assert_eq!("5.7".parse(), Ok(Firmware::V5_7));
        assert_eq!("5.7.4".parse(), Ok(Firmware::V5_7_4));
        assert!("5.9".parse::<Firmware>().expect_err("unknown").contains("5.4.3"));
    }

    #[test]
    fn each_atr_ends_in_its_checksum() {
        for firmware in Firmware::ALL {
            let sum = firmware.atr()[1..].iter().fold(0, |sum, byte| sum ^ byte);
            assert_eq!(sum, 0, "{firmware}");
        }
    }
}
