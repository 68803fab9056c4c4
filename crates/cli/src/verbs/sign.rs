//! `plimsoll sign`: sign an image in its registry.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use image::Reference;
use image::client::Client;
use keys::agent::protocol::MOST_IMAGES;
use keys::agent::{Client as Agent, HeldKey};
use keys::author::sign_drafts;
use keys::open::NamedKey;
use keys::{Author as _, Person, PublicKey, SignedArtifact, Signer};
use time::OffsetDateTime;
use trust::notation::Authority;
use trust::{Certified, Format, RegistryAuthor, RegistrySignatures, Subject, Verifier, publish};
use url::Url;

use super::{Command, Start};
use crate::holder::{Holder, KeyArguments};
use crate::house::{House, Needs};
use crate::registries::{Logins, Registries};
use crate::{certificate, exit, output};

/// Arguments of `plimsoll sign`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = HELP)]
pub(crate) struct Arguments {
    /// The images, as docker names them; several are signed by one touch
    #[arg(value_name = "IMAGE", required = true)]
    images: Vec<Reference>,
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
Signs what each image's tag points to now, and writes the signature beside it in the registry, where cosign 3 finds it \
too. Several images are looked for and shown before the key is asked for anything. For an image of several platforms that is its index, and so all of them. Repository, tag and digest are shown \
before the key is asked for anything. An agent that holds the key is asked first. notation wants a certificate: the one \
that a card has, or NAME.crt beside a key's file, which is made where it is missing.";

/// What the first half hands to the second.
#[derive(Debug)]
pub(crate) struct Prepared {
    images: Vec<Reference>,
    formats: Vec<Format>,
    authority: Option<Authority>,
    holder: Holder,
    /// Where a certificate of the key may be kept.
    certificate: certificate::Place,
    /// Whether a signature that is there is enough.
    unless_signed: bool,
    /// The public half of the key, where it is known without the key.
    public: Option<PublicKey>,
    logins: Logins,
    /// Whether root asked, who is somebody else by the time that the key is opened.
    is_by_root: bool,
}

/// Said of a token that root may have and who root became has not.
const NOT_ROOT: &str = "opening the token without root's rights, which are given up before the registry is read; sign as \
                        the user whose token it is";

impl Command for Arguments {
    type Prepared = Prepared;
    const NEEDS: Needs = Needs::Folder;

    fn prepare(self, start: &Start) -> Result<Prepared> {
        if self.timestamp.is_some() && !self.formats.contains(&Format::Notation) {
            bail!("--timestamp is for notation's signatures, and none is asked for; add --format notation");
        }
        if let Some(url) = self.timestamp.as_ref().filter(|url| !matches!(url.scheme(), "http" | "https")) {
            bail!("--timestamp {url}: an authority is asked by http or https");
        }
        let roots = match &self.timestamp_roots {
            Some(path) => {
                let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
                keys::pem::certificates(&text).with_context(|| format!("in {}", path.display()))?
            }
            None => Vec::new(),
        };
        let authority = self.timestamp.map(|url| Authority::new(url, roots));
        let holder = self.key.find(start, Some(&self.registries), self.yes)?;
        let wants_certificate = self.formats.contains(&Format::Notation);
        // notation knows no Ed25519, which is told later; no file is made for what comes to nothing.
        let is_ed25519 = holder.public_key().is_some_and(|key| key.algorithm() == keys::Algorithm::Ed25519);
        let wants_certificate = wants_certificate && !is_ed25519;
        let certificate =
            if wants_certificate { certificate::beside(holder.uri().as_ref())? } else { certificate::Place::None };
        let logins = self.registries.logins(&self.images);
        let (unless_signed, public) = (self.unless_signed, holder.public_key());
        Ok(Prepared {
            images: self.images,
            formats: self.formats,
            authority,
            holder,
            certificate,
            unless_signed,
            public,
            logins,
            is_by_root: rustix::process::geteuid().is_root(),
        })
    }

