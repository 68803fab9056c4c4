//! BER-TLV as cards write it (ISO 7816-4 section 5.2.2), with bounds.

use zeroize::Zeroizing;

/// A tag with its value inside bytes that a card sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tlv<'a> {
    /// The tag's bytes as a number, `0x7f49`.
    pub tag: u32,
    /// The value.
    pub value: &'a [u8],
}

/// The bytes are no BER-TLV, or of a form that cards do not use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlvError {
    /// It ends in the middle of a tag, a length or a value.
    #[error("it is cut short")]
    Cut,
    /// A tag of more than three bytes.
    #[error("a tag is too long")]
    Tag,
    /// An indefinite length, or one of more than three bytes.
    #[error("a length is of a form that cards do not use")]
    Length,
}

impl<'a> Tlv<'a> {
    /// Reads the first one; gives what follows it.
    pub fn read(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), TlvError> {
        let (tag, rest) = read_tag(bytes)?;
        let (length, rest) = read_length(rest)?;
        let (value, rest) = rest.split_at_checked(length).ok_or(TlvError::Cut)?;
        Ok((Self { tag, value }, rest))
    }

    /// All of them, one after the other. Ends with the first error.
    pub fn all(bytes: &'a [u8]) -> impl Iterator<Item = Result<Self, TlvError>> {
        let mut rest = bytes;
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            match Self::read(rest) {
                Ok((tlv, after)) => {
                    rest = after;
                    Some(Ok(tlv))
                }
                Err(error) => {
                    rest = &[];
                    Some(Err(error))
                }
            }
        })
    }

    /// The value of the first with this tag; `None` where there is none before the end or an error.
    pub fn find(bytes: &'a [u8], tag: u32) -> Option<&'a [u8]> {
        Self::all(bytes).map_while(Result::ok).find(|tlv| tlv.tag == tag).map(|tlv| tlv.value)
    }
}

fn read_tag(bytes: &[u8]) -> Result<(u32, &[u8]), TlvError> {
    let (&first, mut rest) = bytes.split_first().ok_or(TlvError::Cut)?;
    let mut tag = u32::from(first);
    if first & 0x1f == 0x1f {
        for place in 0.. {
            if place == 2 {
                return Err(TlvError::Tag);
            }
            let (&next, after) = rest.split_first().ok_or(TlvError::Cut)?;
            tag = tag << 8 | u32::from(next);
            rest = after;
            if next & 0x80 == 0 {
                break;
            }
        }
    }
    Ok((tag, rest))
}

fn read_length(bytes: &[u8]) -> Result<(usize, &[u8]), TlvError> {
    let (&first, rest) = bytes.split_first().ok_or(TlvError::Cut)?;
    let width = match first {
        0..=0x7f => return Ok((usize::from(first), rest)),
        0x81..=0x83 => usize::from(first & 0x0f),
        _ => return Err(TlvError::Length),
    };
    let (length, rest) = rest.split_at_checked(width).ok_or(TlvError::Cut)?;
    Ok((length.iter().fold(0, |length, &byte| length << 8 | usize::from(byte)), rest))
}

/// Bytes for a card; wiped, since PINs and keys are among them.
#[derive(Clone, Default)]
pub(crate) struct Writer(Zeroizing<Vec<u8>>);

/// More than any command here has, so that no copy of a secret is left behind by a vector that grows.
const ROOM: usize = 4096;

impl Writer {
    pub(crate) fn new() -> Self {
        Self(Zeroizing::new(Vec::with_capacity(ROOM)))
    }

    /// Adds a tag with its value.
    pub(crate) fn put(mut self, tag: u32, value: &[u8]) -> Self {
        let tag = tag.to_be_bytes();
        let start = tag.iter().position(|&byte| byte != 0).unwrap_or(3);
        self.0.extend_from_slice(&tag[start..]);
        let length = (value.len() as u32).to_be_bytes();
        match value.len() {
            0..=0x7f => self.0.push(length[3]),
            0x80..=0xff => self.0.extend_from_slice(&[0x81, length[3]]),
            0x100..=0xffff => self.0.extend_from_slice(&[0x82, length[2], length[3]]),
            _ => self.0.extend_from_slice(&[0x83, length[1], length[2], length[3]]),
        }
        self.0.extend_from_slice(value);
        self
    }

    /// Adds bytes as they are.
    pub(crate) fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn finish(self) -> Zeroizing<Vec<u8>> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lengths_of_one_to_four_bytes_are_read_and_written() {
        for length in [0, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x1_0000] {
            let value = vec![7; length];
            let bytes = Writer::new().put(0x7f49, &value).raw(&[1, 2]).finish();
            let (tlv, rest) = Tlv::read(&bytes).expect("what was written");
            assert_eq!((tlv.tag, tlv.value, rest), (0x7f49, &value[..], &[1, 2][..]));
        }
    }

    #[test]
    fn what_is_cut_or_absurd_is_refused() {
        assert_eq!(Tlv::read(&[]), Err(TlvError::Cut));
        assert_eq!(Tlv::read(&[0x53]), Err(TlvError::Cut));
        assert_eq!(Tlv::read(&[0x53, 2, 1]), Err(TlvError::Cut));
        assert_eq!(Tlv::read(&[0x53, 0x80]), Err(TlvError::Length));
        assert_eq!(Tlv::read(&[0x53, 0x84, 0xff, 0xff, 0xff, 0xff]), Err(TlvError::Length));
        assert_eq!(Tlv::read(&[0x53, 0x83, 0xff, 0xff, 0xff]), Err(TlvError::Cut));
        assert_eq!(Tlv::read(&[0x5f, 0xc1, 0xc1, 0xc1, 1]), Err(TlvError::Tag));
        assert_eq!(Tlv::all(&[0x80, 0, 0x81]).count(), 2, "one, and the error that ends it");
    }

    proptest! {
        #[test]
        fn any_bytes_end(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let inside: usize = Tlv::all(&bytes).map_while(Result::ok).map(|tlv| tlv.value.len()).sum();
            prop_assert!(inside <= bytes.len());
        }
    }
}
