//! PEM as keys of all ages have it: with headers (RFC 1421 section 4.6), with comments around it, several in a file.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use zeroize::Zeroizing;

/// One block of PEM.
pub(crate) struct Armor {
    /// What stands after BEGIN.
    pub(crate) label: String,
    /// `name: value`, in order.
    pub(crate) headers: Vec<(String, String)>,
    /// What was in base64.
    pub(crate) bytes: Zeroizing<Vec<u8>>,
}

/// Most blocks that are looked at in one file.
const MOST: usize = 32;

impl Armor {
    /// The blocks of a text; what stands outside of them is passed over.
    pub(crate) fn all(text: &str) -> Result<Vec<Self>, String> {
        let mut lines = text.lines().map(str::trim_end);
        let mut found = Vec::new();
        while let Some(line) = lines.next() {
            let Some(label) = boundary(line, "-----BEGIN ") else { continue };
            found.push(Self::rest(label, &mut lines)?);
            if found.len() == MOST {
                break;
            }
        }
        Ok(found)
    }

    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    fn rest<'a>(label: &str, lines: &mut impl Iterator<Item = &'a str>) -> Result<Self, String> {
        let mut headers: Vec<(String, String)> = Vec::new();
        // All room at once: a string that grows leaves copies behind that nobody wipes.
        let mut body = Zeroizing::new(String::with_capacity(96 << 10));
        for line in lines {
            if let Some(end) = boundary(line, "-----END ") {
                if end != label {
                    return Err(format!("it begins as {label:?} and ends as {end:?}"));
                }
                let bytes =
                    BASE64_STANDARD.decode(body.as_bytes()).map_err(|error| format!("its base64 is wrong: {error}"))?;
                return Ok(Self { label: label.to_owned(), headers, bytes: Zeroizing::new(bytes) });
            }
            match line.split_once(':') {
                Some((name, value)) if body.is_empty() => headers.push((name.trim().into(), value.trim().into())),
                // A header that goes on (RFC 822 section 3.1.1).
                None if body.is_empty() && line.starts_with([' ', '\t']) && !headers.is_empty() => {
                    if let Some((_, value)) = headers.last_mut() {
                        value.push_str(line.trim());
                    }
                }
                _ if body.len() + line.len() > body.capacity() => return Err("it is too long".to_owned()),
                _ => body.push_str(line.trim()),
            }
        }
        Err(format!("it has no line -----END {label}-----, so a part of it is missing"))
    }
}

fn boundary<'a>(line: &'a str, start: &str) -> Option<&'a str> {
    line.strip_prefix(start)?.strip_suffix("-----")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_comments_and_several_blocks_are_told_apart() {
        let text = "a comment\n-----BEGIN EC PARAMETERS-----\r\nAAEC\r\n-----END EC PARAMETERS-----\n\n\
                    -----BEGIN KEY-----\nrole: root\ngun: a:\n b\n\nAw==\n-----END KEY-----\nmore";
        let found = Armor::all(text).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].label.as_str(), &found[0].bytes[..]), ("EC PARAMETERS", &[0, 1, 2][..]));
        assert_eq!((found[1].header("Role"), found[1].header("gun")), (Some("root"), Some("a:b")));
        assert_eq!(&found[1].bytes[..], &[3]);
    }

    #[test]
    fn what_is_cut_or_garbled_is_an_error() {
        for text in [
            "-----BEGIN KEY-----\nAAEC",
            "-----BEGIN KEY-----\nAAEC\n-----END OTHER-----",
            "-----BEGIN KEY-----\nA*EC\n-----END KEY-----",
            "-----BEGIN KEY-----\nAAE\n-----END KEY-----",
        ] {
            assert!(Armor::all(text).is_err(), "{text}");
        }
        assert!(Armor::all("hello").unwrap().is_empty());
        let crowd = "-----BEGIN A-----\n-----END A-----\n".repeat(1000);
        assert_eq!(Armor::all(&crowd).unwrap().len(), MOST);
    }
}
