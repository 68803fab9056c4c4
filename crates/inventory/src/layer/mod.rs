//! One layer in, its record out: the tar is walked once, what a cataloguer wants goes to the sealed worker, and of
//! everything else only its path's hash is kept.

mod collector;
mod elf;
mod executable;
mod folder;
mod owned;
mod seen;
mod tree;

use std::io::Read;

use image::Digest;
use image::layer::{LayerError, Walked, Window};

use crate::record::{LayerRecord, PassedBy};
use crate::worker::{Bounds, Launcher};
use collector::Collector;

pub use folder::{catalogue_folder, catalogue_unpacked};

/// Bounds on what a layer may ask of us.
#[derive(Clone, Debug)]
pub struct Limits {
    /// On the stream and its tar.
    pub walk: image::layer::Limits,
    /// Largest file that a cataloguer reads.
    pub member_bytes: u64,
    /// Most files of a layer that cataloguers read; a large web application has some 50,000 npm packages.
    pub members: usize,
    /// Most bytes of names that are kept of a layer (whiteouts, links), each kind.
    pub name_bytes: usize,
    /// On the worker.
    pub worker: Bounds,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            walk: image::layer::Limits::default(),
            member_bytes: 512 << 20,
            members: 100_000,
            name_bytes: 8 << 20,
            worker: Bounds::default(),
        }
    }
}

/// Walks a layer from its stored bytes and catalogues it. The caller compares the digests with what it asked for,
/// and keeps the record where it is [`complete`](LayerRecord::complete).
///
/// Whatever happens to the worker, the walk goes on: both digests are there, and the record says what was lost.
pub fn catalogue(
    input: impl Read + Send,
    limits: &Limits,
    launcher: &Launcher,
) -> Result<(Walked, LayerRecord), LayerError> {
    let mut collector = Collector::new(limits, launcher);
    let walked = image::layer::walk(input, &limits.walk, &mut collector)?;
    let record = collector.finish(walked.diff_id.clone());
    Ok((walked, record))
}

/// The same for a layer whose `first` record says that files were passed by ([`LayerRecord::passed_by`]): with what is
/// known now they are read. The caller compares the digests again.
pub fn catalogue_again(
    input: impl Read + Send,
    first: &LayerRecord,
    limits: &Limits,
    launcher: &Launcher,
) -> Result<(Walked, LayerRecord), LayerError> {
    let mut collector = Collector::new(limits, launcher).knowing(&first.passed_by);
    let walked = image::layer::walk(input, &limits.walk, &mut collector)?;
    let record = collector.finish(walked.diff_id.clone());
    Ok((walked, record))
}

/// Catalogues a plain layer by seeking over what no cataloguer wants, without computing a digest; `None` where it is
/// compressed. The record is of the layer that the archive claims to be `claimed`: for showing, never for keeping.
/// `passed_by` is what an earlier walk of it says so of.
pub fn catalogue_unverified(
    window: Window,
    claimed: &Digest,
    passed_by: &[PassedBy],
    limits: &Limits,
    launcher: &Launcher,
) -> Result<Option<LayerRecord>, LayerError> {
    let mut collector = Collector::new(limits, launcher).knowing(passed_by);
    let walked = image::layer::walk_unverified(window, &limits.walk, &mut collector)?;
    Ok(walked.map(|_| collector.finish(claimed.clone())))
}
