//! What `go build` writes into a program, stripped or not (Go's `debug/buildinfo`).
//!
//! Behind a mark at a multiple of 16 stand pointer size and flags, and then two texts: the toolchain's version, and the
//! modules, a line each, framed by 16 bytes on both sides. Since Go 1.18 the texts are right there behind their
//! lengths; before, there are pointers to them.

use super::super::layout::{Layout, Section};
use crate::cataloguers::Content;

/// What a program says of itself.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct BuildInfo {
    /// The toolchain (`go1.26.1`, `go1.21.9 X:boringcrypto`).
    pub(super) toolchain: String,
    /// The import path of the main package (`github.com/docker/docker/cmd/dockerd`).
    pub(super) path: String,
    /// The module that the main package is of.
    pub(super) main: Option<Module>,
    /// The modules that the others are of.
    pub(super) modules: Vec<Module>,
    /// How it was built (`-ldflags`, `vcs.revision`).
    pub(super) settings: Vec<(String, String)>,
}

/// A module and its version (`v1.2.3`, `(devel)`; empty where nobody wrote one).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Module {
    pub(super) path: String,
    pub(super) version: String,
    /// What was built in its place.
    pub(super) replaced_by: Option<Box<Module>>,
}

const MARK: &[u8] = b"\xff Go buildinf:";
const ALIGNMENT: u64 = 16;
const HEADER: u64 = 32;
/// Flags: numbers are big-endian; the texts stand right behind the header.
const BIG_ENDIAN: u8 = 1;
const INLINE: u8 = 2;
const FRAME: usize = 16;

/// Most bytes of one text; the modules of Kubernetes take some 30 kB.
const LONGEST_TEXT: u64 = 4 << 20;
/// Most bytes of data in which the mark is looked for where no section bears its name.
const SEARCHED: u64 = 64 << 20;
const CHUNK: u64 = 1 << 20;

impl BuildInfo {
    /// What the program says; none where it is no Go program, or does not say it.
    pub(super) fn read(layout: &Layout, content: &mut dyn Content) -> Option<Self> {
        let at = find(layout, content)?;
        let header = layout.bytes(content, at, HEADER).ok().filter(|header| header.len() as u64 == HEADER)?;
        let (pointer, flags) = (header[14], header[15]);
        let (toolchain, modules) = if flags & INLINE != 0 {
            let (toolchain, at) = inline(layout, content, at + HEADER)?;
            (toolchain, inline(layout, content, at).map(|(modules, _)| modules).unwrap_or_default())
        } else {
            let is_big_endian = flags & BIG_ENDIAN != 0;
            let width = usize::from(pointer);
            if width != 4 && width != 8 {
                return None;
            }
            let mut text_at = |place: usize| {
                let pointer = number(header.get(place..place + width)?, is_big_endian);
                let text = layout.memory(content, pointer, 2 * width as u64)?;
                let (start, length) = (number(&text[..width], is_big_endian), number(&text[width..], is_big_endian));
                layout.memory(content, start, Some(length).filter(|length| *length <= LONGEST_TEXT)?)
            };
            (text_at(16)?, text_at(16 + width).unwrap_or_default())
        };
        if toolchain.is_empty() {
            return None;
        }
        // The line before the frame's end is whole; otherwise it is none of Go's.
        let framed = modules.len() > 2 * FRAME && modules.get(modules.len() - FRAME - 1) == Some(&b'\n');
        let lines = if framed { &modules[FRAME..modules.len() - FRAME] } else { &[] };
        let mut info = Self { toolchain: String::from_utf8_lossy(&toolchain).into_owned(), ..Self::default() };
        for line in String::from_utf8_lossy(lines).lines() {
            info.line(line);
        }
        Some(info)
    }

