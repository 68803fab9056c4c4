//! What each firmware of a YubiKey has, and what is said where it has it not.

use crate::Firmware;

/// Something that not every firmware has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ability {
    /// A touch that counts for 15 s.
    CachedTouch,
    /// Statements that a key was made inside.
    Attestation,
    /// The serial number from the PIV application.
    SerialNumber,
    /// Telling algorithm, policies and origin of a key, and whether secrets are those from the factory.
    Metadata,
    /// Management keys for AES.
    AesManagementKey,
    /// Moving and deleting keys.
    MoveAndDelete,
    /// Keys for Ed25519.
    Ed25519,
}

impl Ability {
    /// All, oldest first.
    pub const ALL: [Self; 7] = [
        Self::CachedTouch,
        Self::Attestation,
        Self::SerialNumber,
        Self::Metadata,
        Self::AesManagementKey,
        Self::MoveAndDelete,
        Self::Ed25519,
    ];

    /// The first firmware that has it.
    pub fn since(self) -> Firmware {
        match self {
            Self::CachedTouch | Self::Attestation => Firmware::new(4, 3, 0),
            Self::SerialNumber => Firmware::new(5, 0, 0),
            Self::Metadata => Firmware::new(5, 3, 0),
            Self::AesManagementKey => Firmware::new(5, 4, 0),
            Self::MoveAndDelete | Self::Ed25519 => Firmware::new(5, 7, 0),
        }
    }

    /// What it means for a person that it is missing.
    pub fn lack(self) -> &'static str {
        match self {
            Self::CachedTouch => {
                "each signature needs a touch of its own (--touch always): it has no touch that counts for 15 s"
            }
            Self::Attestation => "it cannot attest that a key was made inside it",
            Self::SerialNumber => "its serial number comes from another application, and asking for it locks the PIN",
            Self::Metadata => {
                "it does not tell a key's policies, nor whether PIN, PUK and management key are still those from the \
                 factory, nor whether a slot holds an imported key without a certificate"
            }
            Self::AesManagementKey => "its management key is for 3DES",
            Self::MoveAndDelete => "a key cannot be moved or deleted, only overwritten",
            Self::Ed25519 => "it has no keys for Ed25519, which firmware 5.7 and later have; take p256 or p384",
        }
    }
}

impl Firmware {
    /// What a card says that is no YubiKey.
    pub const UNKNOWN: Self = Self::new(0, 0, 0);

    /// Whether it has this.
    pub fn has(self, ability: Ability) -> bool {
        self >= ability.since()
    }

    /// What it lacks.
    pub fn lacks(self) -> impl Iterator<Item = Ability> {
        Ability::ALL.into_iter().filter(move |ability| !self.has(*ability))
    }
}
