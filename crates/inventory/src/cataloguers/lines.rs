//! Lines of a file that may have none: each with a bound on what is kept of it.

use std::io::{self, BufRead};

/// Longest line that is kept whole.
pub(super) const LONGEST: usize = 64 << 10;

/// Reads lines into one buffer.
pub(super) struct Lines<R> {
    reader: R,
    line: Vec<u8>,
    number: usize,
}

/// One line without its end.
pub(super) struct Line<'a> {
    /// Its bytes, at most [`LONGEST`].
    pub(super) bytes: &'a [u8],
    /// Counted from 1.
    pub(super) number: usize,
    /// Whether it had more bytes.
    pub(super) cut: bool,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, line: Vec::new(), number: 0 }
    }

    /// The next line; none at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        self.line.clear();
        let mut cut = false;
        let mut any = false;
        loop {
            let buffer = self.reader.fill_buf()?;
            if buffer.is_empty() {
                break;
            }
            any = true;
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let part = &buffer[..end.unwrap_or(buffer.len())];
            let kept = part.len().min(LONGEST - self.line.len());
            cut |= kept < part.len();
            self.line.extend_from_slice(&part[..kept]);
            let used = part.len() + usize::from(end.is_some());
            self.reader.consume(used);
            if end.is_some() {
                break;
            }
        }
        if !any {
            return Ok(None);
        }
        self.number += 1;
        let bytes = self.line.strip_suffix(b"\r").unwrap_or(&self.line);
        Ok(Some(Line { bytes, number: self.number, cut }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_at_line_feeds_and_at_the_end() {
        let mut lines = Lines::new(&b"a\r\n\nlast"[..]);
        let mut all = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            all.push((line.bytes.to_vec(), line.number));
        }
        assert_eq!(all, [(b"a".to_vec(), 1), (b"".to_vec(), 2), (b"last".to_vec(), 3)]);
    }

    #[test]
    fn a_line_without_end_is_cut_and_the_next_is_found() {
        let text = [vec![b'x'; 3 * LONGEST], b"\nnext\n".to_vec()].concat();
        let mut lines = Lines::new(io::BufReader::with_capacity(100, &text[..]));
        let line = lines.next().unwrap().unwrap();
        assert!(line.cut && line.bytes.len() == LONGEST);
        let line = lines.next().unwrap().unwrap();
        assert!(!line.cut && line.bytes == b"next");
    }
}
