//! Who signs: an agent that holds the key, or this process with the key itself.

use std::io::{BufRead, ErrorKind, IsTerminal as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, anyhow, bail};
use keys::agent::{Client as Agent, HeldKey, place};
use keys::open::NamedKey;
use keys::piv::{self, Device};
use keys::pkcs11::Modules;
use keys::uri::PivUri;
use keys::{FileSigner, KeyError, KeyUri, Passphrase, Person, PublicKey, Signer, Surroundings, folder};

use crate::registries::Registries;
use crate::verbs::{Start, key};
use crate::{output, passphrase, person};

/// The slot for signatures, `9c`.
const SIGNATURE: u8 = 0x9c;

/// Arguments of verbs that sign.
#[derive(Debug, clap::Args)]
pub(crate) struct KeyArguments {
    /// The key: a path, file:PATH, piv:serial=…;slot=9c or pkcs11:… [default: the agent's only key, else the single key in
    /// $XDG_CONFIG_HOME/plimsoll/keys, else the key in the signature slot of the only card]
    #[arg(long, value_name = "KEY")]
    pub(crate) key: Option<KeyUri>,
    /// Read the passphrase from the first line of this open file descriptor
    ///
    /// Without it, it is looked for in the systemd credential plimsoll-passphrase, then in PLIMSOLL_PASSPHRASE (the weakest
    /// way: other programs of yours can read it), and then asked for on the terminal.
    #[arg(long, value_name = "N")]
    passphrase_fd: Option<u32>,
    /// Read a card's or token's PIN from the first line of this open file descriptor
    #[arg(long, value_name = "N")]
    pin_fd: Option<u32>,
}

/// A key as far as it is found while this process is still the caller.
#[derive(Debug)]
pub(crate) enum Holder {
    /// An agent holds it.
    Agent(Agent, Box<HeldKey>),
    /// It is at hand.
    Here(NamedKey, Surroundings),
}

impl KeyArguments {
    /// As the calling user: finds the key, at an agent first where `by_agent` allows it, with how
    /// registries are spoken to. Where there is none at all, one is
    /// offered at a terminal, or made at once where `yes` was said before.
    pub(crate) fn find(&self, start: &Start, by_agent: Option<&Registries>, yes: bool) -> Result<Holder> {
        self.check_descriptors()?;
        if by_agent.is_some()
            && let Some((agent, held)) = self.at_agent()
        {
            return Ok(Holder::Agent(agent, Box::new(held)));
        }
        let open = |uri: &KeyUri| match by_agent {
            Some(registries) if is_out_of_reach(uri, start) => self.own_agent(uri, registries, start),
            _ => self.here(uri, None, start),
        };
        if let Some(uri) = &self.key {
            return open(uri);
        }
        if let Some(uri) = default_card()? {
            return open(&uri);
        }
        let (path, passphrase) = self.default_file(yes)?;
        self.here(&KeyUri::File(path), passphrase, start)
    }

    /// The wrong one of the two would be read by nobody, and a person be asked where there is none.
    fn check_descriptors(&self) -> Result<()> {
        match (&self.key, self.passphrase_fd, self.pin_fd) {
            (Some(uri @ KeyUri::File(_)), None, Some(_)) => {
                bail!("--pin-fd is for cards and tokens; the passphrase of {uri} is given with --passphrase-fd")
            }
            (Some(uri @ (KeyUri::Piv(_) | KeyUri::Pkcs11(_))), Some(_), None) => {
                bail!("--passphrase-fd is for keys in files; the PIN of {uri} is given with --pin-fd")
            }
            _ => Ok(()),
        }
    }

    /// `passphrase` is one that was typed already.
    fn here(&self, uri: &KeyUri, passphrase: Option<Passphrase>, start: &Start) -> Result<Holder> {
        let named = NamedKey::read(uri).map_err(|error| match &error {
            KeyError::File { source, .. } if source.kind() == ErrorKind::NotFound => anyhow::Error::new(error).context(
                "there is no such key; plimsoll key list shows which there are, plimsoll key generate makes one",
            ),
            _ => error.into(),
        })?;
        if let NamedKey::File(file) = &named
            && file.is_exposed()
        {
            let name = output::plain(file.name());
            eprintln!("warning: others can read {name}; close it with: chmod 600 {}", output::quoted(&name));
        }
        let surroundings = match passphrase {
            Some(passphrase) => Surroundings { passphrase: Some(passphrase), ..Surroundings::default() },
            None => Surroundings::look(self.passphrase_fd, self.pin_fd, key::modules(start))?,
        };
        Ok(Holder::Here(named, surroundings))
    }

