//! `plimsoll sign`: sign an image in its registry.

use std::fs::File;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use image::Reference;
use image::client::Client;
use keys::agent::HeldKey;
use keys::{Author as _, Person, PublicKey, SignedArtifact, Signer};
use time::OffsetDateTime;
use trust::notation::Authority;
use trust::{Certified, Format, RegistryAuthor, RegistrySignatures, Subject, Verifier, publish};
use url::Url;

use super::{Command, Start};
use crate::holder::{Holder, KeyArguments};
use crate::house::{House, Needs};
use crate::registries::{Logins, Registries};
use crate::{certificate, output};

/// Arguments of `plimsoll sign`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = HELP)]
pub(crate) struct Arguments {
    /// The image, as docker names it
    #[arg(value_name = "IMAGE")]
    image: Reference,
    #[command(flatten)]
    key: KeyArguments,
    /// What to write: bundle (cosign 3 and Plimsoll), cosign-tag (cosign before 3) or notation; several with commas, by one
    /// touch
    #[arg(long = "format", value_name = "FORMAT", value_delimiter = ',', default_value = "bundle")]
    formats: Vec<Format>,
    /// Have a timestamping authority (RFC 3161) state the time of notation's signature
    #[arg(long, value_name = "URL")]
    timestamp: Option<Url>,
    /// Certificates (PEM) to one of which that authority must lead
    #[arg(long, value_name = "FILE", requires = "timestamp")]
    timestamp_roots: Option<PathBuf>,
    /// Make a key without asking where there is none
    #[arg(long, short = 'y')]
    yes: bool,
    /// Do nothing where this key has signed this image already, under this name and in these formats
    #[arg(long)]
    unless_signed: bool,
    #[command(flatten)]
    registries: Registries,
}

const HELP: &str = "\
Signs what the image's tag points to now, and writes the signature beside it in the registry, where cosign 3 finds it \
too. For an image of several platforms that is its index, and so all of them. Repository, tag and digest are shown \
before the key is asked for anything. An agent that holds the key is asked first. notation wants a certificate: the one \
that a card has, or NAME.crt beside a key's file, which is made where it is missing.";

/// What the first half hands to the second.
#[derive(Debug)]
pub(crate) struct Prepared {
    image: Reference,
    formats: Vec<Format>,
    authority: Option<Authority>,
    holder: Holder,
    /// Where a certificate of the key may be kept.
    certificate: Option<(PathBuf, File)>,
    /// Whether a signature that is there is enough.
    unless_signed: bool,
    /// The public half of the key, where it is known without the key.
    public: Option<PublicKey>,
    logins: Logins,
}

impl Command for Arguments {
    type Prepared = Prepared;
    const NEEDS: Needs = Needs::Folder;

    fn prepare(self, start: &Start) -> Result<Prepared> {
        let roots = match &self.timestamp_roots {
            Some(path) => {
                let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
                keys::pem::certificates(&text).with_context(|| format!("in {}", path.display()))?
            }
            None => Vec::new(),
        };
        let authority = self.timestamp.map(|url| Authority::new(url, roots));
        let holder = self.key.find(start, true, self.yes)?;
        let wants_certificate = self.formats.contains(&Format::Notation);
        let certificate = wants_certificate.then(|| certificate::beside(holder.uri().as_ref())).flatten();
        let logins = self.registries.logins([&self.image]);
        let (unless_signed, public) = (self.unless_signed, holder.public_key());
        Ok(Prepared {
            image: self.image,
            formats: self.formats,
            authority,
            holder,
            certificate,
            unless_signed,
            public,
            logins,
        })
    }

    fn execute(prepared: Prepared, _house: House) -> Result<ExitCode> {
        let Prepared { image, formats, authority, holder, certificate, unless_signed, public, logins } = prepared;
        let client = logins.client();
        let subject = Subject::resolve(&client, &image)?;
        let is_signed = |key: &PublicKey| unless_signed && is_signed(&client, &subject, &formats, key);
        if let Some(key) = &public
            && is_signed(key)
        {
            return already(&subject, key);
        }
        let person = holder.person();
        let (key, mut artifacts) = match holder {
            Holder::Agent(agent, held) => {
                let HeldKey { fingerprint, .. } = *held;
                let mut progress = |text: &str| eprintln!("{}", output::plain(text));
                agent.sign_image(Some(&fingerprint), &subject.request(&formats), &mut progress)?
            }
            Holder::Here(named, surroundings) => {
                let person = surroundings.before(person.as_ref());
                let signer = named.open(&surroundings, &person)?;
                // A device tells its public half before it is asked for anything.
                if is_signed(&signer.public_key()) {
                    return already(&subject, &signer.public_key());
                }
                signed_here(&client, &subject, &formats, signer.as_ref(), certificate, &person)?
            }
        };
        if let Some(authority) = authority {
            authority.stamp(&mut artifacts)?;
        }
        let published = publish(&client, &subject, &artifacts, &key)?;
        let made: Vec<_> = published.iter().filter_map(|one| one.format.map(Format::title)).collect();
        let text = format!(
            "signed {}@{} by key {}\n  as {}\n",
            image.repository_name(),
            subject.digest,
            key.fingerprint(),
            made.join(", ")
        );
        output::write(output::plain(&text).as_bytes())?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Whether a key has signed an image in each of some formats, as what its reference names. What cannot be read is not
/// signed.
fn is_signed(client: &Client, subject: &Subject, formats: &[Format], key: &PublicKey) -> bool {
    let source = RegistrySignatures::new(client.clone(), subject.reference.clone());
    let Ok(found) = Verifier::new(vec![key.clone()]).examine(&subject.digest, &source) else { return false };
    let name = subject.reference.repository_name();
    formats.iter().all(|format| {
        found.signatures.iter().any(|signature| {
            signature.format == *format
                && signature.repository.as_ref().is_none_or(|signed| *signed == name)
                && (signature.tag == subject.reference.tag || *format == Format::Notation)
        })
    })
}

fn already(subject: &Subject, key: &PublicKey) -> Result<ExitCode> {
    let name = subject.reference.repository_name();
    let text = format!("signed already: {name}@{} by key {}\n", subject.digest, key.fingerprint());
    output::write(output::plain(&text).as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// Has a key at hand sign, with a certificate of it where notation's format wants one.
fn signed_here(
    client: &Client,
    subject: &Subject,
    formats: &[Format],
    signer: &dyn Signer,
    place: Option<(PathBuf, File)>,
    person: &dyn Person,
) -> Result<(PublicKey, Vec<SignedArtifact>)> {
    let lacks_certificate = formats.contains(&Format::Notation)
        && signer.public_key().algorithm() != keys::Algorithm::Ed25519
        && signer.certificate()?.is_none();
    if lacks_certificate {
        let certified = Certified::make(signer, person, OffsetDateTime::now_utc())?;
        certificate::keep(place, certified.der());
        return signed_here(client, subject, formats, &certified, None, person);
    }
    let draft = RegistryAuthor::new(client.clone()).draft(&subject.request(formats), signer)?;
    person.show(&draft.intent());
    let signatures = signer.sign(&draft.messages(), person)?;
    Ok((signer.public_key(), draft.finish(signatures)?))
}
