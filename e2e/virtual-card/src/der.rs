//! DER (X.690) in the few forms that a certificate needs.

/// Any element.
pub(crate) fn element(tag: u8, value: &[u8]) -> Vec<u8> {
    let length = value.len();
    let bytes = length.to_be_bytes();
    let significant = &bytes[bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len())..];
    let mut element = vec![tag];
    if length < 0x80 {
        element.push(length as u8);
    } else {
        element.push(0x80 | significant.len() as u8);
        element.extend(significant);
    }
    element.extend(value);
    element
}

pub(crate) fn sequence(value: &[u8]) -> Vec<u8> {
    element(0x30, value)
}

pub(crate) fn null() -> Vec<u8> {
    element(5, &[])
}

pub(crate) fn octet_string(value: &[u8]) -> Vec<u8> {
    element(4, value)
}

/// Whole bytes only.
pub(crate) fn bit_string(value: &[u8]) -> Vec<u8> {
    element(3, &[&[0], value].concat())
}

/// A number that is not negative, from its bytes.
pub(crate) fn unsigned(bytes: &[u8]) -> Vec<u8> {
    let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
    let sign = bytes[start..].first().is_none_or(|byte| *byte >= 0x80);
    element(2, &[if sign { &[0][..] } else { &[] }, &bytes[start..]].concat())
}

pub(crate) fn oid(arcs: &[u64]) -> Vec<u8> {
    let mut bytes = vec![(arcs[0] * 40 + arcs[1]) as u8];
    for arc in &arcs[2..] {
        let groups = (64 - arc.leading_zeros()).div_ceil(7).max(1);
        bytes.extend((0..groups).rev().map(|group| {
            let more = if group > 0 { 0x80 } else { 0 };
            more | ((arc >> (7 * group)) & 0x7f) as u8
        }));
    }
    element(6, &bytes)
}

/// A name of one common name (RFC 5280 §4.1.2.4).
pub(crate) fn common_name(name: &str) -> Vec<u8> {
    let attribute = [oid(&[2, 5, 4, 3]), element(0x0c, name.as_bytes())].concat();
    sequence(&element(0x31, &sequence(&attribute)))
}

/// An element that was read.
pub(crate) struct Element<'a> {
    pub(crate) tag: u8,
    pub(crate) value: &'a [u8],
}

/// The first element, and what follows it; nothing where the bytes are none.
pub(crate) fn split(bytes: &[u8]) -> Option<(Element<'_>, &[u8])> {
    let [tag, length, rest @ ..] = bytes else { return None };
    let (length, rest) = match length {
        0..=0x7f => (usize::from(*length), rest),
        0x81 => (usize::from(*rest.first()?), &rest[1..]),
        0x82 => (usize::from(u16::from_be_bytes([*rest.first()?, *rest.get(1)?])), &rest[2..]),
        _ => return None,
    };
    let (value, rest) = rest.split_at_checked(length)?;
    Some((Element { tag: *tag, value }, rest))
}