    /// A setting's value.
    pub(super) fn setting(&self, name: &str) -> Option<&str> {
        self.settings.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn line(&mut self, line: &str) {
        let Some((kind, rest)) = line.split_once('\t') else { return };
        let mut fields = rest.split('\t').map(str::to_owned);
        let (first, second) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
        let module = Module { path: first, version: second, replaced_by: None };
        match kind {
            "path" => rest.clone_into(&mut self.path),
            "mod" => self.main = Some(module),
            "dep" => self.modules.push(module),
            "=>" => {
                // Behind the module that it stands for, which may be the main one.
                let replaced = self.modules.last_mut().or(self.main.as_mut());
                if let Some(replaced) = replaced {
                    replaced.replaced_by = Some(Box::new(module));
                }
            }
            "build" => self.settings.extend(setting(rest)),
            _ => {}
        }
    }
}

/// The offset of the mark: in the section of its name, else in the data that the program may write to.
fn find(layout: &Layout, content: &mut dyn Content) -> Option<u64> {
    let named = layout.section(".go.buildinfo").or_else(|| layout.section("__go_buildinfo"));
    if let Some(Section { offset, size, .. }) = named {
        return search(layout, content, *offset, *size);
    }
    let data = layout.segments.iter().filter(|segment| segment.is_writable && !segment.is_code);
    let mut left = SEARCHED;
    for segment in data {
        let size = segment.size.min(left);
        left -= size;
        if let Some(at) = search(layout, content, segment.offset, size) {
            return Some(at);
        }
    }
    None
}

fn search(layout: &Layout, content: &mut dyn Content, start: u64, size: u64) -> Option<u64> {
    let mut done = 0;
    while done < size {
        let wanted = CHUNK.min(size - done);
        let chunk = layout.bytes(content, start.checked_add(done)?, wanted).ok()?;
        let found = memchr::memmem::find_iter(&chunk, MARK).map(|at| done + at as u64);
        // Segments and sections begin at a multiple of 16 in memory and, since pages are mapped, in the file.
        if let Some(at) = found.into_iter().find(|at| (start % ALIGNMENT + at).is_multiple_of(ALIGNMENT)) {
            return start.checked_add(at);
        }
        if (chunk.len() as u64) < wanted {
            return None;
        }
        done += wanted;
    }
    None
}

/// A text behind its length (an unsigned varint), and where the next begins.
fn inline(layout: &Layout, content: &mut dyn Content, at: u64) -> Option<(Vec<u8>, u64)> {
    let start = layout.bytes(content, at, 10).ok()?;
    let mut length = 0u64;
    for (index, byte) in start.iter().enumerate().take(9) {
        length |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            let at = at + index as u64 + 1;
            let text = layout.bytes(content, at, Some(length).filter(|length| *length <= LONGEST_TEXT)?).ok()?;
            return (text.len() as u64 == length).then(|| (text, at + length));
        }
    }
    None
}

fn number(bytes: &[u8], is_big_endian: bool) -> u64 {
    let add = |number, byte: &u8| number << 8 | u64::from(*byte);
    if is_big_endian { bytes.iter().fold(0, add) } else { bytes.iter().rev().fold(0, add) }
}

/// `key=value`, either of them quoted as Go quotes where it holds what would end it.
fn setting(text: &str) -> Option<(String, String)> {
    let (key, rest) = if text.starts_with(['"', '`']) {
        let (key, rest) = quoted(text)?;
        (key, rest.strip_prefix('=')?)
    } else {
        let (key, rest) = text.split_once('=')?;
        (key.to_owned(), rest)
    };
    let value = quoted(rest).map_or_else(|| rest.to_owned(), |(value, _)| value);
    Some((key, value))
}

/// A quoted text, and what comes after it.
fn quoted(text: &str) -> Option<(String, &str)> {
    if let Some(raw) = text.strip_prefix('`') {
        let (value, rest) = raw.split_once('`')?;
        return Some((value.to_owned(), rest));
    }
    let mut value = String::new();
    let mut characters = text.strip_prefix('"')?.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[at + 2..])),
            '\\' => value.push(match characters.next()?.1 {
                'n' => '\n',
                't' => '\t',
                other => other,
            }),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_as_go_quotes_them() {
        let pair = |text| setting(text).unwrap();
        assert_eq!(pair("CGO_ENABLED=0"), ("CGO_ENABLED".into(), "0".into()));
        let flags = r#"-ldflags="-X 'main.version=1 \"2\"' -s""#;
        assert_eq!(pair(flags).1, r#"-X 'main.version=1 "2"' -s"#);
        assert_eq!(pair("-tags=`a b`").1, "a b");
        assert_eq!(pair("-tags=\"open").1, "\"open");
        assert_eq!(setting("nothing"), None);
    }

    #[test]
    fn lines_tell_modules_and_what_replaces_them() {
        let mut info = BuildInfo::default();
        for line in
            ["path\ta/cmd/b", "mod\ta\t(devel)\t", "dep\tc\tv1.0.0\th1:x", "=>\td/v2\tv2.0.0\th1:y", "dep", "x\ty"]
        {
            info.line(line);
        }
        assert_eq!((info.path.as_str(), info.main.unwrap().version.as_str()), ("a/cmd/b", "(devel)"));
        assert_eq!(info.modules.len(), 1);
        assert_eq!(info.modules[0].replaced_by.as_ref().unwrap().path, "d/v2");
    }
}
