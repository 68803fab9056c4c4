//! `plimsoll key list`.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use clap::ValueEnum;
use keys::piv::reader::{LineError, Readers};
use keys::piv::{CardError, Device, PcscReaders, SlotKey};
use keys::{KeyError, KeyFile, KeyUri, PivUri, PublicKey, TokenUri, folder};
use serde::Serialize;

use super::super::Start;
use crate::output;

/// Arguments of `plimsoll key list`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Lists the keys in $XDG_CONFIG_HOME/plimsoll/keys, in the slots of all cards that are plugged in, and in the tokens of the modules that \
the configuration file names (pkcs11-modules). Nothing is unlocked.")]
pub(super) struct Arguments {
    /// How the list is written
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON document
    Json,
}

/// A key, as the list has it.
#[derive(Serialize)]
struct Entry {
    key: String,
    algorithm: Option<String>,
    fingerprint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    touch: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pin: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    generated: Option<bool>,
    certificate: bool,
}

const NO_SERVICE: &str = "no card was looked for, since the smart card service does not answer; for keys on cards, install pcscd and \
                          start it";

/// Everything that was found.
#[derive(Default, Serialize)]
struct Found {
    keys: Vec<Entry>,
    /// What could not be looked into, and why.
    failures: Vec<String>,
    /// What could be done.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
}

/// Does it.
pub(super) fn perform(arguments: &Arguments, start: &Start) -> Result<ExitCode> {
    let mut found = Found::default();
    found.files()?;
    found.cards();
    found.tokens(start);
    match arguments.format {
        Format::Json => {
            output::write(format!("{}\n", serde_json::to_string_pretty(&found)?).as_bytes())?;
        }
        Format::Text => {
            output::write(output::plain(&found.to_text()).as_bytes())?;
            for failure in &found.failures {
                eprintln!("warning: {}", output::plain(failure));
            }
            for note in &found.notes {
                eprintln!("note: {}", output::plain(note));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

impl Found {
    fn files(&mut self) -> Result<()> {
        for path in folder::list(&folder::of_user()?)? {
            match KeyFile::read(&path) {
                Ok(file) => {
                    let public = file.public_key();
                    self.keys.push(Entry::of(path.display().to_string(), public, false));
                }
                Err(error) => self.failures.push(error.to_string()),
            }
        }
        Ok(())
    }

    fn cards(&mut self) {
        let readers: Arc<dyn Readers> = Arc::new(PcscReaders);
        let listed = match Device::list(&readers) {
            Ok(listed) => listed,
            // A machine without the smart card service has no cards, as a rule; who finds no key at all wants to know.
            Err(KeyError::Card(CardError::Line { source: LineError::NoService(_), .. })) => {
                if self.keys.is_empty() {
                    self.notes.push(NO_SERVICE.to_owned());
                }
                return;
            }
            Err(error) => return self.failures.push(error.to_string()),
        };
        for entry in listed {
            match entry.card {
                Ok(contents) => {
                    let serial = contents.device.serial();
                    self.keys.extend(contents.keys.iter().map(|key| Entry::of_slot(serial, key)));
                    for key in contents.keys.iter().filter(|key| key.may_be_deleted()) {
                        self.notes.push(format!(
                            "{} has no certificate and the strictest policies, as a deleted key's place has in firmware that \
                             only overwrites; it is used where it is named, and plimsoll key generate --replace makes another",
                            name_of(serial, key)
                        ));
                    }
                    let card = serial.map_or_else(String::new, |serial| format!(" piv:serial={serial}"));
                    if contents.keys.is_empty() {
                        self.notes.push(format!(
                            "{} has no key; make one with: plimsoll key generate{card}",
                            contents.device.name()
                        ));
                    }
                    if !contents.factory.is_empty() {
                        self.failures.push(format!(
                            "{} still has from the factory: {}; change that with: plimsoll key protect{card}",
                            contents.device.name(),
                            contents.factory.join(", ")
                        ));
                    }
                }
                Err(error) => self.failures.push(format!("{}: {error}", entry.reader)),
            }
        }
    }

    fn tokens(&mut self, start: &Start) {
        let modules = super::modules(start);
        if modules.0.is_empty() {
            return;
        }
        let tokens = match modules.tokens(&TokenUri::default()) {
            Ok(tokens) => tokens,
            Err(error) => return self.failures.push(error.to_string()),
        };
        for token in tokens {
            match token.keys() {
                Ok(keys) => self.keys.extend(keys.iter().map(|key| {
                    let name = KeyUri::Pkcs11(Box::new(key.uri(&token))).to_string();
                    Entry::of(name, Some(&key.public), key.certificate.is_some())
                })),
                Err(error) => self.failures.push(error.to_string()),
            }
        }
    }

    fn to_text(&self) -> String {
        if self.keys.is_empty() {
            return "no keys; make one with: plimsoll key generate (in a file), or plimsoll key generate piv:9c (on a card)\n"
                .to_owned();
        }
        let mut text = String::new();
        for entry in &self.keys {
            let _ = writeln!(text, "{}", entry.key);
            let algorithm = entry.algorithm.as_deref().unwrap_or("its public half is not shown without its passphrase");
            let _ = writeln!(text, "  algorithm    {algorithm}");
            if let Some(fingerprint) = &entry.fingerprint {
                let _ = writeln!(text, "  fingerprint  {fingerprint}");
            }
            for (name, value) in [("touch", &entry.touch), ("pin", &entry.pin)] {
                if let Some(value) = value {
                    let _ = writeln!(text, "  {name:11}  {value}");
                }
            }
            if let Some(generated) = entry.generated {
                let _ = writeln!(text, "  origin       {}", if generated { "made on the card" } else { "imported" });
            }
        }
        text
    }
}

fn name_of(serial: Option<u32>, key: &SlotKey) -> String {
    KeyUri::Piv(PivUri { serial, slot: Some(key.slot) }).to_string()
}

impl Entry {
    fn of(key: String, public: Option<&PublicKey>, certificate: bool) -> Self {
        Self {
            key,
            algorithm: public.map(|public| public.algorithm().to_string()),
            fingerprint: public.map(PublicKey::fingerprint),
            touch: None,
            pin: None,
            generated: None,
            certificate,
        }
    }

    fn of_slot(serial: Option<u32>, key: &SlotKey) -> Self {
        let mut entry = Self::of(name_of(serial, key), key.public.as_ref(), key.certificate.is_some());
        let unknown = || "one that is not used here".to_owned();
        entry.algorithm = Some(key.algorithm.map_or_else(unknown, |algorithm| algorithm.to_string()));
        entry.touch = key.touch.map(|touch| touch.to_string());
        entry.pin = key.pin.map(|pin| pin.to_string());
        entry.generated = key.generated;
        entry
    }
}
