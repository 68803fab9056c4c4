//! What changed of an ecosystem since the whole of it was fetched.
//!
//! osv.dev keeps `ECOSYSTEM/modified_id.csv`, a line a record, the latest change first: it is read from its begin to what is
//! known already, and the records named there are fetched one by one, as long as they are few. They make a segment of their
//! own beside the whole one; of two copies of a record the newer counts. That list does not tell of records that were
//! deleted, so now and then the whole is fetched again.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::transfer::{Transfer, escaped};
use super::{FetchError, Options, changes_name, whole_name};
use crate::index::{Compiled, Compiler, Index, SegmentInfo, is_before};
use crate::record;
use crate::sources::{LONGEST_RECORD, Sink as _, import};

/// More than so many are not fetched one by one: the archive is sooner there.
const MOST: usize = 300;
/// A line is a time and an id.
const LONGEST_LINE: u64 = 1024;
/// How far back a record may have been listed later than it was changed.
const SLACK: time::Duration = time::Duration::minutes(10);
/// How long changes are laid over a whole.
const LONGEST_SINCE_WHOLE: time::Duration = time::Duration::days(7);

/// What changed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Changes {
    None,
    /// The ids of all records that changed since the whole.
    Few(Vec<String>),
    /// Too much to fetch one by one, or nothing tells.
    Many,
}

/// Reads the list up to what is known.
pub(super) fn find(
    transfer: &Transfer<'_>,
    options: &Options,
    name: &str,
    index: &Index,
    whole: &SegmentInfo,
) -> Result<Changes, FetchError> {
    let read = |text: &str| OffsetDateTime::parse(text, &Rfc3339).ok();
    let until = whole.counts.changed_until.as_deref().and_then(read);
    let fetched = whole.whole_at.as_deref().and_then(read);
    let (Some(until), Some(fetched)) = (until, fetched) else { return Ok(Changes::Many) };
    if OffsetDateTime::now_utc() - fetched > LONGEST_SINCE_WHOLE {
        return Ok(Changes::Many);
    }
    let url = escaped(&options.base, &format!("{name}/modified_id.csv"));
    let Some(body) = transfer.open(&url)? else { return Ok(Changes::Many) };
    let mut list = BufReader::new(body);
    let (mut since_whole, mut is_new, mut latest) = (Vec::new(), false, None::<OffsetDateTime>);
    let (whole_name, changes_name) = (whole_name(name), changes_name(name));
    loop {
        let mut line = Vec::new();
        let read_bytes = list.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line);
        if read_bytes.map_err(|error| transfer.transport(&url, error))? == 0 {
            break;
        }
        let line = String::from_utf8_lossy(&line);
        let Some((modified, id)) = line.trim().split_once(',') else { return Ok(Changes::Many) };
        let Some(time) = read(modified).filter(|_| is_id(id)) else { return Ok(Changes::Many) };
        // Only as far as it is in order does its begin tell of everything new.
        if latest.is_some_and(|latest| latest < time) {
            return Ok(Changes::Many);
        }
        latest = Some(time);
        if time < until - SLACK {
            break;
        }
        let has = |segment: &str| -> Result<bool, FetchError> {
            Ok(index.modified(segment, id)?.is_some_and(|known| !is_before(known, modified)))
        };
        if !has(&whole_name)? {
            is_new |= !has(&changes_name)?;
            since_whole.push(id.to_owned());
            if since_whole.len() > MOST {
                return Ok(Changes::Many);
            }
        }
    }
    Ok(if is_new { Changes::Few(since_whole) } else { Changes::None })
}

/// Fetches records one by one into a segment; `None` where one is not there after all.
pub(super) fn compile(
    transfer: &Transfer<'_>,
    options: &Options,
    folder: &Path,
    name: &str,
    ids: &[String],
) -> Result<Option<Compiled>, FetchError> {
    let list = escaped(&options.base, &format!("{name}/modified_id.csv"));
    let made = |error| FetchError::Import(import::ImportError::Index(error));
    let mut compiler = Compiler::new(&changes_name(name), &list, &import::now(), folder).map_err(made)?;
    compiler.changes_of(name);
    for id in ids {
        let url = escaped(&options.base, &format!("{name}/{id}.json"));
        let Some(body) = transfer.open(&url)? else { return Ok(None) };
        let mut json = Vec::new();
        let most = LONGEST_RECORD as u64 + 1;
        body.take(most).read_to_end(&mut json).map_err(|error| transfer.transport(&url, error))?;
        match record::parse(&json) {
            Ok(record) if record.id == *id && json.len() <= LONGEST_RECORD => {
                let keep = |source| FetchError::Keep { url: url.clone(), folder: folder.into(), source };
                compiler.record(&url, record).map_err(keep)?;
            }
            // The archive names what cannot be read, and counts it.
            _ => return Ok(None),
        }
    }
    compiler.finish().map(Some).map_err(made)
}

/// Whether a text may be a record's id and a part of an address.
fn is_id(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:+".contains(&byte);
    !text.is_empty() && text.len() <= 128 && !text.starts_with('.') && text.bytes().all(fits)
}
