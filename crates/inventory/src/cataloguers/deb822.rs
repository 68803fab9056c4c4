//! Paragraphs of `Field: value` lines (deb822(5)), as dpkg and, for one paragraph, Python's metadata write them.
//!
//! Only the fields that were asked for are kept, and of each its first line: a paragraph's memory is bounded by them
//! whatever its length.

use std::io::{self, BufRead};

use super::lines::Lines;

/// Reads paragraph after paragraph.
pub(super) struct Paragraphs<R> {
    lines: Lines<R>,
    wanted: &'static [&'static str],
}

/// One paragraph.
#[derive(Debug)]
pub(super) struct Paragraph {
    /// The number of its first line, from 1.
    pub(super) line: usize,
    /// A line of it that is neither a field nor the continuation of one.
    pub(super) malformed: Option<usize>,
    wanted: &'static [&'static str],
    values: Vec<Option<String>>,
}

impl<R: BufRead> Paragraphs<R> {
    /// Reads the `wanted` fields, whose case does not matter.
    pub(super) fn new(reader: R, wanted: &'static [&'static str]) -> Self {
        Self { lines: Lines::new(reader), wanted }
    }

    /// The next paragraph with at least one line; none at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Paragraph>> {
        let mut paragraph: Option<Paragraph> = None;
        while let Some(line) = self.lines.next()? {
            if line.bytes.iter().all(u8::is_ascii_whitespace) {
                if paragraph.is_some() {
                    break;
                }
                continue;
            }
            let wanted = self.wanted;
            let paragraph = paragraph.get_or_insert_with(|| Paragraph {
                line: line.number,
                malformed: None,
                wanted,
                values: vec![None; wanted.len()],
            });
            if line.bytes.starts_with(b" ") || line.bytes.starts_with(b"\t") {
                continue;
            }
            match line.bytes.iter().position(|byte| *byte == b':') {
                Some(colon) if colon > 0 => {
                    let is_name = |name: &&str| name.as_bytes().eq_ignore_ascii_case(&line.bytes[..colon]);
                    if let Some(index) = wanted.iter().position(is_name) {
                        if line.cut {
                            paragraph.malformed.get_or_insert(line.number);
                        } else if paragraph.values[index].is_none() {
                            let value = String::from_utf8_lossy(&line.bytes[colon + 1..]);
                            paragraph.values[index] = Some(value.trim().to_owned());
                        }
                    }
                }
                _ => {
                    paragraph.malformed.get_or_insert(line.number);
                }
            }
        }
        Ok(paragraph)
    }
}

impl Paragraph {
    /// The first line of a field that was wanted; the first one where it is written twice, none where it is empty.
    pub(super) fn get(&self, field: &str) -> Option<&str> {
        let index = self.wanted.iter().position(|name| *name == field)?;
        self.values[index].as_deref().filter(|value| !value.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(text: &[u8]) -> Vec<Paragraph> {
        let mut paragraphs = Paragraphs::new(text, &["Package", "Version"]);
        std::iter::from_fn(|| paragraphs.next().unwrap()).collect()
    }

    #[test]
    fn paragraphs_are_parted_by_blank_lines_of_any_number() {
        let found = all(b"\n\nPackage: a\nVersion: 1\n \n\t\n\npackage:b\nX: y\n more\nversion:   2  \n");
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].get("Package"), found[0].get("Version")), (Some("a"), Some("1")));
        assert_eq!((found[1].get("Package"), found[1].get("Version")), (Some("b"), Some("2")));
        assert_eq!((found[0].line, found[1].line), (3, 8));
    }

    #[test]
    fn a_continuation_is_no_field_and_the_first_of_two_counts() {
        let found = all(b"Package: a\nDescription: x\n Version: 9\nVersion: 1\nVersion: 2\n");
        assert_eq!(found[0].get("Version"), Some("1"));
        assert_eq!(found[0].malformed, None);
    }

    #[test]
    fn a_line_that_is_no_field_is_told_and_the_others_are_read() {
        let found = all(b"Package: a\nnonsense\n: nothing\nVersion: 1\n");
        assert_eq!(found[0].malformed, Some(2));
        assert_eq!(found[0].get("Version"), Some("1"));
    }

    #[test]
    fn a_wanted_line_that_is_too_long_is_not_half_believed() {
        let text = [b"Package: ".to_vec(), vec![b'a'; 1 << 20], b"\nVersion: 1\n".to_vec()].concat();
        let found = all(&text);
        assert_eq!(found[0].get("Package"), None);
        assert_eq!(found[0].malformed, Some(1));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_to_their_end(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
            all(&bytes);
        }
    }
}
