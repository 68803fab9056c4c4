//! What the registry asks of the scanner.

use std::io::Read;
use std::pin::Pin;

use findings::Counts;
use image::Digest;
use image::layer::Walked;
use inventory::LayerRecord;
use scan::Scanner;

/// What was learned of a layer.
#[derive(Clone, Debug)]
pub struct Catalogued {
    /// Its digests and sizes, computed over the bytes that were read.
    pub walked: Walked,
    /// Its record.
    pub record: LayerRecord,
}

/// What a report says in a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Findings by severity.
    pub counts: Counts,
    /// Packages of which no advisory source that is loaded knows anything.
    pub uncovered: usize,
}

/// An answer that takes a while.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What the registry asks of the scanner. Errors are reasons for people.
pub trait Cataloguing: Send + Sync + 'static {
    /// Reads a layer from its first byte to its last. Blocks.
    fn catalogue(&self, input: Box<dyn Read + Send>) -> Result<Catalogued, String>;

    /// Reads a layer once more, with what its first record says of files that were passed by. Blocks.
    fn catalogue_again(&self, input: Box<dyn Read + Send>, first: &LayerRecord) -> Result<Catalogued, String>;

    /// Keeps what was learned; an error where it is not all that there is to learn.
    fn keep<'a>(&'a self, catalogued: &'a Catalogued) -> Answer<'a, Result<(), String>>;

    /// Whether the record of the layer behind a blob is there.
    fn knows<'a>(&'a self, blob: &'a Digest) -> Answer<'a, Result<bool, String>>;

    /// Makes the report of a stored image and keeps it; `None` where a layer's record is missing.
    fn report<'a>(&'a self, manifest: &'a Digest) -> Answer<'a, Result<Option<Summary>, String>>;

    /// Which advisory index answers at present; `None` where there is none. Blocks on the disk a little.
    fn index(&self) -> Result<Option<String>, String>;
}

impl Cataloguing for Scanner {
    fn catalogue(&self, input: Box<dyn Read + Send>) -> Result<Catalogued, String> {
        let (walked, record) = Scanner::catalogue(self, input).map_err(|error| explain(&error))?;
        Ok(Catalogued { walked, record })
    }

    fn catalogue_again(&self, input: Box<dyn Read + Send>, first: &LayerRecord) -> Result<Catalogued, String> {
        let (walked, record) = Scanner::catalogue_again(self, input, first).map_err(|error| explain(&error))?;
        Ok(Catalogued { walked, record })
    }

    fn keep<'a>(&'a self, catalogued: &'a Catalogued) -> Answer<'a, Result<(), String>> {
        Box::pin(async move {
            let Catalogued { walked, record } = catalogued;
            if !record.complete {
                return Err(format!("it could not be catalogued whole: {}", record.warnings.join("; ")));
            }
            Scanner::keep(self, walked, record).await.map_err(|error| explain(&error))
        })
    }

    fn knows<'a>(&'a self, blob: &'a Digest) -> Answer<'a, Result<bool, String>> {
        Box::pin(async move { Scanner::knows(self, blob).await.map_err(|error| explain(&error)) })
    }

    fn report<'a>(&'a self, manifest: &'a Digest) -> Answer<'a, Result<Option<Summary>, String>> {
        Box::pin(async move {
            let report = self.report_stored(manifest).await.map_err(|error| explain(&error))?;
            Ok(report.map(|report| Summary { counts: report.counts(), uncovered: report.uncovered_packages() }))
        })
    }

    fn index(&self) -> Result<Option<String>, String> {
        let index = self.advisories().current().map_err(|error| explain(&error))?;
        Ok(index.map(|index| index.identity().id))
    }
}

/// An error with what lies behind it, in one line.
fn explain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
