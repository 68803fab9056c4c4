//! A file or folder from disk made into a segment.

use std::path::Path;

use thiserror::Error;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::osv::Input;
use super::{Limits, SourceError};
use crate::index::{Compiled, Compiler, IndexError};

/// Why something could not be imported.
#[derive(Debug, Error)]
pub enum ImportError {
    /// It could not be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// It could not be made into a segment.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// There is nothing in it that could be used.
    #[error("{name} holds no advisory that could be read; {skipped}")]
    Nothing {
        /// What was read.
        name: String,
        /// How many files or records were skipped, what the first of them was and why.
        skipped: String,
    },
}

/// Compiles everything that `input` holds into the segment `name`; files without a name are made in `folder`.
pub fn import(input: Input, name: &str, folder: &Path, limits: Limits) -> Result<Compiled, ImportError> {
    let origin = input.name.clone();
    let mut compiler = Compiler::new(name, &origin, &now(), folder)?;
    input.read(limits, &mut compiler)?;
    finish(compiler, &origin)
}

/// Finishes a segment, unless there is nothing in it: that replaces nothing.
pub(super) fn finish(compiler: Compiler, name: &str) -> Result<Compiled, ImportError> {
    let segment = compiler.finish()?;
    let counts = &segment.info.counts;
    if counts.records == 0 && counts.withdrawn == 0 && counts.kev == 0 && counts.epss == 0 {
        let skipped = match counts.skipped_examples.first() {
            Some(first) => format!("{} were skipped, the first: {}: {}", counts.skipped, first.name, first.reason),
            None => "it is empty".into(),
        };
        return Err(ImportError::Nothing { name: name.into(), skipped });
    }
    Ok(segment)
}

/// The time as files and JSON have it.
pub(super) fn now() -> String {
    let now = OffsetDateTime::now_utc();
    now.replace_nanosecond(0).unwrap_or(now).format(&Rfc3339).unwrap_or_default()
}
