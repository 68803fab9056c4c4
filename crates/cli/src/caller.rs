//! Who called, while this process is still them.

use std::path::{Path, PathBuf};

use crate::settings::Settings;

/// The calling user and where their things are.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// Effective uid of the caller; 0 also through sudo.
    pub(crate) uid: u32,
    /// Home folder, where one is known.
    pub(crate) home: Option<PathBuf>,
}

impl Caller {
    /// The user that this process was started as.
    pub(crate) fn of_this_process() -> Self {
        let uid = rustix::process::geteuid().as_raw();
        Self { uid, home: std::env::home_dir().filter(|home| home.is_absolute()) }
    }

    /// Whether this process was started as root.
    pub(crate) fn is_root(&self) -> bool {
        self.uid == 0
    }

    /// The caller's configuration folder: `/etc/plimsoll` as root, else by the XDG base directory specification.
    pub(crate) fn configuration_folder(&self) -> Option<PathBuf> {
        self.is_root()
            .then(|| PathBuf::from("/etc/plimsoll"))
            .or_else(|| self.xdg("XDG_CONFIG_HOME", ".config", "plimsoll"))
    }

    /// Where the data folder is when nobody says otherwise.
    pub(crate) fn default_data_folder(&self) -> Option<PathBuf> {
        self.is_root()
            .then(|| PathBuf::from("/var/lib/plimsoll"))
            .or_else(|| self.xdg("XDG_DATA_HOME", ".local/share", "plimsoll"))
    }

    /// Where a policy is looked for, first first: the one named, else the site's, else the caller's own.
    pub(crate) fn policy_candidates(&self, named: Option<&Path>, settings: &Settings) -> Vec<PathBuf> {
        if let Some(named) = named.or(settings.policy.as_deref()) {
            return vec![named.to_owned()];
        }
        let own = self.xdg("XDG_CONFIG_HOME", ".config", "plimsoll");
        [Some(PathBuf::from("/etc/plimsoll")), own]
            .into_iter()
            .flatten()
            .map(|folder| folder.join("policy.toml"))
            .collect()
    }

    /// A place below one of the caller's folders by the XDG base directory specification.
    pub(crate) fn xdg(&self, variable: &str, below_home: &str, place: &str) -> Option<PathBuf> {
        // A relative path there is to be ignored (XDG base directory specification, "Environment variables").
        let named = std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
        let folder = named.or_else(|| self.home.as_ref().map(|home| home.join(below_home)))?;
        Some(folder.join(place))
    }
}
