//! `plimsoll docker-plugin`: put into docker's command line, looked at, taken out again.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result, bail};
use clap::Subcommand;
use keys::{KeyFile, KeyUri};

use super::client_config::ClientConfig;
use super::engine::Surroundings;
use super::plugin::{FILE, NAME};
use crate::output;

/// Arguments of `plimsoll docker-plugin`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Sign after docker push, report after docker pull and run, and have every verb as docker plimsoll
    Install(Install),
    /// Say what is installed
    Status,
    /// Take it out again
    #[command(alias = "uninstall")]
    Remove,
}

/// Arguments of `plimsoll docker-plugin install`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = HELP)]
struct Install {
    /// Sign with this key: a path, file:PATH, piv:serial=…;slot=9c or pkcs11:… [default: the one that plimsoll sign takes]
    #[arg(long, value_name = "KEY")]
    key: Option<KeyUri>,
    /// Copy this program instead of linking to it: where its file is going to move
    #[arg(long)]
    copy: bool,
    /// Turn docker's hooks on where config.json turns them off
    #[arg(long)]
    turn_hooks_on: bool,
}

const HELP: &str = "\
Puts docker-plimsoll into cli-plugins in docker's configuration folder ($DOCKER_CONFIG, else ~/.docker), and writes into \
config.json there which commands it is called after, with a copy of the file beside it. All else in the file stays. \
Docker's clients 28 and 29 call it; an older one leaves it alone. DOCKER_CLI_HOOKS=false turns it off for one command.";

/// The commands that it is called after. Docker compares words from the front, so `image push` is one of its own.
const HOOKS: &str = "push,image push,pull,image pull,run,container run";
/// What this verb keeps with the plugin's own settings, to undo no more than it did.
const TURNED_ON: &str = "turned-hooks-on";
/// Where nothing was said of hooks before.
const NOTHING: &str = "true";
const COPIED: &str = "copied";
/// The key to sign with, where one was named.
const KEY: &str = "key";

/// Does it, as the calling user throughout: it is their configuration.
pub(crate) fn perform(arguments: &Arguments) -> Result<ExitCode> {
    let folder = Surroundings::of_this_process().config;
    let folder =
        folder.context("HOME is not set, so that docker's configuration cannot be found; set DOCKER_CONFIG")?;
    match &arguments.what {
        What::Install(install) => put_in(&folder, install),
        What::Status => status(&folder),
        What::Remove => remove(&folder),
    }
}

