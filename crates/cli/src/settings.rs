//! The configuration file: what a site or a user says once instead of at every call.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use crate::arguments::{General, LogFormat};
use crate::caller::Caller;

/// `config.toml`. A flag or a variable of the environment goes before what stands here.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct Settings {
    /// As `--data`.
    pub(crate) data: Option<PathBuf>,
    /// As `--log`.
    pub(crate) log: Option<String>,
    /// As `--log-format`.
    pub(crate) log_format: Option<LogFormat>,
    /// As `--policy`.
    pub(crate) policy: Option<PathBuf>,
    /// As `up --listen`.
    pub(crate) listen: Option<String>,
    /// As `scan --offline`.
    pub(crate) offline: bool,
    /// PKCS#11 modules that are asked for tokens.
    pub(crate) pkcs11_modules: Vec<PathBuf>,
    /// As `key attest --root`.
    pub(crate) attestation_roots: Vec<PathBuf>,
    /// Where OSV's archives are fetched from, instead of osv.dev's own place.
    pub(crate) advisories_from: Option<String>,
    /// The root folder of containerd, where it is in none of the usual places.
    pub(crate) containerd_root: Option<PathBuf>,
}

/// A configuration file is a page, not a book.
const MOST_BYTES: u64 = 1 << 20;

impl Settings {
    /// Reads the file that was named, or the usual one where there is one.
    pub(crate) fn read(general: &General, caller: &Caller) -> Result<Self> {
        let usual = || caller.configuration_folder().map(|folder| folder.join("config.toml"));
        let Some(path) = general.config.clone().or_else(usual) else { return Ok(Self::default()) };
        match std::fs::metadata(&path) {
            Ok(about) if about.len() > MOST_BYTES => {
                bail!("configuration file {} is larger than 1 MiB", path.display())
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && general.config.is_none() => {
                return Ok(Self::default());
            }
            _ => {}
        }
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read configuration file {}", path.display()))?;
        Self::parse(&text, &path)
    }

    fn parse(text: &str, path: &Path) -> Result<Self> {
        toml::from_str(text).with_context(|| format!("configuration file {} is not right", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_setting_is_an_error_that_names_it() {
        let error = Settings::parse("lisen = 1", Path::new("config.toml")).unwrap_err();
        assert!(format!("{error:#}").contains("lisen"), "{error:#}");
    }
}
