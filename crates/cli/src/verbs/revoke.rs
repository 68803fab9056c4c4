//! `plimsoll revoke`: withdraw trust from an image or a key.

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use image::client::Client;
use image::{Digest, Reference, Verified};
use keys::PublicKey;
use time::{Duration, OffsetDateTime};
use trust::revocation::{Keeper, RevocationError, Target, is_fingerprint};
use trust::withdraw::{self, Withdrawn};
use trust::{RegistrySignatures, TrustError, Verifier};

use super::{Command, Start};
use crate::holder::{Holder, KeyArguments};
use crate::house::{House, Needs};
use crate::registries::{Logins, Registries};
use crate::{exit, output, revocation};

/// Tags that are looked at in search of what stops running, at most.
const TAGS: usize = 2000;

/// Arguments of `plimsoll revoke`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = HELP)]
pub(crate) struct Arguments {
    /// An image, as docker names it, or a public key: its .pub file
    #[arg(value_name = "IMAGE|PUB", required_unless_present = "renew")]
    what: Option<String>,
    /// Sign the list anew with what is on it, so that it goes on being valid
    #[arg(long, conflicts_with = "what")]
    renew: bool,
    /// The registry whose list it is; for an image its own
    #[arg(long, value_name = "HOST")]
    registry: Option<String>,
    /// Why, for those who will be stopped by it
    #[arg(long, value_name = "TEXT", default_value = "revoked")]
    reason: String,
    /// How many days the list is valid before it has to be renewed
    #[arg(long, value_name = "DAYS", default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=3650))]
    days: u16,
    #[command(flatten)]
    key: KeyArguments,
    /// Do not ask
    #[arg(long, short = 'y')]
    yes: bool,
    #[command(flatten)]
    registries: Registries,
}

const HELP: &str = "\
Puts it on the signed list REGISTRY/plimsoll/revocation:list, shows beforehand what it stops from running, and takes the \
signatures away from the registry, since others than Plimsoll do not read the list. The key is that of the revoking role, \
which the policy names under [revocation]. What is on the list stays there: an image that was revoked by mistake is pushed anew, with \
another digest, and a key is replaced by another.";

/// What is to be revoked, as it was named.
#[derive(Debug)]
enum Named {
    Image(Reference),
    Key(Box<PublicKey>),
    Nothing,
}

/// What the first half hands to the second.
#[derive(Debug)]
pub(crate) struct Prepared {
    named: Named,
    registry: String,
    reason: String,
    validity: Duration,
    yes: bool,
    holder: Holder,
    logins: Logins,
}

impl Command for Arguments {
    type Prepared = Prepared;
    const NEEDS: Needs = Needs::Folder;

    fn prepare(self, start: &Start) -> Result<Prepared> {
        let named = match self.what.as_deref() {
            None => Named::Nothing,
            Some(path) if Path::new(path).extension() == Some("pub".as_ref()) => {
                Named::Key(Box::new(PublicKey::read(path.as_ref())?))
            }
            Some(text) if is_keys_file(text) || is_fingerprint(text) => {
                bail!(
                    "{text} is no image; a key is revoked by its public half: plimsoll revoke FILE.pub --registry HOST"
                )
            }
            Some(image) => Named::Image(image.parse()?),
        };
        let registry = match (self.registry, &named) {
            (Some(registry), _) if registry.contains('/') => {
                bail!("--registry {registry}: a list is a registry's; name its host and port alone")
            }
            (Some(registry), _) => registry,
            (None, Named::Image(image)) => image.registry.clone(),
            (None, _) => bail!("which registry's list? say it with --registry HOST"),
        };
        let place: Reference = format!("{registry}/{}:{}", trust::revocation::REPOSITORY, trust::revocation::TAG)
            .parse()
            .with_context(|| format!("{registry:?} is no registry"))?;
        let logins = self.registries.logins([&place]);
        let holder = self.key.find(start, None, false)?;
        let validity = Duration::days(self.days.into());
        Ok(Prepared { named, registry, reason: self.reason, validity, yes: self.yes, holder, logins })
    }

