//! Single JSON objects out of a stream of them: one object, a list, or one on each line.
//!
//! The stream is split at the braces, by the smallest automaton that knows strings, so that a record that is broken or
//! too long costs itself and not the file, and memory holds one record at a time. A line break within a string is not
//! JSON: it ends a broken record, and reading goes on with the next line.

use std::io::{self, BufRead};

/// What was found between two braces.
pub(super) enum Piece<'a> {
    /// An object's bytes; not parsed.
    Object(&'a [u8]),
    /// Not one; why.
    Broken(String),
}

/// Splits a stream, numbering objects from 1.
pub(super) struct Splitter<R> {
    input: R,
    longest: usize,
    number: u64,
    object: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Between objects.
    Outside,
    /// In an object, so many braces deep; too long already where the flag is set.
    Inside {
        depth: u32,
        too_long: bool,
    },
    InString {
        depth: u32,
        too_long: bool,
        escaped: bool,
    },
}

impl<R: BufRead> Splitter<R> {
    pub(super) fn new(input: R, longest: usize) -> Self {
        Self { input, longest, number: 0, object: Vec::new() }
    }

    /// The next piece with its number; `None` at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<(u64, Piece<'_>)>> {
        self.object.clear();
        let mut state = State::Outside;
        loop {
            let buffer = match self.input.fill_buf() {
                Ok(buffer) => buffer,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if buffer.is_empty() {
                let ended = state == State::Outside;
                return Ok((!ended).then(|| self.broken("it ends in the middle of a record")));
            }
            let mut used = 0;
            let mut outcome = None;
            for byte in buffer {
                used += 1;
                let (next, done) = step(state, *byte);
                let keeps =
                    matches!(next, State::Inside { too_long: false, .. } | State::InString { too_long: false, .. });
                if keeps || done == Some(Done::Object) {
                    self.object.push(*byte);
                }
                state = next;
                if self.object.len() > self.longest {
                    self.object.clear();
                    state = too_long(state);
                }
                if done.is_some() {
                    outcome = done;
                    break;
                }
            }
            self.input.consume(used);
            match outcome {
                Some(Done::Object) => {
                    self.number += 1;
                    return Ok(Some((self.number, Piece::Object(&self.object))));
                }
                Some(Done::TooLong) => {
                    let reason = format!("it is longer than {} bytes", self.longest);
                    return Ok(Some(self.broken(&reason)));
                }
                Some(Done::Garbage) => {
                    self.skip_line()?;
                    return Ok(Some(self.broken("not a JSON object")));
                }
                Some(Done::BrokenString) => return Ok(Some(self.broken("a line ends within a string"))),
                None => {}
            }
        }
    }

    fn broken(&mut self, reason: &str) -> (u64, Piece<'static>) {
        self.number += 1;
        (self.number, Piece::Broken(reason.to_owned()))
    }

    /// Reads to the end of the line, without keeping it.
    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            let buffer = self.input.fill_buf()?;
            if buffer.is_empty() {
                return Ok(());
            }
            let (used, found) = match buffer.iter().position(|byte| *byte == b'\n') {
                Some(at) => (at, true),
                None => (buffer.len(), false),
            };
            self.input.consume(used);
            if found {
                return Ok(());
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Done {
    Object,
    TooLong,
    Garbage,
    BrokenString,
}

fn too_long(state: State) -> State {
    match state {
        State::Inside { depth, .. } => State::Inside { depth, too_long: true },
        State::InString { depth, escaped, .. } => State::InString { depth, too_long: true, escaped },
        State::Outside => State::Outside,
    }
}

fn step(state: State, byte: u8) -> (State, Option<Done>) {
    match state {
        State::Outside => match byte {
            b'{' => (State::Inside { depth: 1, too_long: false }, None),
            // Of a list and between lines; and the byte-order mark.
            b'[' | b']' | b',' | 0xEF | 0xBB | 0xBF => (state, None),
            byte if byte.is_ascii_whitespace() => (state, None),
            _ => (state, Some(Done::Garbage)),
        },
        State::Inside { depth, too_long } => match byte {
            b'{' => (State::Inside { depth: depth.saturating_add(1), too_long }, None),
            b'}' if depth == 1 => (State::Outside, Some(if too_long { Done::TooLong } else { Done::Object })),
            b'}' => (State::Inside { depth: depth - 1, too_long }, None),
            b'"' => (State::InString { depth, too_long, escaped: false }, None),
            _ => (state, None),
        },
        State::InString { depth, too_long, escaped } => match byte {
            b'\n' => (State::Outside, Some(Done::BrokenString)),
            _ if escaped => (State::InString { depth, too_long, escaped: false }, None),
            b'\\' => (State::InString { depth, too_long, escaped: true }, None),
            b'"' => (State::Inside { depth, too_long }, None),
            _ => (state, None),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str, longest: usize) -> Vec<Result<String, String>> {
        let mut splitter = Splitter::new(std::io::BufReader::with_capacity(3, text.as_bytes()), longest);
        let mut pieces = Vec::new();
        while let Some((number, piece)) = splitter.next().expect("memory can be read") {
            assert_eq!(number, pieces.len() as u64 + 1);
            pieces.push(match piece {
                Piece::Object(bytes) => Ok(String::from_utf8(bytes.to_vec()).expect("text")),
                Piece::Broken(reason) => Err(reason),
            });
        }
        pieces
    }

    fn objects(text: &str) -> Vec<String> {
        split(text, 1000).into_iter().flatten().collect()
    }

    #[test]
    fn one_object_a_list_and_lines_are_split_alike() {
        let inner = r#"{"a": "}{\"\\", "b": {"c": []}}"#;
        for text in [
            format!("{inner}\n{inner}"),
            format!("[{inner},{inner}]"),
            format!("\u{feff} [\n  {inner} ,\n{inner}\n]\n"),
            format!("{inner}{inner}"),
        ] {
            assert_eq!(objects(&text), [inner, inner]);
        }
    }

    #[test]
    fn a_broken_record_costs_itself_alone() {
        let pieces = split("{\"a\": 1}\nnonsense {\n{\"b\": \"x\n{\"c\": 3}\n{\"d\": ", 1000);
        let good: Vec<_> = pieces.iter().filter_map(|piece| piece.as_ref().ok()).collect();
        assert_eq!(good, ["{\"a\": 1}", "{\"c\": 3}"]);
        assert_eq!(pieces.len(), 5);
    }

    #[test]
    fn a_record_that_is_too_long_is_read_past_without_being_kept() {
        let text = format!("[{{\"a\": \"{}\"}}, {{\"b\": 2}}]", "x".repeat(5000));
        let pieces = split(&text, 100);
        assert!(pieces[0].as_ref().is_err_and(|reason| reason.contains("longer than 100")));
        assert_eq!(pieces[1].as_deref(), Ok("{\"b\": 2}"));
    }
}
