//! `plimsoll verify`: check who signed an image.

mod explain;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use gate::evidence::verifier;
use gate::file::PolicyFile;
use gate::{Facts, Requirement, Signers};
use image::client::{Client, RegistrySource};
use image::{Digest, ImageSource as _, Platform, Reference};
use keys::{KeyUri, PublicKey, TouchPolicy, folder};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use trust::{Cache, Examination, RegistrySignatures, Signature, Verifier};

use self::explain::{Chain, Pin, Pinned};
use super::{Command, Start};
use crate::house::{House, Needs};
use crate::registries::{Logins, Registries};
use crate::{exit, holder, output, revocation};

/// Arguments of `plimsoll verify`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = HELP)]
pub(crate) struct Arguments {
    /// The image, as docker names it
    #[arg(value_name = "IMAGE")]
    image: Reference,
    /// A public key that is trusted; may be repeated, and one signature is enough
    #[arg(long = "key", value_name = "PUB")]
    keys: Vec<KeyUri>,
    /// Trust whom this policy trusts [default: policy.toml in /etc/plimsoll or $XDG_CONFIG_HOME/plimsoll]
    #[arg(long, value_name = "FILE", conflicts_with = "keys")]
    policy: Option<PathBuf>,
    /// Tell each step, from the keys that are pinned to this digest
    #[arg(long)]
    explain: bool,
    /// Ask for one platform's image (OS/ARCHITECTURE[/VARIANT]); a signature of the index above it counts for it
    #[arg(long, value_name = "PLATFORM")]
    platform: Option<Platform>,
    #[command(flatten)]
    registries: Registries,
}

const HELP: &str = "\
Looks for a signature of what the image's tag points to now: by one of the keys that are named, else as the policy \
wants it. Ends with 0 when there is one and with 1 when there is none, and says why others do not count.";

/// What the first half hands to the second.
#[derive(Debug)]
pub(crate) struct Prepared {
    image: Reference,
    platform: Option<Platform>,
    trusted: Trusted,
    is_explained: bool,
    logins: Logins,
}

/// Whose signatures count.
#[derive(Debug)]
enum Trusted {
    Keys(Vec<(String, PublicKey)>),
    Policy(PolicyFile),
}

impl Command for Arguments {
    type Prepared = Prepared;
    const NEEDS: Needs = Needs::Folder;

    fn prepare(self, start: &Start) -> Result<Prepared> {
        let trusted = if self.keys.is_empty() {
            Trusted::Policy(policy(self.policy.as_deref(), &self.image, start)?)
        } else {
            let named = |uri: &KeyUri| {
                let path = uri.path().with_context(|| holder::no_public_file(uri))?;
                Ok((path.display().to_string(), PublicKey::read(path)?))
            };
            Trusted::Keys(self.keys.iter().map(named).collect::<Result<_>>()?)
        };
        let logins = self.registries.logins([&self.image]);
        Ok(Prepared { image: self.image, platform: self.platform, trusted, is_explained: self.explain, logins })
    }

