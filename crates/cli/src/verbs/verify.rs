//! `plimsoll verify`: check who signed an image.

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::Result;
use image::{Digest, Reference};
use keys::{KeyUri, PublicKey};
use trust::{Examination, RegistrySignatures, Signature, Verifier};

use super::{Command, Start};
use crate::house::{House, Needs};
use crate::registries::{Logins, Registries};
use crate::{exit, output};

/// Looks for a signature of what the image's tag points to now, by one of the keys. Ends with 0 when there is one, with 1
/// when there is none, and says why the others do not count.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The image, as docker names it
    #[arg(value_name = "IMAGE")]
    image: Reference,
    /// A public key that is trusted; may be repeated, and one signature is enough
    #[arg(long = "key", value_name = "PUB", required = true)]
    keys: Vec<KeyUri>,
    #[command(flatten)]
    registries: Registries,
}

/// What the first half hands to the second.
#[derive(Debug)]
pub(crate) struct Prepared {
    image: Reference,
    keys: Vec<(String, PublicKey)>,
    logins: Logins,
}

impl Command for Arguments {
    type Prepared = Prepared;
    const NEEDS: Needs = Needs::Folder;

    fn prepare(self, _start: &Start) -> Result<Prepared> {
        let named = |uri: &KeyUri| Ok((uri.path().display().to_string(), PublicKey::read(uri.path())?));
        let keys = self.keys.iter().map(named).collect::<Result<Vec<_>>>()?;
        let logins = self.registries.logins([&self.image]);
        Ok(Prepared { image: self.image, keys, logins })
    }

    fn execute(prepared: Prepared, _house: House) -> Result<ExitCode> {
        let Prepared { image, keys, logins } = prepared;
        let client = logins.client();
        let digest = client.resolve(&image)?.bytes.digest().clone();
        let verifier = Verifier::new(keys.iter().map(|(_, key)| key.clone()).collect());
        let source = RegistrySignatures::new(client, image.clone());
        let found = verifier.examine(&digest, &source)?;
        if found.signatures.is_empty() {
            eprint!("{}", output::plain(&refusal(&image, &digest, &found)));
            return Ok(ExitCode::from(exit::REFUSED));
        }
        output::write(output::plain(&report(&image, &digest, &found.signatures, &keys)).as_bytes())?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Who signed.
fn report(image: &Reference, digest: &Digest, signatures: &[Signature], keys: &[(String, PublicKey)]) -> String {
    let mut text = format!("{image} is signed\n  digest     {digest}\n");
    for signature in signatures {
        let name = keys.iter().find(|(_, key)| *key == signature.key).map_or("", |(name, _)| name);
        let _ = writeln!(text, "  signed by  {name} ({})", signature.key.fingerprint());
        let _ = match (&signature.repository, &signature.tag) {
            (Some(repository), Some(tag)) => writeln!(text, "  signed as  {repository}:{tag}"),
            (Some(repository), None) => writeln!(text, "  signed as  {repository}"),
            (None, _) => writeln!(text, "  signed as  (the signature names no repository)"),
        };
    }
    text
}

/// Why nobody did.
fn refusal(image: &Reference, digest: &Digest, found: &Examination) -> String {
    let mut text = format!("plimsoll: {image} ({digest}) is not signed by a trusted key");
    if found.rejected.is_empty() {
        let _ = writeln!(text, ": there is no signature at all; sign it with: plimsoll sign {image}");
        return text;
    }
    let _ = writeln!(text, "; what lies beside it does not count:");
    for rejection in &found.rejected {
        let _ = writeln!(text, "  - {rejection}");
    }
    text
}
