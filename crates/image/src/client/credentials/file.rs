//! `config.json` and `auth.json`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::secret::Secret;
use super::{Login, Places, helper};

const FILE_BYTES: u64 = 4 << 20;

/// The name under which docker keeps the login for Docker Hub.
const HUB_SERVER: &str = "https://index.docker.io/v1/";
const HUB_HOSTS: [&str; 3] = ["docker.io", "index.docker.io", "registry-1.docker.io"];

/// Some write the padding, some do not.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct AuthFile {
    auths: BTreeMap<String, Entry>,
    creds_store: Option<String>,
    cred_helpers: BTreeMap<String, String>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct Entry {
    auth: Secret,
    username: String,
    password: Secret,
    #[serde(alias = "identityToken")]
    identitytoken: Secret,
    #[serde(alias = "registryToken")]
    registrytoken: Secret,
}

/// Looks in all places, first first.
pub(super) fn look_up(places: &Places, registry: &str, repository: &str, problems: &mut Vec<String>) -> Option<Login> {
    let files = places.docker.iter().chain(&places.podman);
    files.into_iter().find_map(|path| {
        let file = match AuthFile::read(path) {
            Ok(Some(file)) => file,
            Ok(None) => return None,
            Err(problem) => {
                problems.push(problem);
                return None;
            }
        };
        file.look_up(path, places, registry, repository, problems)
    })
}

impl AuthFile {
    fn read(path: &Path) -> Result<Option<Self>, String> {
        let cannot = |error: &dyn std::fmt::Display| format!("cannot read {}: {error}", path.display());
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(cannot(&error)),
        };
        let mut text = Zeroizing::new(Vec::with_capacity(64 << 10));
        file.take(FILE_BYTES).read_to_end(&mut text).map_err(|error| cannot(&error))?;
        // serde's message may quote what it found, which may be a password; line and column tell enough.
        serde_json::from_slice(&text).map(Some).map_err(|error| {
            format!(
                "{} is no JSON as docker writes it (line {}, column {})",
                path.display(),
                error.line(),
                error.column()
            )
        })
    }

    fn look_up(
        &self,
        path: &Path,
        places: &Places,
        registry: &str,
        repository: &str,
        problems: &mut Vec<String>,
    ) -> Option<Login> {
        let server = if HUB_HOSTS.contains(&registry) { HUB_SERVER } else { registry };
        let own_helper = self.cred_helpers.iter().find(|(key, _)| is_for(key, registry)).map(|(_, name)| name);
        if let Some(name) = own_helper.or(self.creds_store.as_ref()).filter(|name| !name.is_empty()) {
            match helper::get(name, server, &places.helpers) {
                Ok(Some(login)) => return Some(login),
                Ok(None) => {}
                Err(problem) => problems.push(problem),
            }
        }
        let entry = self.entry(registry, repository)?;
        match login_of(entry) {
            Ok(login) => login,
            Err(reason) => {
                problems.push(format!("the login for {registry} in {} {reason}", path.display()));
                None
            }
        }
    }

    /// The entry for the longest part of `REGISTRY/REPOSITORY` (containers-auth.json(5)); docker's keys are hosts.
    fn entry(&self, registry: &str, repository: &str) -> Option<&Entry> {
        let whole = format!("{registry}/{repository}");
        let mut name = whole.as_str();
        while let Some((shorter, _)) = name.rsplit_once('/') {
            if let Some(entry) = self.auths.get(name) {
                return Some(entry);
            }
            name = shorter;
        }
        self.auths.iter().find(|(key, _)| is_for(key, registry)).map(|(_, entry)| entry)
    }
}

/// Whether a key names a registry: `HOST`, or an address with scheme and `/v1/` or `/v2/`, as older dockers wrote.
fn is_for(key: &str, registry: &str) -> bool {
    let bare = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    let (host, path) = bare.split_once('/').unwrap_or((bare, ""));
    let has_api_path = matches!(path.trim_end_matches('/'), "" | "v1" | "v2");
    let is_same = host == registry || (HUB_HOSTS.contains(&host) && HUB_HOSTS.contains(&registry));
    has_api_path && is_same
}

fn login_of(entry: &Entry) -> Result<Option<Login>, &'static str> {
    let entry = entry.clone();
    if let Some(token) = entry.identitytoken.given() {
        return Ok(Some(Login::IdentityToken(token)));
    }
    if let Some(token) = entry.registrytoken.given() {
        return Ok(Some(Login::RegistryToken(token)));
    }
    if let Some(auth) = entry.auth.given() {
        let bytes = Zeroizing::new(BASE64.decode(auth.trim()).map_err(|_| "is no base64")?);
        let pair = std::str::from_utf8(&bytes).map_err(|_| "is no text")?;
        let (user, password) = pair.split_once(':').ok_or("has no colon between name and password")?;
        // docker's own encoder may leave zero bytes behind.
        let password = Zeroizing::new(password.trim_end_matches('\0').to_owned());
        return Ok(Some(Login::Basic { user: user.to_owned(), password }));
    }
    match entry.password.given() {
        Some(password) if !entry.username.is_empty() => Ok(Some(Login::Basic { user: entry.username, password })),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_all_ages_name_their_registry() {
        for key in ["quay.io", "https://quay.io", "https://quay.io/v1/", "http://quay.io/v2/", "quay.io/"] {
            assert!(is_for(key, "quay.io"), "{key}");
        }
        for key in ["quay.io.evil.com", "quay.io:5000", "quay.io/team", "https://evil.com/quay.io", ""] {
            assert!(!is_for(key, "quay.io"), "{key}");
        }
        assert!(is_for(HUB_SERVER, "docker.io"));
        assert!(!is_for(HUB_SERVER, "quay.io"));
    }
}