    /// An agent for this one key, which stays who calls while this process becomes somebody else: a device is not to be
    /// carried over. It ends with the connection.
    fn own_agent(&self, uri: &KeyUri, registries: &Registries, start: &Start) -> Result<Holder> {
        let (ours, theirs) = UnixStream::pair().context("cannot make a socket")?;
        let program = std::env::current_exe().context("cannot tell where this program is")?;
        let mut agent = Command::new(program);
        agent.args(["agent", "--on-stdin", "--key", &uri.to_string()]);
        if let Some(descriptor) = self.pin_fd {
            agent.args(["--pin-fd", &descriptor.to_string()]);
        }
        for registry in registries.insecure() {
            agent.args(["--insecure-registry", registry]);
        }
        if let Some(config) = &start.config {
            agent.arg("--config").arg(config);
        }
        agent.stdin(OwnedFd::from(theirs)).stdout(Stdio::null());
        agent.spawn().context("cannot start an agent for the key")?;
        // What was given to the command is not kept open here: the agent's end of the socket closes with the agent.
        drop(agent);
        let agent = Agent::over(ours).at_terminal(terminal());
        let held = agent.keys().map_err(|_| anyhow!("the key {uri} could not be opened; see above"))?;
        let held = held.into_iter().next().with_context(|| format!("there is no key {uri}"))?;
        Ok(Holder::Agent(agent, Box::new(held)))
    }

    /// An agent of this user that holds the key that is meant. None answering is no error: the key is used here then.
    fn at_agent(&self) -> Option<(Agent, HeldKey)> {
        let path = place::socket().ok().filter(|path| path.exists())?;
        let agent = Agent::connect(&path).ok()?.at_terminal(terminal());
        let held = agent.keys().ok()?;
        let wanted = match &self.key {
            Some(uri) => Some(uri.clone()),
            // The folder's only key, where the agent has that one too; else the agent's only key.
            None => {
                folder::of_user().and_then(|folder| folder::single_key(&folder, " with --key")).ok().map(KeyUri::File)
            }
        };
        let public =
            wanted.as_ref().and_then(KeyUri::path).and_then(|path| PublicKey::read(&path.with_extension("pub")).ok());
        let is_meant = |key: &&HeldKey| {
            let is_named = wanted.as_ref().is_some_and(|uri| uri.to_string() == key.uri);
            is_named || public.as_ref().is_some_and(|public| public.fingerprint() == key.fingerprint)
        };
        let found = held.iter().find(is_meant).cloned();
        match (found, &self.key, &held[..]) {
            (Some(found), ..) => Some((agent, found)),
            (None, None, [only]) if wanted.is_none() => {
                let only = only.clone();
                Some((agent, only))
            }
            _ => None,
        }
    }

    /// The single key of the caller's folder; where there is none, one that is made now, with its passphrase.
    fn default_file(&self, yes: bool) -> Result<(PathBuf, Option<Passphrase>)> {
        let own = folder::of_user()?;
        if !folder::list(&own)?.is_empty() {
            return Ok((folder::single_key(&own, " with --key")?, None));
        }
        let path = own.join("default.key");
        if !yes && !offered(&path)? {
            return Ok((folder::single_key(&own, " with --key")?, None));
        }
        folder::make(&own)?;
        FileSigner::check_new(&path)?;
        let given = Surroundings::look(self.passphrase_fd, None, Modules::default())?.passphrase;
        let name = path.display().to_string();
        let passphrase = match given {
            Some(passphrase) => passphrase,
            None => passphrase::choose(&name, keys::PASSPHRASE_BEFOREHAND)?,
        };
        let (signer, public) = FileSigner::generate(&path, &passphrase)?;
        let text = format!(
            "made {name} ({}); give {} to whoever is to trust it",
            signer.public_key().fingerprint(),
            public.display()
        );
        eprintln!("{}", output::plain(&text));
        Ok((path, Some(passphrase)))
    }
}

impl Holder {
    /// The file of a key that is at hand in one.
    pub(crate) fn uri(&self) -> Option<KeyUri> {
        match self {
            Self::Here(NamedKey::File(file), _) => Some(KeyUri::File(file.name().into())),
            Self::Here(..) | Self::Agent(..) => None,
        }
    }

