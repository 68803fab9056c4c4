//! `plimsoll key attest`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::SystemTime;

use anyhow::{Context as _, Result, bail};
use keys::attestation::verify_for;
use keys::{Attested, Firmware, KeyUri, Signer, pem};

use super::super::Start;
use super::unlocking::Unlocking;
use crate::{exit, output, person};

/// Arguments of `plimsoll key attest`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = HELP)]
pub(super) struct Arguments {
    /// The key: a slot of a card
    #[arg(value_name = "KEY", default_value = "piv:9c")]
    key: KeyUri,
    /// Files with the vendor's root certificates and intermediates (PEM)
    /// [default: attestation-roots of the configuration file]
    #[arg(long = "root", visible_alias = "roots", value_name = "FILE")]
    roots: Vec<PathBuf>,
    /// The least firmware that counts, as 5.4.3
    #[arg(long, value_name = "VERSION", value_parser = firmware)]
    least_firmware: Option<Firmware>,
    /// Write the attestation's certificates (PEM) to this file
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    unlocking: Unlocking,
}

const HELP: &str = "\
Proves, without any network, that the key was made inside a card of the vendor's and when it wants a touch. It proves the policy of the \
key, not that any signature was touched by a certain person. Exit code 1: it is not proved.

Yubico publishes its roots at https://developers.yubico.com/PKI/.";

/// Does it.
pub(super) fn perform(arguments: &Arguments, start: &Start) -> Result<ExitCode> {
    let elsewhere = "only a card makes a statement about its keys; make the key on one (plimsoll key generate piv:9c)";
    match &arguments.key {
        KeyUri::Piv(_) => {}
        KeyUri::File(_) => bail!("{} is a file, of which copies may be anywhere; {elsewhere}", arguments.key),
        KeyUri::Pkcs11(_) => bail!(
            "{} is in a PKCS#11 token, which has no such statement; {elsewhere}, or name a YubiKey as piv:9c",
            arguments.key
        ),
    }
    let paths = if arguments.roots.is_empty() { &start.settings.attestation_roots } else { &arguments.roots };
    let roots = roots(paths)?;
    let surroundings = arguments.unlocking.look(start)?;
    let signer = keys::open(&arguments.key, &surroundings, &*person::at_hand())?;
    let Some(attestation) = signer.attestation()? else {
        bail!(
            "{} makes no statement: it was imported, or the card's firmware is older than 4.3. Only a key that is made on a \
             card is attested (plimsoll key generate piv:9c)",
            signer.uri()
        );
    };
    if let Some(path) = &arguments.out {
        let all = std::iter::once(&attestation.leaf).chain(&attestation.intermediates);
        let text = pem::of_certificates(all.map(Vec::as_slice));
        std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    match verify_for(&signer.public_key(), &attestation, &roots, SystemTime::now()) {
        Ok(attested) => judged(&attested, &*signer, arguments.least_firmware),
        Err(error) => {
            let text = format!("not proved  {}: {error}\n", signer.uri());
            output::write(output::plain(&text).as_bytes())?;
            Ok(ExitCode::from(exit::REFUSED))
        }
    }
}

fn judged(attested: &Attested, signer: &dyn Signer, least: Option<Firmware>) -> Result<ExitCode> {
    let Attested { serial, firmware, touch, pin, root, .. } = attested;
    let serial = serial.map_or_else(|| "not told".to_owned(), |serial| serial.to_string());
    let text = format!(
        "proved       made inside the device and never outside of it\nkey          {}\nserial       {serial}\n\
         firmware     {firmware}\ntouch        {touch}\npin          {pin}\nroot         {root}\nfingerprint  {}\n",
        signer.uri(),
        attested.key.fingerprint()
    );
    output::write(output::plain(&text).as_bytes())?;
    if let Some(least) = least.filter(|least| firmware < least) {
        eprintln!("plimsoll: firmware {firmware} is older than {least}; it cannot be changed, so take a newer card");
        return Ok(ExitCode::from(exit::REFUSED));
    }
    Ok(ExitCode::SUCCESS)
}

fn roots(paths: &[PathBuf]) -> Result<Vec<Vec<u8>>> {
    let mut found = Vec::new();
    for path in paths {
        let about = std::fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
        if about.len() > 1 << 20 {
            bail!("{} is larger than 1 MiB, so it holds no root certificates", path.display());
        }
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        found.extend(pem::certificates(&text).with_context(|| format!("{} holds no certificates", path.display()))?);
    }
    Ok(found)
}

fn firmware(text: &str) -> Result<Firmware, String> {
    let numbers: Option<Vec<u8>> = text.split('.').map(|part| part.parse().ok()).collect();
    match numbers.as_deref() {
        Some([major, minor]) => Ok(Firmware::new(*major, *minor, 0)),
        Some([major, minor, patch]) => Ok(Firmware::new(*major, *minor, *patch)),
        _ => Err("a version is written as 5.4.3".to_owned()),
    }
}
