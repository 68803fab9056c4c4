//! A text out of JSON that is wiped when dropped.

use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

#[derive(Clone, Default)]
pub(super) struct Secret(pub(super) Zeroizing<String>);

impl Secret {
    /// Itself, unless it is empty: docker writes empty fields.
    pub(super) fn given(self) -> Option<Zeroizing<String>> {
        Some(self.0).filter(|text| !text.is_empty())
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Zeroizing::new(text)))
    }
}
