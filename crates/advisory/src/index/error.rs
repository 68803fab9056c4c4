//! What can go wrong with the index.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// What can go wrong with the index.
#[derive(Debug, Error)]
pub enum IndexError {
    /// There is none.
    #[error(
        "there is no advisory index at {}; make one with `plimsoll db update ECOSYSTEM…`, or without network with \
         `plimsoll db import PATH`", path.display()
    )]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The file is something else.
    #[error("{} is no advisory index (its first bytes are not an index's); {}", path.display(), rebuild(path))]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// Another version of this program wrote it.
    #[error(
        "the advisory index {} has format {found}, this program reads {}; {}",
        path.display(), super::format::VERSION, rebuild(path)
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
    },
    /// Its bytes are not those that were written.
    #[error("the advisory index {} is damaged ({what}); {}", path.display(), rebuild(path))]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        what: String,
    },
    /// The system refused.
    #[error("cannot {doing} {}", path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// To which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// More than the format can hold.
    #[error("{segment} has more {what} than an index can hold; import it in parts")]
    TooLarge {
        /// The segment.
        segment: String,
        /// Of what there is too much.
        what: &'static str,
    },
}

fn rebuild(path: &Path) -> String {
    format!(
        "delete it, then fetch with `plimsoll db update ECOSYSTEM…` and import again what was imported: rm {}",
        path.display()
    )
}

impl IndexError {
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Io { doing, path, source }
    }
}