fn put_in(folder: &Path, install: &Install) -> Result<ExitCode> {
    // What cannot be read stops everything before anything is written.
    let mut config = ClientConfig::read(folder)?;
    let was_copied = config.of_plugin(NAME, COPIED)?.is_some();
    let is_off = config.feature("hooks")?.is_some_and(|value| !is_true(&value));
    config.tell_plugin(NAME, "hooks", HOOKS)?;
    if let Some(key) = &install.key {
        config.tell_plugin(NAME, KEY, &named(key)?)?;
    }
    if install.copy {
        config.tell_plugin(NAME, COPIED, "true")?;
    }
    if config.feature("hooks")?.is_none() || (is_off && install.turn_hooks_on) {
        // What it was is given back.
        let before = config.feature("hooks")?.unwrap_or_else(|| NOTHING.to_owned());
        config.set_feature("hooks", Some("true"))?;
        config.tell_plugin(NAME, TURNED_ON, &before)?;
    }
    let file = folder.join("cli-plugins").join(FILE);
    let program = std::env::current_exe().context("cannot find this program's own file")?;
    place(&program, &file, install.copy, was_copied)?;
    let saved = config.save()?;

    let mut text = String::new();
    let how = if install.copy { "a copy of" } else { "->" };
    let _ = writeln!(text, "plugin   {} {how} {}", file.display(), program.display());
    let _ = writeln!(text, "hooks    after docker {} ({})", HOOKS.replace(',', ", "), config.path().display());
    if let Some(key) = config.of_plugin(NAME, KEY)? {
        let _ = writeln!(text, "key      {key}");
    }
    if let Some(backup) = saved.and_then(|saved| saved.backup) {
        let _ = writeln!(text, "before   {}", backup.display());
    }
    text.push_str("undo     plimsoll docker-plugin remove\n");
    if is_off && !install.turn_hooks_on {
        text.push_str(
            "\nHooks are turned off in that file (features.hooks), so docker will not call it yet; turn them on with\n  \
             plimsoll docker-plugin install --turn-hooks-on\n",
        );
    }
    if let Some(complaint) = complaint(client_version().as_deref()) {
        let _ = writeln!(text, "\n{complaint}");
    }
    output::write(output::plain(&text).as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// A key's name for a later push, in whatever folder that is.
fn named(key: &KeyUri) -> Result<String> {
    Ok(match key.path() {
        Some(path) => {
            let path = std::path::absolute(path).with_context(|| format!("cannot make {key} an absolute path"))?;
            KeyFile::read(&path)?;
            KeyUri::File(path).to_string()
        }
        None => key.to_string(),
    })
}

/// The key that was named when the plugin was installed into this configuration.
pub(super) fn key(folder: &Path) -> Result<Option<String>> {
    ClientConfig::read(folder)?.of_plugin(NAME, KEY)
}

/// Puts the link or the copy there, whole or not at all. What somebody else put there stays.
fn place(program: &Path, file: &Path, copy: bool, was_copied: bool) -> Result<()> {
    match std::fs::symlink_metadata(file) {
        Ok(about) if !about.is_symlink() && !was_copied => {
            bail!("{} is there already and is not a link of this verb's; move it away first", file.display())
        }
        _ => {}
    }
    let folder = file.parent().context("docker's folder of plugins has no name")?;
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make folder {}", folder.display()))?;
    let new = folder.join(format!("{FILE}.{}.new", std::process::id()));
    let made = if copy {
        // The mode is copied, too.
        std::fs::copy(program, &new).map(|_| ())
    } else {
        std::os::unix::fs::symlink(program, &new)
    };
    made.and_then(|()| std::fs::rename(&new, file))
        .inspect_err(|_| drop(std::fs::remove_file(&new)))
        .with_context(|| format!("cannot write {}", file.display()))
}

fn status(folder: &Path) -> Result<ExitCode> {
    let config = ClientConfig::read(folder)?;
    let file = folder.join("cli-plugins").join(FILE);
    let (plugin, has_plugin) = match (std::fs::read_link(&file), file.try_exists()) {
        (Ok(target), Ok(true)) => (format!("{} -> {}", file.display(), target.display()), true),
        (Ok(target), _) => {
            (format!("{} -> {}, which is not there; install again", file.display(), target.display()), false)
        }
        (Err(_), Ok(true)) => (file.display().to_string(), true),
        (Err(_), _) => ("not installed; plimsoll docker-plugin install does it".to_owned(), false),
    };
    let hooks = config.of_plugin(NAME, "hooks")?;
    let (switch, is_on) = switch(config.feature("hooks")?.as_deref());
    let client = client_version();
    let complaint = complaint(client.as_deref());
    let mut text = String::new();
    let _ = writeln!(text, "plugin   {plugin}");
    let after = hooks
        .as_deref()
        .map_or_else(|| "none".to_owned(), |hooks| format!("after docker {}", hooks.replace(',', ", ")));
    let _ = writeln!(text, "hooks    {after} ({})", config.path().display());
    let _ = writeln!(text, "switch   {switch}");
    if let Some(key) = config.of_plugin(NAME, KEY)? {
        let _ = writeln!(text, "key      {key}");
    }
    let _ = writeln!(text, "docker   {}", complaint.clone().or(client).unwrap_or_default());
    output::write(output::plain(&text).as_bytes())?;
    let is_whole = has_plugin && hooks.is_some() && is_on && complaint.is_none();
    Ok(ExitCode::from(if is_whole { 0 } else { crate::exit::REFUSED }))
}

/// What decides whether docker calls hooks at all, first first.
fn switch(feature: Option<&str>) -> (String, bool) {
    for name in ["DOCKER_CLI_HOOKS", "DOCKER_CLI_HINTS"] {
        if let Some(value) = std::env::var(name).ok().filter(|value| !value.is_empty()) {
            let is_on = is_true(&value);
            return (format!("{} by {name} in the environment", if is_on { "on" } else { "off" }), is_on);
        }
    }
    match feature {
        Some(value) if is_true(value) => ("on by features.hooks".to_owned(), true),
        Some(_) => {
            ("off by features.hooks; plimsoll docker-plugin install --turn-hooks-on turns it on".to_owned(), false)
        }
        None => ("off, since features.hooks is not set".to_owned(), false),
    }
}

/// Go's `strconv.ParseBool`.
fn is_true(value: &str) -> bool {
    matches!(value, "1" | "t" | "T" | "true" | "TRUE" | "True")
}

fn remove(folder: &Path) -> Result<ExitCode> {
    let mut config = ClientConfig::read(folder)?;
    let was_copied = config.of_plugin(NAME, COPIED)?.is_some();
    let turned_on = config.of_plugin(NAME, TURNED_ON)?;
    config.forget_plugin(NAME)?;
    // Others' hooks may count on the switch by now.
    if let Some(before) = turned_on
        && !config.has_other_hooks(NAME)?
    {
        config.set_feature("hooks", Some(before.as_str()).filter(|before| *before != NOTHING))?;
    }
    let file = folder.join("cli-plugins").join(FILE);
    let removed = match std::fs::symlink_metadata(&file) {
        Ok(about) if about.is_symlink() || was_copied => {
            std::fs::remove_file(&file).with_context(|| format!("cannot remove {}", file.display()))?;
            Some(file)
        }
        Ok(_) => {
            eprintln!("warning: {} is not a link of this verb's and stays", output::plain(&file.display().to_string()));
            None
        }
        Err(_) => None,
    };
    let is_changed = config.save()?.is_some();
    let mut text = String::new();
    if let Some(file) = &removed {
        let _ = writeln!(text, "removed  {}", file.display());
    }
    if is_changed {
        let _ = writeln!(text, "hooks    taken out of {}", config.path().display());
    }
    if removed.is_none() && !is_changed {
        text.push_str("there was nothing to remove\n");
    }
    output::write(output::plain(&text).as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// The client on the PATH: `28.5.2`.
fn client_version() -> Option<String> {
    let output = Command::new("docker").args(["--version"]).stdin(std::process::Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let version = text.strip_prefix("Docker version ")?.split([',', ' ', '\n']).next()?;
    Some(version.to_owned())
}

/// What is to be said of a client.
fn complaint(version: Option<&str>) -> Option<String> {
    let Some(version) = version else {
        return Some("no docker on the PATH; its clients 28 and 29 have hooks".to_owned());
    };
    let major: u32 = version.split('.').next()?.parse().ok()?;
    (major < 28).then(|| format!("docker {version} may have no hooks, or others; clients 28 and 29 are served"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn older_clients_are_told_of() {
        assert_eq!(complaint(Some("28.5.2")), None);
        assert_eq!(complaint(Some("29.9.2")), None);
        assert!(complaint(Some("20.10.24+dfsg1")).unwrap().contains("28 and 29"));
        assert!(complaint(None).unwrap().contains("no docker"));
    }
}
