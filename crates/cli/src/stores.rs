//! Where podman's and containerd's stores are on this machine, and how they are opened while this process is still the caller.

use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use image::source::{ContainerdPlace, Opener, StoragePlace};
use serde::Deserialize;

use crate::caller::Caller;
use crate::settings::Settings;

/// Where root's podman keeps its images unless it is told otherwise.
const ROOT_STORAGE: &str = "/var/lib/containers/storage";
/// Where containerd keeps its content: on its own, and inside of k3s, RKE2, k0s, MicroK8s and docker.
const CONTAINERD: [&str; 6] = [
    "/var/lib/containerd",
    "/var/lib/rancher/k3s/agent/containerd",
    "/var/lib/rancher/rke2/agent/containerd",
    "/var/lib/k0s/containerd",
    "/var/snap/microk8s/common/var/lib/containerd",
    "/var/lib/docker/containerd/daemon",
];
/// A configuration file is a page, not a book.
const MOST_BYTES: u64 = 1 << 20;

/// Opens what this process may not open later. Where nobody is given up, nobody is needed.
#[derive(Debug, Default)]
pub(crate) struct Opening {
    opener: Option<Arc<Opener>>,
    /// Ends when the opener's socket is closed.
    process: Option<Child>,
}

/// `storage.conf` (containers-storage.conf(5)), as far as it says where images are.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct StorageConf {
    storage: StorageTable,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct StorageTable {
    graphroot: Option<PathBuf>,
    rootless_storage_path: Option<String>,
    options: StorageOptions,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct StorageOptions {
    additionalimagestores: Vec<PathBuf>,
}

/// containerd's `config.toml`, as far as it says where its content is.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ContainerdConf {
    root: Option<PathBuf>,
}

/// Podman's stores that are there and that the caller may read: its own first, then those that it reads beside it.
pub(crate) fn podman(caller: &Caller, opening: &mut Opening) -> Result<Vec<StoragePlace>> {
    let mut places = Vec::new();
    for root in storage_roots(caller)? {
        if !is_folder(&root)? {
            continue;
        }
        let opener = opening.for_caller(caller)?;
        let found = StoragePlace::open(&root, opener.as_ref());
        places.extend(found.with_context(|| format!("cannot open podman's store {}", root.display()))?);
    }
    Ok(places)
}

/// containerd's stores that are there. Where the caller may read none of those, that is an error.
pub(crate) fn containerd(caller: &Caller, settings: &Settings, opening: &mut Opening) -> Result<Vec<ContainerdPlace>> {
    let (mut places, mut refused) = (Vec::new(), None);
    for root in containerd_roots(caller, settings)? {
        let opened = is_folder(&root).and_then(|is_there| {
            if !is_there {
                return Ok(None);
            }
            let opener = opening.for_caller(caller)?;
            Ok(ContainerdPlace::open(&root, opener.as_ref())?)
        });
        match opened {
            Ok(place) => places.extend(place),
            Err(error) => {
                let about = format!("cannot open containerd's store {}; read it as root", root.display());
                refused = refused.or(Some(error.context(about)));
            }
        }
    }
    match refused {
        Some(error) if places.is_empty() => Err(error),
        _ => Ok(places),
    }
}

impl Opening {
    /// Ends the naming of folders, while this process is still the caller.
    pub(crate) fn seal(&self) -> Result<()> {
        let sealed = self.opener.as_ref().map_or(Ok(()), |opener| opener.seal());
        sealed.context("cannot end what the process that opens the store's files may be told")
    }

    /// Root will be given up, and with it the right to read what only root may: a process that keeps it is started. It may read files and
    /// nothing else, parses nothing, and ends with this one.
    fn for_caller(&mut self, caller: &Caller) -> Result<Option<Arc<Opener>>> {
        if caller.is_root() && self.opener.is_none() {
            let (process, opener) = start_opener().context("cannot start the process that opens the store's files")?;
            self.process = Some(process);
            self.opener = Some(Arc::new(opener));
        }
        Ok(self.opener.clone())
    }
}

#[cfg(target_os = "linux")]
fn start_opener() -> Result<(Child, Opener)> {
    use std::process::{Command, Stdio};

    use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

    let kind = SocketType::SEQPACKET;
    let (ours, theirs) = socketpair(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None)?;
    let mut command = Command::new("/proc/self/exe");
    command.arg("opener").env_clear().stdin(Stdio::from(theirs)).stdout(Stdio::null());
    Ok((command.spawn()?, Opener::over(ours)))
}

#[cfg(not(target_os = "linux"))]
fn start_opener() -> Result<(Child, Opener)> {
    anyhow::bail!("other engines' stores are read on Linux only")
}

