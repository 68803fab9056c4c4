//! One file, read as what its content says it is.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;

use super::archive::{Counted, Member, read_begin};
use super::json::{Piece, Splitter};
use super::{Limits, Sink, SourceError, epss, kev};
use crate::record;

/// Reads a file of OSV records, of CISA's catalog, or of FIRST's scores; packed or not. Tells how much it saw.
pub(super) fn read(member: Member<'_>, limits: Limits, sink: &mut dyn Sink) -> Result<u64, SourceError> {
    let Member { name, content } = member;
    let failed = |source| SourceError::Io { name: name.to_owned(), source };
    let (begin, content) = peek(content).map_err(failed)?;
    if begin.starts_with(&[0x1F, 0x8B]) {
        let mut unpacked = MultiGzDecoder::new(BufReader::new(content));
        let mut counted = Counted::new(&mut unpacked, limits.unpacked);
        let (begin, rest) = peek(&mut counted).map_err(failed)?;
        return read_plain(name, &begin, BufReader::new(rest), limits, sink);
    }
    read_plain(name, &begin, BufReader::new(content), limits, sink)
}

fn peek(mut content: impl Read) -> io::Result<(Vec<u8>, impl Read)> {
    let mut begin = [0; 64];
    let read = read_begin(&mut content, &mut begin)?;
    let begin = begin[..read].to_vec();
    Ok((begin.clone(), io::Cursor::new(begin).chain(content)))
}

fn read_plain(
    name: &str,
    begin: &[u8],
    content: impl BufRead,
    limits: Limits,
    sink: &mut dyn Sink,
) -> Result<u64, SourceError> {
    if epss::looks_like_scores(begin) {
        return epss::read(name, content, limits, sink);
    }
    // A mirror of osv.dev has lists of what changed beside its records.
    if name.rsplit('.').any(|ending| ending.eq_ignore_ascii_case("csv")) {
        return Ok(0);
    }
    read_json(name, content, limits, sink)
}

fn read_json(name: &str, content: impl BufRead, limits: Limits, sink: &mut dyn Sink) -> Result<u64, SourceError> {
    let mut splitter = Splitter::new(content, limits.record);
    let mut records = 0;
    loop {
        let next = splitter.next().map_err(|source| SourceError::Io { name: name.to_owned(), source })?;
        let Some((number, piece)) = next else { break };
        records += 1;
        if records > limits.records {
            return Err(SourceError::Bomb { name: name.to_owned(), what: "records", limit: limits.records });
        }
        let origin = if number == 1 { name.to_owned() } else { format!("{name}#{number}") };
        let json = match piece {
            Piece::Object(json) => json,
            Piece::Broken(reason) => {
                sink.skipped(&origin, reason);
                continue;
            }
        };
        match record::parse(json) {
            Ok(record) => {
                sink.record(&origin, record).map_err(|source| SourceError::Keep { name: name.to_owned(), source })?;
            }
            Err(_) if kev::is_catalog(json) => records += kev::read(&origin, json, sink)?,
            Err(error) => sink.skipped(&origin, error.to_string()),
        }
    }
    if records == 0 {
        sink.skipped(name, "it holds no JSON object".into());
    }
    Ok(records)
}