    fn execute(prepared: Prepared, house: House) -> Result<ExitCode> {
        let Prepared { named, registry, reason, validity, yes, holder, logins } = prepared;
        let client = logins.client();
        let mut hits = Hits::default();
        let targets = match &named {
            Named::Nothing => Vec::new(),
            Named::Image(image) => {
                let digests = all_of(&client.resolve(image)?.bytes);
                hits.look(&client, image, |_, found| Ok(digests.contains(found)));
                digests.into_iter().map(Target::Image).collect()
            }
            Named::Key(key) => {
                hits.look_for_key(&client, &registry, key);
                vec![Target::key(key)]
            }
        };
        if !targets.is_empty() {
            eprint!("{}", output::plain(&announced(&targets, &hits)));
            if !yes && !confirmed()? {
                bail!("nothing was revoked");
            }
        }
        let person = holder.person();
        let signer = holder.signer(person.as_ref())?;
        let keeper = Keeper::new(client.clone(), registry.clone()).remembering(revocation::seen(&house.folder));
        let next =
            keeper.next(signer.as_ref(), &targets, &reason, validity, OffsetDateTime::now_utc()).map_err(|error| {
                let is_refused = matches!(error, RevocationError::Refused { .. });
                let about = format!("the key {} does not go on with the list of {registry}", signer.uri());
                if is_refused { anyhow::Error::new(error).context(about) } else { error.into() }
            })?;
        keeper.publish(&next, signer.as_ref(), person.as_ref())?;
        let mut text = format!(
            "revocation list: version {}, {} {}, valid until {}\n",
            next.list.version,
            next.list.entries.len(),
            if next.list.entries.len() == 1 { "entry" } else { "entries" },
            next.list.expires.date()
        );
        // The list first: it holds whatever the registry lets one delete.
        let (removed, failed) = withdrawn(&client, &named, &targets, &hits.found);
        for what in &removed {
            let _ = writeln!(text, "  removed   {what}");
        }
        for failure in &failed {
            let _ = writeln!(text, "  left      {failure}");
        }
        output::write(output::plain(&text).as_bytes())?;
        if failed.is_empty() {
            return Ok(ExitCode::SUCCESS);
        }
        eprintln!(
            "plimsoll: some signatures could not be removed; verifiers that do not read the list go on taking them"
        );
        Ok(ExitCode::from(exit::REFUSED))
    }
}

/// An image that will no longer run.
struct Hit {
    place: Reference,
    digest: Digest,
}

/// What stops, as far as it could be found out. That somewhere nothing can be found out stops no revocation: whoever may
/// push could else prevent it.
#[derive(Default)]
struct Hits {
    found: Vec<Hit>,
    /// Where it could not be looked, and why.
    unseen: Vec<String>,
}

impl Hits {
    /// The tags of the repository of `image` of whose digest `is_hit` says so.
    fn look(
        &mut self,
        client: &Client,
        image: &Reference,
        mut is_hit: impl FnMut(&Reference, &Digest) -> Result<bool, TrustError>,
    ) {
        let tags = match client.tags(image, TAGS) {
            Ok(tags) => tags,
            // A repository without any.
            Err(error) if error.is_not_found() => return,
            Err(error) => return self.unseen.push(format!("{}: {error}", image.repository_name())),
        };
        for tag in tags {
            // The tags of signatures themselves.
            if tag.starts_with("sha256-") {
                continue;
            }
            let place = Reference { tag: Some(tag.clone()), digest: None, ..image.clone() };
            let Ok(found) = client.tagged(&place, &tag) else { continue };
            // A platform's manifest may be signed by itself.
            for digest in all_of(&found.bytes) {
                match is_hit(&place, &digest) {
                    Ok(true) => self.found.push(Hit { place: place.clone(), digest }),
                    Ok(false) => {}
                    Err(error) => self.unseen.push(format!("{place}: {error}")),
                }
            }
        }
    }

