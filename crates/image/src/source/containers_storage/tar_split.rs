//! A layer's tar put together again, byte for byte, from the files that it was unpacked to.
//!
//! What is lost by unpacking (headers, padding, order) was written down beside the layer, one JSON object a line (tar-split,
//! github.com/vbatts/tar-split, `tar/storage`): a segment of the tar as it was, or the name and size of a file whose content comes next. What
//! comes out is the layer only if it has the layer's digest; that is for whoever reads it to check.

use std::fs::File;
use std::io::{self, BufRead, Read};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

/// Longest line: headers of one member, or what stands behind the tar's end.
const LINE_BYTES: u64 = 32 << 20;

const FILE: u8 = 1;
const SEGMENT: u8 = 2;

/// Opens the file of a member by its name in the tar.
pub trait Files {
    /// The file; it must be a regular one.
    fn open(&mut self, name: &[u8]) -> io::Result<File>;
}

impl<F: FnMut(&[u8]) -> io::Result<File>> Files for F {
    fn open(&mut self, name: &[u8]) -> io::Result<File> {
        self(name)
    }
}

/// The tar, read from the list and the files.
#[derive(Debug)]
pub struct TarSplit<R, F> {
    list: R,
    files: F,
    line: Vec<u8>,
    now: Part,
}

#[derive(Debug)]
enum Part {
    Segment { bytes: Vec<u8>, used: usize },
    Content { file: File, left: u64, name: Vec<u8> },
    End,
}

/// One line. Names that are not UTF-8 are in `name_raw`.
#[derive(Deserialize)]
struct Line {
    #[serde(rename = "type")]
    kind: u8,
    name: Option<String>,
    name_raw: Option<String>,
    #[serde(default)]
    size: i64,
    payload: Option<String>,
}

impl<R: BufRead, F: Files> TarSplit<R, F> {
    /// Over the list, inflated.
    pub fn new(list: R, files: F) -> Self {
        Self { list, files, line: Vec::new(), now: Part::Segment { bytes: Vec::new(), used: 0 } }
    }

    /// The next part that has bytes.
    fn next(&mut self) -> io::Result<Part> {
        while let Some(line) = next_line(&mut self.list, &mut self.line)? {
            let size = u64::try_from(line.size).map_err(|_| damaged("a size is negative"))?;
            match line.kind {
                SEGMENT => {
                    let bytes = decoded(line.payload.as_deref().unwrap_or_default())?;
                    if !bytes.is_empty() {
                        return Ok(Part::Segment { bytes, used: 0 });
                    }
                }
                // Links, folders, and files without content: their header is all there is.
                FILE if size == 0 => {}
                FILE => {
                    let name = match (line.name_raw, line.name) {
                        (Some(raw), _) => decoded(&raw)?,
                        (None, Some(name)) => name.into_bytes(),
                        (None, None) => return Err(damaged("a file has no name")),
                    };
                    let file = self.files.open(&name).map_err(about(&name, "could not be opened"))?;
                    let found = file.metadata().map_err(about(&name, "could not be read"))?.len();
                    if found != size {
                        let why =
                            format!("has {found} bytes, and {size} when its layer was unpacked; it was changed since");
                        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("{} {why}", shown(&name))));
                    }
                    return Ok(Part::Content { file, left: size, name });
                }
                other => return Err(damaged(&format!("an entry is of kind {other}"))),
            }
        }
        Ok(Part::End)
    }
}

/// The bytes of a tar that a list tells of, without opening any file.
pub(super) fn tar_bytes(mut list: impl BufRead) -> io::Result<u64> {
    let (mut buffer, mut bytes) = (Vec::new(), 0_u64);
    while let Some(line) = next_line(&mut list, &mut buffer)? {
        bytes = bytes.saturating_add(match line.kind {
            FILE => u64::try_from(line.size).map_err(|_| damaged("a size is negative"))?,
            _ => decoded(line.payload.as_deref().unwrap_or_default())?.len() as u64,
        });
    }
    Ok(bytes)
}

impl<R: BufRead, F: Files> Read for TarSplit<R, F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            match &mut self.now {
                Part::Segment { bytes, used } if *used < bytes.len() => {
                    let rest = bytes.get(*used..).unwrap_or_default();
                    let count = rest.len().min(buffer.len());
                    if let (Some(to), Some(from)) = (buffer.get_mut(..count), rest.get(..count)) {
                        to.copy_from_slice(from);
                    }
                    *used += count;
                    return Ok(count);
                }
                Part::Content { file, left, name } if *left > 0 => {
                    let most = usize::try_from(*left).unwrap_or(usize::MAX).min(buffer.len());
                    let count = file.read(buffer.get_mut(..most).unwrap_or_default())?;
                    if count == 0 {
                        let why = "became shorter while it was read";
                        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, format!("{} {why}", shown(name))));
                    }
                    *left -= count as u64;
                    return Ok(count);
                }
                Part::End => return Ok(0),
                Part::Segment { .. } | Part::Content { .. } => self.now = self.next()?,
            }
        }
    }
}

/// The next line that is not empty; none at the end.
fn next_line(list: &mut impl BufRead, buffer: &mut Vec<u8>) -> io::Result<Option<Line>> {
    loop {
        buffer.clear();
        list.take(LINE_BYTES + 1).read_until(b'\n', buffer)?;
        if buffer.len() as u64 > LINE_BYTES {
            return Err(damaged(&format!("an entry is longer than {LINE_BYTES} bytes")));
        }
        let text = buffer.trim_ascii();
        if !text.is_empty() {
            return serde_json::from_slice(text).map(Some).map_err(|error| damaged(&error.to_string()));
        }
        if buffer.is_empty() {
            return Ok(None);
        }
    }
}

fn decoded(text: &str) -> io::Result<Vec<u8>> {
    STANDARD.decode(text).map_err(|error| damaged(&error.to_string()))
}

fn damaged(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the list of the tar's parts (tar-split) is damaged: {reason}"))
}

fn about<'a>(name: &'a [u8], what: &'a str) -> impl FnOnce(io::Error) -> io::Error + use<'a> {
    move |error| io::Error::new(error.kind(), format!("{} {what}: {error}{}", shown(name), advice(&error)))
}

fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            "; what only the image's own users may read is read as root, for a rootless store inside `podman unshare`; \
             --unverified does without"
        }
        io::ErrorKind::NotFound => "; the store was changed since its layer was unpacked",
        _ => "",
    }
}

fn shown(name: &[u8]) -> String {
    format!(
        "/{}",
        String::from_utf8_lossy(name).trim_start_matches(['.', '/']).escape_debug().take(200).collect::<String>()
    )
}