    fn execute(prepared: Prepared, house: House) -> Result<ExitCode> {
        let Prepared { image, platform, trusted, is_explained, logins } = prepared;
        let client = logins.client();
        let place = image.repository_name();
        let now = OffsetDateTime::now_utc();
        let (mut roots, mut pins) = (Vec::new(), Vec::new());
        let (verifier, policy) = match &trusted {
            Trusted::Keys(keys) => {
                let pin = |(name, key): &(String, PublicKey)| Pin {
                    name: name.clone(),
                    team: None,
                    what: Pinned::Key(key.clone()),
                };
                pins.extend(keys.iter().map(pin));
                (Verifier::new(keys.iter().map(|(_, key)| key.clone()).collect()), None)
            }
            Trusted::Policy(file) => {
                let policy = file.parse()?;
                let signers = policy.needs(&place).signers;
                if signers.is_empty() {
                    bail!("{} wants no signature of {place}; name whom to trust with --key PUB", file.name());
                }
                let hardware = signers.iter().filter_map(|signers| signers.hardware.as_ref());
                roots.extend(hardware.flat_map(|hardware| &hardware.roots).map(|root| root.der.clone()));
                pins.extend(signers.iter().flat_map(pins_of));
                (verifier(&signers, now), Some(policy))
            }
        };
        let (digest, index) = resolve(&client, &image, platform.as_ref())?;
        let source = RegistrySignatures::new(client.clone(), image.clone());
        let source = source.remembering(Cache::in_folder(house.folder.join("signatures")));
        let found = verifier.examine_image(&digest, index.as_ref(), &source)?;
        let judgement = policy.map(|policy| {
            let revocation = policy.needs(&place).revocation.map(|revocation| {
                let keys = revocation.keys.into_iter().map(|trusted| trusted.key).collect();
                revocation::current(client, &image.registry, keys, &house.folder)
            });
            let facts = Facts {
                repository: &place,
                digest: &digest,
                index: index.as_ref(),
                tag: image.tag.as_deref(),
                signatures: Some(Ok(found.signatures.clone())),
                revocation,
                report: None,
                now,
            };
            policy.judge_signatures(&facts)
        });
        let requirements = judgement.as_ref().map(|judgement| judgement.requirements.as_slice());
        let unmet = requirements.into_iter().flatten().find(|requirement| !requirement.met);
        let is_signed = match requirements {
            Some(requirements) => unmet.is_none() && !requirements.is_empty(),
            None => !found.signatures.is_empty(),
        };
        if is_explained {
            let chain = Chain {
                image: &image,
                digest: &digest,
                index: index.as_ref(),
                pins: &pins,
                roots: &roots,
                found: &found,
                judgement: judgement.as_ref(),
            };
            let end = if is_signed { "signed, as it is wanted" } else { "not signed as it is wanted" };
            output::write(
                output::plain(&format!(
                    "{}
{end}
",
                    chain.told()
                ))
                .as_bytes(),
            )?;
            return Ok(if is_signed { ExitCode::SUCCESS } else { ExitCode::from(exit::REFUSED) });
        }
        if !is_signed {
            eprint!("{}", output::plain(&refusal(&image, &digest, unmet, &found)));
            return Ok(ExitCode::from(exit::REFUSED));
        }
        let requirements = requirements.unwrap_or_default();
        let report = report(&image, &digest, &trusted, requirements, &roots, &found);
        output::write(output::plain(&report).as_bytes())?;
        Ok(ExitCode::SUCCESS)
    }
}

/// What a demand of the policy trusts.
fn pins_of(signers: &Signers) -> Vec<Pin> {
    let pin = |name: &String, what| Pin { name: name.clone(), team: signers.team.clone(), what };
    let keys = signers.keys.iter().map(|trusted| pin(&trusted.name, Pinned::Key(trusted.key.clone())));
    let certificates =
        signers.certificates.iter().map(|trusted| pin(&trusted.name, Pinned::Certificate(trusted.der.clone())));
    keys.chain(certificates).collect()
}

/// The policy that was named on the command line or in the settings, else the usual one.
fn policy(named: Option<&Path>, image: &Reference, start: &Start) -> Result<PolicyFile> {
    if let Some(path) = named.or(start.settings.policy.as_deref()) {
        return Ok(PolicyFile::open(path)?);
    }
    if let Some(file) = PolicyFile::open_first(&start.caller.policy_candidates(None, &start.settings))? {
        return Ok(file);
    }
    let own = folder::of_user().and_then(|folder| folder::single_key(&folder, " with --key")).ok();
    let own = own.map(|key| key.with_extension("pub")).filter(|public| public.is_file());
    let yours = own.map(|public| format!(" (yours is {})", public.display())).unwrap_or_default();
    bail!("nobody is trusted yet with {image}: name a public key with --key PUB{yours}, or write a policy")
}

/// What is asked about: what the name points to, or one platform's image behind it with the index that led there.
fn resolve(client: &Client, image: &Reference, platform: Option<&Platform>) -> Result<(Digest, Option<Digest>)> {
    let (manifest, held) = client.resolve_pending(image)?;
    // Whether it is signed can be told all the same, and it is what the registry waits for.
    crate::registries::tell_held(image, held.as_ref());
    let digest = manifest.bytes.digest().clone();
    if platform.is_none() {
        return Ok((digest, None));
    }
    let image = Reference { digest: Some(digest), ..image.clone() };
    let source = RegistrySource::open(client, &image, platform)?;
    Ok((source.image().digest.clone(), source.image().index_digest.clone()))
}