    /// The tags of a registry whose images a key signed.
    fn look_for_key(&mut self, client: &Client, registry: &str, key: &PublicKey) {
        let repositories = match client.repositories(registry, TAGS) {
            Ok(repositories) => repositories,
            Err(error) => return self.unseen.push(format!("{registry}: {error}")),
        };
        let verifier = Verifier::new(vec![key.clone()]);
        for repository in repositories {
            if repository == trust::revocation::REPOSITORY {
                continue;
            }
            let Ok(place) = format!("{registry}/{repository}").parse::<Reference>() else { continue };
            self.look(client, &place, |place, digest| {
                let source = RegistrySignatures::new(client.clone(), place.clone());
                Ok(!verifier.examine(digest, &source)?.signatures.is_empty())
            });
            if self.found.len() >= TAGS {
                break;
            }
        }
    }
}

/// The digests of an image: its own, and those of its platforms.
fn all_of(bytes: &Verified) -> Vec<Digest> {
    std::iter::once(bytes.digest().clone()).chain(trust::platforms(bytes)).collect()
}

/// Whether somebody named a key's other file.
fn is_keys_file(text: &str) -> bool {
    let path = Path::new(text);
    path.extension().is_some_and(|ending| ["key", "pem", "crt", "pub"].iter().any(|key| ending == *key))
        && path.is_file()
}

fn announced(targets: &[Target], hits: &Hits) -> String {
    let mut text = String::new();
    for (place, target) in targets.iter().enumerate() {
        let _ = match place {
            0 => writeln!(text, "about to revoke {target}"),
            _ => writeln!(text, "  and of its platforms {target}"),
        };
    }
    if hits.found.is_empty() {
        text.push_str("no tag in the registry is known to depend on it\n");
    } else {
        text.push_str("where the list is read, this stops running (or loses that signature):\n");
    }
    for Hit { place, digest } in &hits.found {
        let _ = writeln!(text, "  {place}  {digest}");
    }
    for unseen in &hits.unseen {
        let _ = writeln!(text, "  could not be looked at: {unseen}");
    }
    text
}

fn confirmed() -> Result<bool> {
    if !std::io::stdin().is_terminal() {
        bail!("there is no terminal to ask at; say --yes where it is meant");
    }
    eprint!("revoke it? [y/N] ");
    std::io::stderr().flush().context("cannot write to the terminal")?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).context("cannot read from the terminal")?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// Takes the signatures away that no longer count: what is gone, and what could not be removed. Of an image that was
/// revoked, whatever its tag points to by now.
fn withdrawn(client: &Client, named: &Named, targets: &[Target], hits: &[Hit]) -> (Vec<String>, Vec<String>) {
    let (mut removed, mut failed) = (Vec::new(), Vec::new());
    let mut sort = |place: String, all: Result<Vec<Withdrawn>, TrustError>| match all {
        Ok(all) => {
            for Withdrawn { what, result } in all {
                match result {
                    Ok(()) => removed.push(what),
                    Err(error) => failed.push(format!("{what}: {error}")),
                }
            }
        }
        Err(error) => failed.push(format!("{place}: {error}")),
    };
    match named {
        Named::Image(image) => {
            for target in targets {
                if let Target::Image(digest) = target {
                    sort(image.repository_name(), withdraw::all(client, image, digest));
                }
            }
        }
        Named::Key(key) => {
            let mut seen = Vec::new();
            for Hit { place, digest } in hits {
                let one = (place.repository_name(), digest.clone());
                if !seen.contains(&one) {
                    sort(place.to_string(), withdraw::by_key(client, place, digest, key));
                    seen.push(one);
                }
            }
        }
        Named::Nothing => {}
    }
    (removed, failed)
}
