//! From a key's name to its signer.

use std::fmt;
use std::sync::Arc;

use crate::piv::reader::Readers;
use crate::piv::{PcscReaders, PivSigner};
use crate::pkcs11::TokenSigner;
use crate::surroundings::WithPin;
use crate::{KeyError, KeyFile, KeyUri, Person, Pin, PivUri, Signer, Surroundings, TokenUri};

/// A key that was named, as far as it must be read as the user who named it: files are, devices are not touched yet. It
/// may then be carried to where that user's rights are gone.
pub enum NamedKey {
    /// A file, read.
    File(KeyFile),
    /// A key on a card.
    Card(PivUri),
    /// A key in a token, with the PIN that its `pin-source` names.
    Token(Box<TokenUri>, Option<Pin>),
}

impl NamedKey {
    /// Reads the files that the name names, as the calling user.
    pub fn read(uri: &KeyUri) -> Result<Self, KeyError> {
        match uri {
            KeyUri::File(path) => KeyFile::read(path).map(Self::File),
            KeyUri::Pkcs11(uri) => {
                let pin = uri.pin_source.as_deref().map(Pin::from_file).transpose()?;
                Ok(Self::Token(uri.clone(), pin))
            }
            KeyUri::Piv(uri) => Ok(Self::Card(*uri)),
        }
    }

    /// What it is called in messages.
    pub fn name(&self) -> String {
        match self {
            Self::File(file) => file.name().to_owned(),
            Self::Card(uri) => uri.to_string(),
            Self::Token(uri, _) => uri.to_string(),
        }
    }

    /// Finds the key and makes it a signer. A device must be there; which of several is meant the person says. Secrets
    /// are asked for when it signs, or here where the key does not show its public half without.
    pub fn open(self, surroundings: &Surroundings, person: &dyn Person) -> Result<Box<dyn Signer>, KeyError> {
        match self {
            Self::File(file) => Ok(Box::new(file.open(surroundings.passphrase.clone(), person)?)),
            Self::Card(uri) => {
                let readers: Arc<dyn Readers> = Arc::new(PcscReaders);
                let signer = PivSigner::open(&readers, &uri, person)?;
                Ok(with_pin(Box::new(signer), surroundings.pin.clone()))
            }
            Self::Token(uri, pin) => {
                let pin = pin.or_else(|| surroundings.pin.clone());
                let given = Surroundings { pin: pin.clone(), ..surroundings.clone() };
                let signer = TokenSigner::open(&surroundings.modules, &uri, &given.before(person))?;
                Ok(with_pin(Box::new(signer), pin))
            }
        }
    }
}

/// The signer of a key's name: for verbs that have no rights to give up. Others read the name first ([`NamedKey::read`]).
pub fn open(uri: &KeyUri, surroundings: &Surroundings, person: &dyn Person) -> Result<Box<dyn Signer>, KeyError> {
    NamedKey::read(uri)?.open(surroundings, person)
}

fn with_pin(signer: Box<dyn Signer>, pin: Option<Pin>) -> Box<dyn Signer> {
    match pin {
        Some(pin) => Box::new(WithPin::new(signer, pin)),
        None => signer,
    }
}

impl fmt::Debug for NamedKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "NamedKey({})", self.name())
    }
}