/// Who signed.
fn report(
    image: &Reference,
    digest: &Digest,
    trusted: &Trusted,
    requirements: &[Requirement],
    roots: &[Vec<u8>],
    found: &Examination,
) -> String {
    let mut text = format!("{image} is signed\n  digest     {digest}\n");
    for requirement in requirements {
        let _ = writeln!(text, "  wanted     {}\n  found      {}", requirement.wanted, requirement.found);
    }
    for signature in &found.signatures {
        let fingerprint = signature.key.fingerprint();
        let name = match trusted {
            Trusted::Keys(keys) => keys.iter().find(|(_, key)| *key == signature.key).map(|(name, _)| name),
            Trusted::Policy(_) => None,
        };
        let _ = match name {
            Some(name) => writeln!(text, "  signed by  {name} ({fingerprint})"),
            None => writeln!(text, "  signed by  {fingerprint}"),
        };
        let _ = writeln!(text, "  signed as  {}", signed_as(signature, image));
        let _ = writeln!(text, "  format     {}", signature.format.title());
        let _ = writeln!(text, "  key        {}", custody(signature, roots));
        if let Some(time) = signature.signed_at.and_then(|time| time.format(&Rfc3339).ok()) {
            let _ = writeln!(text, "  time       {time}");
        }
    }
    text
}

/// What kind of key it is, and what is proved of where its secret lies.
fn custody(signature: &Signature, roots: &[Vec<u8>]) -> String {
    let algorithm = signature.key.algorithm();
    if signature.attestations.is_empty() {
        return format!("{algorithm}; nothing attests where its secret lies");
    }
    if roots.is_empty() {
        return format!(
            "{algorithm}; an attestation lies beside it, and the policy names no maker's roots to check it by"
        );
    }
    let now = std::time::SystemTime::now();
    let proofs = signature.attestations.iter().map(|attestation| keys::attestation::verify(attestation, roots, now));
    let is_good = |proof: &Result<keys::Attested, _>| proof.as_ref().is_ok_and(|proved| proved.key == signature.key);
    let (good, bad): (Vec<_>, Vec<_>) = proofs.partition(is_good);
    let Some(proof) = good.into_iter().chain(bad).next() else { return algorithm.to_string() };
    match proof {
        Ok(proved) if proved.key == signature.key => {
            let serial = proved.serial.map(|serial| format!(" {serial}")).unwrap_or_default();
            let touch = match proved.touch {
                TouchPolicy::Never => "wants no touch",
                TouchPolicy::Cached => "wants a touch, which holds for 15 s",
                TouchPolicy::Always => "wants a touch each time",
            };
            format!("{algorithm}; made inside of device{serial}, firmware {}, {touch}", proved.firmware)
        }
        Ok(_) => format!("{algorithm}; its attestation is another key's"),
        Err(error) => format!("{algorithm}; its attestation proves nothing: {error}"),
    }
}

/// The name that was signed. Another one than was asked for is no error (images are copied), but worth a look.
fn signed_as(signature: &Signature, image: &Reference) -> String {
    let Some(repository) = &signature.repository else { return "(the signature names no repository)".into() };
    let tag = signature.tag.as_ref().map(|tag| format!(":{tag}")).unwrap_or_default();
    let is_other = *repository != image.repository_name()
        || signature.tag.as_ref().zip(image.tag.as_ref()).is_some_and(|(signed, asked)| signed != asked);
    let note = if is_other { "  <- not the name that was asked for" } else { "" };
    format!("{repository}{tag}{note}")
}

/// The name to sign by: a tag beside a digest may point elsewhere, and then nothing is signed under it.
pub(super) fn signable(image: &Reference) -> Reference {
    match image.digest {
        Some(_) => Reference { tag: None, ..image.clone() },
        None => image.clone(),
    }
}

/// Why it is not signed, or not by enough.
fn refusal(image: &Reference, digest: &Digest, requirement: Option<&Requirement>, found: &Examination) -> String {
    let mut text = match &image.digest {
        Some(asked) if asked == digest => format!("plimsoll: {image} is not signed "),
        _ => format!("plimsoll: {image} ({digest}) is not signed "),
    };
    let _ = match requirement {
        Some(Requirement { wanted, found, .. }) => {
            write!(text, "as the policy wants it: it wants {wanted}, but {found}")
        }
        None => write!(text, "by a trusted key"),
    };
    for detail in requirement.iter().flat_map(|requirement| &requirement.details) {
        let _ = write!(text, "\n  - {detail}");
    }
    if let Some(mend) = requirement.and_then(|requirement| requirement.mend.as_ref()) {
        let _ = write!(text, "\nto mend it, {mend}");
    }
    if found.rejected.is_empty() {
        if found.signatures.is_empty() && requirement.is_none() {
            let _ = write!(text, "; there is no signature at all, sign it with: plimsoll sign {}", signable(image));
        }
        text.push('\n');
        return text;
    }
    text.push_str("\nwhat else lies beside it does not count:\n");
    for rejection in &found.rejected {
        let _ = writeln!(text, "  - {rejection}");
    }
    text
}
