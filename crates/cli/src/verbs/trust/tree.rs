//! `plimsoll trust tree`.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use gate::file::PolicyFile;
use image::Reference;
use keys::{KeyUri, PublicKey};
use trust::Verifier;
use trust::tree::{Node, Roles, Tree, read};

use crate::admission::find_policy;
use crate::holder;
use crate::house::{House, Needs};
use crate::output;
use crate::registries::{Logins, Registries};
use crate::verbs::{Command, Start};

/// Arguments of `plimsoll trust tree`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = HELP)]
pub(crate) struct Arguments {
    /// The image, as docker names it
    #[arg(value_name = "IMAGE")]
    image: Reference,
    /// A public key whose signatures of images count; may be repeated [default: those of the policy's rule]
    #[arg(long = "key", value_name = "PUB")]
    keys: Vec<KeyUri>,
    /// A public key whose statements about an image's content count: the registry's own; may be repeated
    #[arg(long = "registry-key", value_name = "PUB")]
    registries_keys: Vec<KeyUri>,
    /// A public key whose statements about how an image was built count; may be repeated
    #[arg(long = "builder-key", value_name = "PUB")]
    builders: Vec<KeyUri>,
    /// Trust whom this policy trusts [default: policy.toml in /etc/plimsoll or $XDG_CONFIG_HOME/plimsoll]
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// How to show it
    #[arg(long, value_enum, default_value_t = Form::Text)]
    format: Form,
    #[command(flatten)]
    registries: Registries,
}

const HELP: &str = "\
Lists every manifest that names the image, its index or its platforms as subject, and cosign's older signatures, also those \
of kinds that Plimsoll does not know. Ends with 0 whatever counts: plimsoll verify is for that.";

/// How it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// What the first half hands to the second.
#[derive(Debug)]
pub(crate) struct Prepared {
    image: Reference,
    keys: Vec<PublicKey>,
    registries: Vec<PublicKey>,
    builders: Vec<PublicKey>,
    policy: Option<PolicyFile>,
    form: Form,
    logins: Logins,
}

impl Command for Arguments {
    type Prepared = Prepared;
    const NEEDS: Needs = Needs::Folder;

    fn prepare(self, start: &Start) -> Result<Prepared> {
        let read = |uris: &[KeyUri]| uris.iter().map(public).collect::<Result<Vec<_>>>();
        Ok(Prepared {
            keys: read(&self.keys)?,
            registries: read(&self.registries_keys)?,
            builders: read(&self.builders)?,
            policy: find_policy(&start.caller, self.policy.as_deref(), &start.settings)?,
            form: self.format,
            logins: self.registries.logins([&self.image]),
            image: self.image,
        })
    }

    fn execute(prepared: Prepared, _house: House) -> Result<ExitCode> {
        let Prepared { image, mut keys, registries, builders, policy, form, logins } = prepared;
        let client = logins.client();
        let mut certificates = Vec::new();
        if keys.is_empty()
            && let Some(file) = policy
        {
            for signers in file.parse()?.needs(&image.repository_name()).signers {
                keys.extend(signers.keys.into_iter().map(|trusted| trusted.key));
                certificates.extend(signers.certificates.into_iter().map(|trusted| trusted.der));
            }
        }
        if keys.is_empty() && certificates.is_empty() {
            eprintln!(
                "plimsoll: nobody is trusted here, so no signature counts: name a key with --key PUB, or write a policy"
            );
        }
        let (manifest, held) = client.resolve_pending(&image)?;
        if let Some(held) = held {
            eprintln!("plimsoll: {}", output::plain(&held.to_string()));
        }
        let digest = manifest.bytes.digest().clone();
        let roles = Roles { signers: Verifier::new(keys).trusting(certificates), registries, builders };
        let tree = read(&client, &image, &digest, &roles)?;
        let text = match form {
            Form::Json => serde_json::to_string_pretty(&tree).context("cannot write JSON")? + "\n",
            Form::Text => output::plain(&told(&image, &tree)),
        };
        output::write(text.as_bytes())?;
        Ok(ExitCode::SUCCESS)
    }
}

fn public(uri: &KeyUri) -> Result<PublicKey> {
    let path = uri.path().with_context(|| holder::no_public_file(uri))?;
    Ok(PublicKey::read(path)?)
}

fn told(image: &Reference, tree: &Tree) -> String {
    let mut text = format!("{image}\n{}\n", tree.digest);
    branch(&mut text, &tree.attached, 1);
    for platform in &tree.platforms {
        let name = platform.platform.as_deref().unwrap_or("(no platform)");
        let _ = writeln!(text, "{name}  {}", platform.digest);
        branch(&mut text, &platform.attached, 1);
    }
    text
}

fn branch(text: &mut String, nodes: &[Node], depth: usize) {
    let indent = "  ".repeat(depth);
    if nodes.is_empty() && depth == 1 {
        let _ = writeln!(text, "{indent}(nothing)");
    }
    for node in nodes {
        let mark = if node.counts { "counts " } else { "-      " };
        let _ = writeln!(text, "{indent}{mark} {}", node.what);
        let mut line = |name: &str, value: &str| {
            let _ = writeln!(text, "{indent}        {name:<10} {value}");
        };
        line("manifest", &node.digest);
        if let Some(key) = &node.signed_by {
            line("signed by", key);
        }
        if let Some(name) = &node.signed_as {
            line("signed as", name);
        }
        if let Some(time) = &node.time {
            line("time", time);
        }
        line(if node.counts { "because" } else { "not, for" }, &node.because);
        branch(text, &node.attached, depth + 1);
    }
}
