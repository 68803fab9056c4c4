//! BER-TLV as PIV uses it (SP 800-73-4): tags of one or two bytes, lengths of up to two.

use crate::apdu::Status;

/// Appends one element.
pub(crate) fn put(into: &mut Vec<u8>, tag: &[u8], value: &[u8]) {
    into.extend(tag);
    let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
    match length {
        0..=0x7f => into.push(length as u8),
        0x80..=0xff => into.extend([0x81, length as u8]),
        _ => {
            into.push(0x82);
            into.extend(length.to_be_bytes());
        }
    }
    into.extend(value);
}

/// One element by itself.
pub(crate) fn element(tag: &[u8], value: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(value.len() + 6);
    put(&mut bytes, tag, value);
    bytes
}

/// The elements of a command's data, in order. PIV's commands have tags of one byte.
pub(crate) fn elements(mut bytes: &[u8]) -> Result<Vec<(u8, &[u8])>, Status> {
    let mut found = Vec::new();
    while let [tag, rest @ ..] = bytes {
        let (length, rest) = length(rest)?;
        let (value, rest) = rest.split_at_checked(length).ok_or(Status::WRONG_DATA)?;
        found.push((*tag, value));
        bytes = rest;
    }
    Ok(found)
}

/// The value of the one element that the data consists of.
pub(crate) fn unwrap(bytes: &[u8], tag: u8) -> Result<&[u8], Status> {
    match elements(bytes)?[..] {
        [(found, value)] if found == tag => Ok(value),
        _ => Err(Status::WRONG_DATA),
    }
}

/// The first of these elements with the tag.
pub(crate) fn find<'a>(elements: &[(u8, &'a [u8])], tag: u8) -> Option<&'a [u8]> {
    elements.iter().find(|(found, _)| *found == tag).map(|(_, value)| *value)
}

fn length(bytes: &[u8]) -> Result<(usize, &[u8]), Status> {
    match bytes {
        [length @ 0..=0x7f, rest @ ..] | [0x81, length, rest @ ..] => Ok((usize::from(*length), rest)),
        [0x82, high, low, rest @ ..] => Ok((usize::from(u16::from_be_bytes([*high, *low])), rest)),
        _ => Err(Status::WRONG_DATA),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back_at_each_form_of_length() {
        for length in [0, 1, 0x7f, 0x80, 0xff, 0x100, 0x1234] {
            let bytes = element(&[0x53], &vec![7; length]);
            assert_eq!(unwrap(&bytes, 0x53).expect("an element").len(), length);
        }
    }

    #[test]
    fn a_length_beyond_the_end_is_wrong_data() {
        assert_eq!(elements(&[0x53, 2, 1]), Err(Status::WRONG_DATA));
        assert_eq!(elements(&[0x53, 0x83, 0, 0, 1, 1]), Err(Status::WRONG_DATA));
        assert_eq!(elements(&[0x53]), Err(Status::WRONG_DATA));
    }
}