    fn execute(prepared: Prepared, _house: House) -> Result<ExitCode> {
        let Prepared { images, formats, authority, holder, certificate, unless_signed, public, logins, is_by_root } =
            prepared;
        let client = logins.client();
        // All of them before the key is asked for anything: one that is not there costs no touch.
        let mut subjects: Vec<Subject> = Vec::with_capacity(images.len());
        for image in &images {
            let subject = Subject::resolve(&client, image)?;
            if !subjects.contains(&subject) {
                subjects.push(subject);
            }
        }
        let without_signed = |subjects: Vec<Subject>, key: &PublicKey| {
            if unless_signed { unsigned(&client, subjects, &formats, key) } else { Ok(subjects) }
        };
        if let Some(key) = &public {
            subjects = without_signed(subjects, key)?;
        }
        if subjects.is_empty() {
            return Ok(ExitCode::SUCCESS);
        }
        let person = holder.person();
        let (key, artifacts) = match holder {
            Holder::Agent(agent, held) => signed_by_agent(&agent, &held, &subjects, &formats)?,
            Holder::Here(named, surroundings) => {
                let person = surroundings.before(person.as_ref());
                let is_out_of_reach = is_by_root && matches!(named, NamedKey::Token(..));
                let opened = named.open(&surroundings, &person);
                let signer = if is_out_of_reach { opened.context(NOT_ROOT)? } else { opened? };
                // A device tells its public half before it is asked for anything.
                subjects = without_signed(subjects, &signer.public_key())?;
                if subjects.is_empty() {
                    return Ok(ExitCode::SUCCESS);
                }
                signed_here(&client, &subjects, &formats, signer.as_ref(), certificate, &person)?
            }
        };
        let mut failed = Vec::new();
        for (subject, artifacts) in subjects.iter().zip(artifacts) {
            // What was signed is stored wherever that is possible; the touch is spent.
            match store(&client, subject, artifacts, authority.as_ref(), &key) {
                Ok(told) => {
                    if let Err(error) = output::write(output::plain(&told).as_bytes()) {
                        failed.push(
                            error.context(format!("{} is signed, and that could not be told", subject.reference)),
                        );
                    }
                }
                Err(error) => failed.push(error.context(format!("{} is not signed", subject.reference))),
            }
        }
        let Some(last) = failed.pop() else { return Ok(ExitCode::SUCCESS) };
        for error in failed {
            eprintln!("{}", output::plain(&format!("plimsoll: {}", exit::sentence(&error))));
        }
        Err(last)
    }
}

/// Stores what was signed of an image beside it; what is to be said of that.
fn store(
    client: &Client,
    subject: &Subject,
    mut artifacts: Vec<SignedArtifact>,
    authority: Option<&Authority>,
    key: &PublicKey,
) -> Result<String> {
    if let Some(authority) = authority {
        authority.stamp(&mut artifacts)?;
    }
    let published = publish(client, subject, &artifacts, key)?;
    let made: Vec<_> = published.iter().filter_map(|one| one.format.map(Format::title)).collect();
    Ok(format!(
        "signed {}@{} by key {}\n  as {}\n",
        subject.reference.repository_name(),
        subject.digest,
        key.fingerprint(),
        made.join(", ")
    ))
}

/// Those of some images that a key has not signed; says of the others that they are.
fn unsigned(client: &Client, subjects: Vec<Subject>, formats: &[Format], key: &PublicKey) -> Result<Vec<Subject>> {
    let mut left = Vec::with_capacity(subjects.len());
    for subject in subjects {
        if is_signed(client, &subject, formats, key) {
            let name = subject.reference.repository_name();
            let text = format!("signed already: {name}@{} by key {}\n", subject.digest, key.fingerprint());
            output::write(output::plain(&text).as_bytes())?;
        } else {
            left.push(subject);
        }
    }
    Ok(left)
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

/// What is to be stored beside each image, in their order, and the key that signed it.
type Signed = (PublicKey, Vec<Vec<SignedArtifact>>);

/// Has an agent sign, in as few batches as it takes.
fn signed_by_agent(agent: &Agent, held: &HeldKey, subjects: &[Subject], formats: &[Format]) -> Result<Signed> {
    let key = Some(held.fingerprint.as_str());
    let mut progress = |text: &str| eprintln!("{}", output::plain(text));
    let requests: Vec<_> = subjects.iter().map(|subject| subject.request(formats)).collect();
    if let [request] = &requests[..] {
        let (public, artifacts) = agent.sign_image(key, request, &mut progress)?;
        return Ok((public, vec![artifacts]));
    }
    let (mut public, mut all) = (None, Vec::with_capacity(requests.len()));
    for batch in requests.chunks(MOST_IMAGES) {
        let (by, artifacts) = agent.sign_images(key, batch, &mut progress)?;
        public = Some(by);
        all.extend(artifacts);
    }
    Ok((public.context("there is nothing to sign")?, all))
}

/// Has a key at hand sign, with a certificate of it where notation's format wants one.
fn signed_here(
    client: &Client,
    subjects: &[Subject],
    formats: &[Format],
    signer: &dyn Signer,
    place: certificate::Place,
    person: &dyn Person,
) -> Result<Signed> {
    let lacks_certificate = formats.contains(&Format::Notation)
        && signer.public_key().algorithm() != keys::Algorithm::Ed25519
        && signer.certificate()?.is_none();
    if lacks_certificate {
        let certified = Certified::make(signer, person, OffsetDateTime::now_utc())?;
        certificate::keep(place, certified.der());
        return signed_here(client, subjects, formats, &certified, certificate::Place::None, person);
    }
    let author = RegistryAuthor::new(client.clone());
    let draft = |subject: &Subject| author.draft(&subject.request(formats), signer);
    let drafts = subjects.iter().map(draft).collect::<Result<Vec<_>, _>>()?;
    for draft in &drafts {
        person.show(&draft.intent());
    }
    Ok((signer.public_key(), sign_drafts(drafts, signer, person)?))
}