/// `CONTAINERS_STORAGE_CONF`, else the user's file, else the machine's; what none says is the default.
fn storage_roots(caller: &Caller) -> Result<Vec<PathBuf>> {
    let named = std::env::var_os("CONTAINERS_STORAGE_CONF").filter(|path| !path.is_empty()).map(PathBuf::from);
    let machines = ["/etc/containers/storage.conf", "/usr/share/containers/storage.conf"];
    let machine = read_first::<StorageConf>(machines.iter().map(Path::new))?.unwrap_or_default().storage;
    // Inside of `podman unshare` somebody is root of their own ids alone.
    let is_root =
        caller.is_root() && std::env::var_os("_CONTAINERS_USERNS_CONFIGURED").is_none_or(|value| value.is_empty());
    let table = match (&named, is_root) {
        (Some(named), _) => {
            let table = read_first::<StorageConf>([named.as_path()].into_iter())?;
            Some(
                table
                    .with_context(|| format!("CONTAINERS_STORAGE_CONF names {}, which is not there", named.display()))?
                    .storage,
            )
        }
        (None, true) => None,
        (None, false) => {
            let own = caller.xdg("XDG_CONFIG_HOME", ".config", "containers/storage.conf");
            read_first::<StorageConf>(own.as_deref().into_iter())?.map(|conf| conf.storage)
        }
    };
    let own = match &table {
        Some(table) => table.graphroot.clone(),
        None if is_root => machine.graphroot.clone(),
        None => machine.rootless_storage_path.as_deref().and_then(|path| expanded(path, caller)),
    };
    let default = || {
        let own = || caller.xdg("XDG_DATA_HOME", ".local/share", "containers/storage");
        if is_root { Some(PathBuf::from(ROOT_STORAGE)) } else { own() }
    };
    let beside = table.unwrap_or(machine).options.additionalimagestores;
    Ok(own.or_else(default).into_iter().chain(beside).collect())
}

/// `$HOME`, `$USER` and `$UID` in a path of `storage.conf`.
fn expanded(path: &str, caller: &Caller) -> Option<PathBuf> {
    let home = caller.home.as_ref()?.to_str()?;
    let user = std::env::var("USER").unwrap_or_default();
    let path = path.replace("$HOME", home).replace("$UID", &caller.uid.to_string()).replace("$USER", &user);
    (!path.contains('$')).then(|| PathBuf::from(path))
}

fn containerd_roots(caller: &Caller, settings: &Settings) -> Result<Vec<PathBuf>> {
    if let Some(root) = &settings.containerd_root {
        return Ok(vec![root.clone()]);
    }
    let own = (!caller.is_root()).then(|| caller.xdg("XDG_DATA_HOME", ".local/share", "containerd")).flatten();
    let configured = read_first::<ContainerdConf>([Path::new("/etc/containerd/config.toml")].into_iter())?;
    let mut roots: Vec<PathBuf> = own.into_iter().chain(configured.unwrap_or_default().root).collect();
    roots.extend(CONTAINERD.map(PathBuf::from));
    let mut seen = std::collections::HashSet::new();
    roots.retain(|root| seen.insert(root.clone()));
    Ok(roots)
}

/// The first file that is there, parsed.
fn read_first<'a, T: for<'de> Deserialize<'de>>(paths: impl Iterator<Item = &'a Path>) -> Result<Option<T>> {
    for path in paths {
        match std::fs::metadata(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Ok(about) if about.len() > MOST_BYTES => anyhow::bail!("{} is larger than 1 MiB", path.display()),
            _ => {}
        }
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        return toml::from_str(&text).map(Some).with_context(|| format!("{} is not right", path.display()));
    }
    Ok(None)
}

fn is_folder(path: &Path) -> Result<bool> {
    match std::fs::metadata(path) {
        Ok(about) => Ok(about.is_dir()),
        Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
            Ok(false)
        }
        Err(error) => Err(error).with_context(|| format!("cannot look at {}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_storage_path_for_users_is_the_callers() {
        let caller = Caller { uid: 1000, home: Some("/home/eve".into()) };
        assert_eq!(expanded("$HOME/images/$UID", &caller), Some("/home/eve/images/1000".into()));
        assert_eq!(expanded("$ELSE/images", &caller), None);
    }

    #[test]
    fn what_else_stands_in_storage_conf_is_not_asked() {
        let conf: StorageConf = toml::from_str(
            "[storage]\ndriver = \"overlay\"\ngraphroot = \"/srv/images\"\n[storage.options]\nadditionalimagestores = [\"/usr/lib/images\"]\n\
             [storage.options.overlay]\nmountopt = \"nodev\"\n",
        )
        .unwrap();
        assert_eq!(conf.storage.graphroot, Some("/srv/images".into()));
        assert_eq!(conf.storage.options.additionalimagestores, [PathBuf::from("/usr/lib/images")]);
    }
}
