//! `plimsoll trust state`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use image::Reference;
use serde_json::Value;
use time::OffsetDateTime;
use trust::{Subject, statements};

use crate::holder::{Holder, KeyArguments};
use crate::house::{House, Needs};
use crate::output;
use crate::registries::{Logins, Registries};
use crate::verbs::{Command, Start};

/// Arguments of `plimsoll trust state`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = HELP)]
pub(crate) struct Arguments {
    /// The image, as docker names it
    #[arg(value_name = "IMAGE")]
    image: Reference,
    /// What is stated, as JSON
    #[arg(long, value_name = "FILE")]
    predicate: PathBuf,
    /// Its type: cyclonedx, spdx, findings, provenance, or any URI
    #[arg(long = "type", value_name = "TYPE")]
    kind: String,
    #[command(flatten)]
    key: KeyArguments,
    #[command(flatten)]
    registries: Registries,
}

const HELP: &str = "\
Signs an in-toto statement and writes it beside the image, where cosign verify-attestation finds it too. It is no signature \
of the image. Sign an SBOM or findings with the registry's own key and provenance with the builder's: nobody takes a \
developer's word for either.";

/// What the first half hands to the second.
#[derive(Debug)]
pub(crate) struct Prepared {
    image: Reference,
    kind: String,
    predicate: (std::path::PathBuf, Vec<u8>),
    holder: Holder,
    logins: Logins,
}

impl Command for Arguments {
    type Prepared = Prepared;
    const NEEDS: Needs = Needs::Folder;

    fn prepare(self, start: &Start) -> Result<Prepared> {
        let path = &self.predicate;
        let predicate = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let kind = match self.kind.as_str() {
            "cyclonedx" => statements::CYCLONEDX.to_owned(),
            "spdx" => statements::SPDX.to_owned(),
            "findings" => statements::FINDINGS.to_owned(),
            "provenance" => statements::PROVENANCE[0].to_owned(),
            uri if uri.contains("://") => uri.to_owned(),
            other => bail!("{other:?} is no type of statement; write cyclonedx, spdx, findings, provenance or a URI"),
        };
        let holder = self.key.find(start, None, false)?;
        let logins = self.registries.logins([&self.image]);
        Ok(Prepared { image: self.image, kind, predicate: (self.predicate, predicate), holder, logins })
    }

    fn execute(prepared: Prepared, _house: House) -> Result<ExitCode> {
        let Prepared { image, kind, predicate, holder, logins } = prepared;
        let predicate: Value =
            serde_json::from_slice(&predicate.1).with_context(|| format!("{} is no JSON", predicate.0.display()))?;
        let client = logins.client();
        let subject = Subject::resolve(&client, &image)?;
        let person = holder.person();
        let signer = holder.signer(person.as_ref())?;
        let now = OffsetDateTime::now_utc();
        let person = person.as_ref();
        let written = statements::state(&client, &subject, &kind, predicate, signer.as_ref(), person, now)?;
        let text = format!(
            "stated {kind} of {}@{}\n  by key {}\n  as {}\n",
            image.repository_name(),
            subject.digest,
            signer.public_key().fingerprint(),
            written.manifest
        );
        output::write(output::plain(&text).as_bytes())?;
        Ok(ExitCode::SUCCESS)
    }
}