    /// The public half, where it is known without the key: an agent tells it, and beside a key's file it lies in another.
    pub(crate) fn public_key(&self) -> Option<PublicKey> {
        match self {
            Self::Agent(_, held) => PublicKey::from_pem(&held.public).ok(),
            Self::Here(NamedKey::File(file), _) => PublicKey::read(&Path::new(file.name()).with_extension("pub")).ok(),
            Self::Here(..) => None,
        }
    }

    /// The person at hand, who is shown which key is going to sign. An agent shows that itself.
    pub(crate) fn person(&self) -> Box<dyn Person> {
        match self {
            Self::Here(named, _) => person::at_hand_for(&named.name()),
            Self::Agent(..) => person::at_hand(),
        }
    }

    /// The signer, for what only a key at hand can do.
    pub(crate) fn signer(self, person: &dyn Person) -> Result<Box<dyn Signer>> {
        match self {
            Self::Here(named, surroundings) => Ok(named.open(&surroundings, person)?),
            Self::Agent(..) => bail!("an agent signs images and nothing else; name the key itself with --key"),
        }
    }
}

/// Whether a key is on a device that the user whom root becomes may not reach.
fn is_out_of_reach(uri: &KeyUri, start: &Start) -> bool {
    start.caller.is_root() && !matches!(uri, KeyUri::File(_))
}

/// The key in the signature slot of the only card that is plugged in, for whoever has no key in a file. A card that
/// cannot be asked is no key; who means it names it, and hears why.
pub(crate) fn default_card() -> Result<Option<KeyUri>> {
    if !folder::list(&folder::of_user()?)?.is_empty() {
        return Ok(None);
    }
    let cards = Device::list(&piv::system()).unwrap_or_default();
    let with_key: Vec<PivUri> = cards
        .iter()
        .filter_map(|listed| listed.card.as_ref().ok())
        .filter(|contents| contents.keys.iter().any(|key| key.slot == SIGNATURE && !key.may_be_deleted()))
        .map(|contents| PivUri { serial: contents.device.serial(), slot: Some(SIGNATURE) })
        .collect();
    match &with_key[..] {
        [] => Ok(None),
        [only] => Ok(Some(KeyUri::Piv(*only))),
        several => {
            let names: Vec<String> = several.iter().map(|uri| KeyUri::Piv(*uri).to_string()).collect();
            if let Ok(terminal) = person::Terminal::open() {
                let chosen = terminal.choose("which card signs", &names)?;
                return Ok(several.get(chosen).map(|uri| KeyUri::Piv(*uri)));
            }
            let names: Vec<String> = names.iter().map(|name| output::quoted(name)).collect();
            bail!(
                "there are {} cards with a key for signatures; name one with --key: {}",
                names.len(),
                names.join(" or ")
            )
        }
    }
}

/// What whoever names a device's key where a public one is wanted can do.
pub(crate) fn no_public_file(uri: &KeyUri) -> String {
    format!("{uri} is no file of a public key; write one first: plimsoll key show '{uri}' > key.pub")
}

/// Whether a person at the terminal wants a key to be made.
fn offered(path: &Path) -> Result<bool> {
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Ok(false);
    }
    eprint!("{}", output::plain(&format!("there is no key yet; make one now, in {}? [Y/n] ", path.display())));
    std::io::stderr().flush().context("cannot write to the terminal")?;
    agreed(std::io::stdin().lock())
}

/// Whether the next line is a yes, or empty. The end of what is typed (Ctrl-D) is neither.
fn agreed(mut typed: impl BufRead) -> Result<bool> {
    let mut answer = String::new();
    let length = typed.read_line(&mut answer).context("cannot read from the terminal")?;
    Ok(length > 0 && matches!(answer.trim(), "" | "y" | "Y" | "yes"))
}

/// The terminal at which an agent may ask for PIN and touch.
fn terminal() -> Option<String> {
    let name = rustix::termios::ttyname(std::io::stdin(), Vec::new())
        .or_else(|_| rustix::termios::ttyname(std::io::stderr(), Vec::new()));
    name.ok().and_then(|name| name.into_string().ok())
}

#[cfg(test)]
mod tests {
    use super::agreed;

    #[test]
    fn the_end_of_what_is_typed_is_no_consent() {
        for (typed, wanted) in
            [("", false), ("n\n", false), ("\n", true), ("y\n", true), ("yes\n", true), ("what\n", false)]
        {
            assert_eq!(agreed(typed.as_bytes()).unwrap(), wanted, "{typed:?}");
        }
    }
}
