//! `plimsoll agent install-plugins`: this program under the names by which notation and cosign look for it.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};

use super::plugins::{KMS, NOTATION};
use crate::output;

/// Arguments of `plimsoll agent install-plugins`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Afterwards `cosign sign --key plimsoll://NAME` and `notation sign --plugin plimsoll --id NAME` sign with the agent's keys. Run it \
again after an update of plimsoll.")]
pub(super) struct Arguments {
    /// Folder of the PATH for cosign's plugin [default: ~/.local/bin]
    #[arg(long, value_name = "DIR")]
    bin: Option<PathBuf>,
    /// Notation's folder of plugins [default: where notation looks: $XDG_CONFIG_HOME/notation/plugins]
    #[arg(long, value_name = "DIR")]
    notation: Option<PathBuf>,
}

pub(super) fn perform(arguments: &Arguments) -> Result<ExitCode> {
    let program = std::env::current_exe().context("cannot tell where this program is")?;
    let home = std::env::home_dir().filter(|home| home.is_absolute());
    let configuration = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    // As Go's os.UserConfigDir has it, by which notation looks.
    let usual = if cfg!(target_os = "macos") { "Library/Application Support" } else { ".config" };
    let configuration = configuration.filter(|_| !cfg!(target_os = "macos"));
    let configuration = configuration.or_else(|| home.as_ref().map(|home| home.join(usual)));
    let unknown = "neither HOME nor XDG_CONFIG_HOME is set; name the folders with --bin and --notation";
    let bin = arguments.bin.clone().or_else(|| home.map(|home| home.join(".local/bin"))).context(unknown)?;
    let notation = arguments.notation.clone();
    let notation = notation.or_else(|| configuration.map(|folder| folder.join("notation/plugins"))).context(unknown)?;
    // notation lists no folders that are links and runs no files that are: a file of its own.
    let for_notation = notation.join("plimsoll").join(NOTATION);
    let for_cosign = bin.join(KMS);
    for path in [&for_notation, &for_cosign] {
        put(&program, path)?;
    }
    let mut text = format!("notation  {}\ncosign    {}\n", for_notation.display(), for_cosign.display());
    let ways = std::env::var_os("PATH").unwrap_or_default();
    if !std::env::split_paths(&ways).any(|way| way == bin) {
        let _ = writeln!(text, "warning: {} is not on the PATH, where cosign looks for its plugins", bin.display());
    }
    output::write(output::plain(&text).as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// The program's file under another name, or a copy of it, in the place of what was put there before.
fn put(program: &Path, path: &Path) -> Result<()> {
    let context = || format!("cannot put the plugin at {}", path.display());
    let folder = path.parent().with_context(context)?;
    fs::create_dir_all(folder).with_context(context)?;
    let beside = path.with_extension("new");
    let _ = fs::remove_file(&beside);
    // Another file system, or a file that one may run and not link (protected_hardlinks).
    if fs::hard_link(program, &beside).is_err() {
        fs::copy(program, &beside).with_context(context)?;
    }
    let renamed = fs::rename(&beside, path).with_context(context);
    // Renaming one name of a file to another of its names does nothing and leaves both.
    let _ = fs::remove_file(&beside);
    renamed
}
