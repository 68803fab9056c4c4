//! What the registry asks of the scanner.

use std::io::Read;

use async_trait::async_trait;
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

/// What the registry asks of the scanner. Errors are reasons for people.
#[async_trait]
pub trait Cataloguing: Send + Sync + 'static {
    /// Reads a layer from its first byte to its last. Blocks.
    fn catalogue(&self, input: Box<dyn Read + Send>) -> Result<Catalogued, String>;

    /// Keeps what was learned.
    async fn keep(&self, catalogued: &Catalogued) -> Result<(), String>;

    /// Whether the record of the layer behind a blob is there.
    async fn knows(&self, blob: &Digest) -> Result<bool, String>;

    /// Makes the report of a stored image and keeps it; `None` where a layer's record is missing.
    async fn report(&self, manifest: &Digest) -> Result<Option<Counts>, String>;

    /// Which advisory index answers at present; `None` where there is none.
    async fn index(&self) -> Option<String>;
}

#[async_trait]
impl Cataloguing for Scanner {
    fn catalogue(&self, input: Box<dyn Read + Send>) -> Result<Catalogued, String> {
        let (walked, record) = Scanner::catalogue(self, input).map_err(|error| error.to_string())?;
        Ok(Catalogued { walked, record })
    }

    async fn keep(&self, catalogued: &Catalogued) -> Result<(), String> {
        let Catalogued { walked, record } = catalogued;
        Scanner::keep(self, walked, record, true).await.map_err(|error| error.to_string())
    }

    async fn knows(&self, blob: &Digest) -> Result<bool, String> {
        Scanner::knows(self, blob).await.map_err(|error| error.to_string())
    }

    async fn report(&self, manifest: &Digest) -> Result<Option<Counts>, String> {
        let report = self.report_stored(manifest).await.map_err(|error| error.to_string())?;
        Ok(report.map(|report| counts(&report)))
    }

    async fn index(&self) -> Option<String> {
        None
    }
}

fn counts(report: &findings::Report) -> Counts {
    let mut counts = Counts::default();
    for finding in &report.findings {
        let count = match finding.matched.severity {
            advisory::Severity::Critical => &mut counts.critical,
            advisory::Severity::High => &mut counts.high,
            advisory::Severity::Medium => &mut counts.medium,
            advisory::Severity::Low => &mut counts.low,
            advisory::Severity::Negligible => &mut counts.negligible,
            advisory::Severity::Unknown => &mut counts.unknown,
        };
        *count += 1;
    }
    counts
}
