//! The registry's own word about each image: its SBOM and its findings, as signed statements beside it.
//!
//! [`Stating`] stands between the registry and the scanner and hears when a report was made; [`Statements`] then signs with
//! the registry's key and pushes to the server itself, as any client would. An SBOM is stated once; findings anew whenever
//! a report is, and what was stated of them before is taken away.

use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use findings::Report;
use findings::render::{self, Bill};
use findings::report::About;
use image::client::{Client, Credentials, Settings};
use image::{Digest, Reference};
use inventory::LayerRecord;
use keys::{Nobody, Signer};
use registry::{Answer, Catalogued, Cataloguing, Summary};
use scan::Scanner;
use serde_json::Value;
use store::Store;
use time::OffsetDateTime;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use trust::{Subject, bundle, statements};

/// Things that claim to be our own statement of one image that are looked into, at most.
const CLAIMS: usize = 16;

/// The scanner, with somebody who is told of each report.
pub(crate) struct Stating {
    scanner: Scanner,
    made: UnboundedSender<Digest>,
}

/// What is stated.
pub(crate) struct Statements {
    made: UnboundedReceiver<Digest>,
    store: Store,
    client: Client,
    registry: String,
    signer: Arc<dyn Signer>,
}

/// The two halves: one for the registry, one to run beside it. `address` is where the server itself listens.
pub(crate) fn stating(
    scanner: Scanner,
    store: Store,
    address: SocketAddr,
    signer: Arc<dyn Signer>,
) -> (Stating, Statements) {
    let (sender, made) = unbounded_channel();
    let client = Client::new(Credentials::none(), Settings::default());
    let registry = reached(address).to_string();
    (Stating { scanner, made: sender }, Statements { made, store, client, registry, signer })
}

/// How the server reaches itself.
fn reached(address: SocketAddr) -> SocketAddr {
    match address.ip() {
        ip if ip.is_unspecified() => SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), address.port()),
        _ => address,
    }
}

impl Statements {
    /// States what reports say until the server ends. What fails is told in the log and tried again with the next report.
    pub(crate) async fn run(mut self) {
        while let Some(image) = self.made.recv().await {
            if let Err(error) = self.state(&image).await {
                tracing::warn!(%image, error = format!("{error:#}"), "what is in the image could not be stated beside it");
            }
        }
    }

    async fn state(&self, image: &Digest) -> Result<()> {
        let Some(row) = self.store.report(image).await? else { return Ok(()) };
        let report = Report::from_bytes(&row.report).context("its report cannot be read")?;
        let sbom = serde_json::from_slice(&sbom(&report)?).context("its SBOM is no JSON")?;
        let found = serde_json::from_slice(&render::json(&report)?).context("its findings are no JSON")?;
        let mut repositories: Vec<String> =
            self.store.places_of(image).await?.into_iter().map(|(repository, _)| repository).collect();
        repositories.sort();
        repositories.dedup();
        for repository in repositories {
            let place =
                Reference { registry: self.registry.clone(), repository, tag: None, digest: Some(image.clone()) };
            let writer = Writer { client: self.client.clone(), place, signer: Arc::clone(&self.signer) };
            let (sbom, found): (Value, Value) = (Value::clone(&sbom), Value::clone(&found));
            tokio::task::spawn_blocking(move || writer.write(sbom, found)).await.context("writing it ended")??;
        }
        Ok(())
    }
}

fn sbom(report: &Report) -> Result<Vec<u8>> {
    let about = About {
        name: report.name.clone(),
        subject: report.subject,
        digest: report.digest.clone(),
        platform: report.platform.clone(),
        scanned_at: report.scanned_at.clone(),
        history: report.history.clone(),
        layers_read: report.layers_read,
    };
    render::cyclonedx(&Bill::of_inventory(&about, &report.inventory)).context("its SBOM cannot be written")
}

/// Writes beside one image.
struct Writer {
    client: Client,
    place: Reference,
    signer: Arc<dyn Signer>,
}

impl Writer {
    fn write(&self, sbom: Value, found: Value) -> Result<()> {
        let subject = Subject::resolve(&self.client, &self.place)?;
        if !self.has_stated(&subject, statements::CYCLONEDX)? {
            self.state(&subject, statements::CYCLONEDX, sbom)?;
        }
        let before = self.stated(&subject, statements::FINDINGS)?;
        let written = self.state(&subject, statements::FINDINGS, found)?;
        // The same words in the same second are the same manifest.
        for statement in before.into_iter().filter(|statement| *statement != written) {
            self.client.delete_referrer(&self.place, &subject.digest, &statement)?;
        }
        Ok(())
    }

    /// Whether there is a statement by this key. Anybody who may push can put something beside an image that says so.
    fn has_stated(&self, subject: &Subject, kind: &str) -> Result<bool> {
        let key = self.signer.public_key();
        let holds = |referrer: &Digest| {
            statements::holds(&self.client, &self.place, referrer, &subject.digest, kind, &key).unwrap_or(false)
        };
        Ok(self.stated(subject, kind)?.iter().take(CLAIMS).any(holds))
    }

    /// What this key stated of the image, by what the statements say of themselves: no more than that is taken away.
    fn stated(&self, subject: &Subject, kind: &str) -> Result<Vec<Digest>> {
        let key = self.signer.public_key().fingerprint();
        let all = self.client.referrers(&self.place, &subject.digest, Some(bundle::MEDIA_TYPE))?;
        let is_ours = |annotations: &std::collections::BTreeMap<String, String>| {
            annotations.get(statements::STATED_BY) == Some(&key)
                && annotations.get(statements::PREDICATE).is_some_and(|predicate| predicate == kind)
        };
        Ok(all.into_iter().filter(|referrer| is_ours(&referrer.annotations)).map(|referrer| referrer.digest).collect())
    }

    fn state(&self, subject: &Subject, kind: &str, predicate: Value) -> Result<Digest> {
        let (signer, now) = (self.signer.as_ref(), OffsetDateTime::now_utc());
        Ok(statements::state(&self.client, subject, kind, predicate, signer, &Nobody, now)?.manifest)
    }
}

impl Cataloguing for Stating {
    fn catalogue(&self, input: Box<dyn Read + Send>) -> Result<Catalogued, String> {
        Cataloguing::catalogue(&self.scanner, input)
    }

    fn catalogue_again(&self, input: Box<dyn Read + Send>, first: &LayerRecord) -> Result<Catalogued, String> {
        Cataloguing::catalogue_again(&self.scanner, input, first)
    }

    fn keep<'a>(&'a self, catalogued: &'a Catalogued) -> Answer<'a, Result<(), String>> {
        Cataloguing::keep(&self.scanner, catalogued)
    }

    fn knows<'a>(&'a self, blob: &'a Digest) -> Answer<'a, Result<bool, String>> {
        Cataloguing::knows(&self.scanner, blob)
    }

    fn report<'a>(&'a self, manifest: &'a Digest) -> Answer<'a, Result<Option<Summary>, String>> {
        Box::pin(async move {
            let summary = Cataloguing::report(&self.scanner, manifest).await?;
            if summary.is_some() {
                // Nobody listens only when the server ends.
                let _ = self.made.send(manifest.clone());
            }
            Ok(summary)
        })
    }

    fn index(&self) -> Result<Option<String>, String> {
        Cataloguing::index(&self.scanner)
    }
}
