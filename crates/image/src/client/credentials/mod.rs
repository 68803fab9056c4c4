//! Logins for registries, as docker and podman keep them.
//!
//! They are read as the calling user, for the registries that are about to be asked and no others, and the value can be
//! carried to where that user's rights are gone. Looked for in docker's `config.json` first, then in podman's
//! `auth.json`; in each a credential helper goes before what the file itself holds. What cannot be read is no error here:
//! most images need no login. It is told when the registry asks for one.

mod file;
mod helper;
mod secret;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use zeroize::Zeroizing;

use crate::Reference;

/// What is shown to a registry.
#[derive(Clone, PartialEq, Eq)]
pub enum Login {
    /// Name and password, or name and access token.
    Basic {
        /// Name.
        user: String,
        /// Password.
        password: Zeroizing<String>,
    },
    /// A token that the registry's token server gives tokens for (`docker login` at some clouds).
    IdentityToken(Zeroizing<String>),
    /// A token for the registry itself.
    RegistryToken(Zeroizing<String>),
}

/// The logins of one user for some registries. Wiped when dropped; never shown.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    logins: BTreeMap<String, Login>,
    problems: BTreeMap<String, String>,
}

/// Where logins are looked for.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// docker's `config.json`.
    pub docker: Option<PathBuf>,
    /// podman's `auth.json` files, first first.
    pub podman: Vec<PathBuf>,
    /// Folders with credential helpers, before those of `PATH`.
    pub helpers: Vec<PathBuf>,
}

impl Credentials {
    /// No login anywhere.
    pub fn none() -> Self {
        Self::default()
    }

    /// The calling user's logins for the registries of `references`. Runs credential helpers, so the process must still
    /// be that user.
    pub fn of_caller<'a>(references: impl IntoIterator<Item = &'a Reference>) -> Self {
        Self::read(&Places::of_caller(), references)
    }

    /// The logins for the registries of `references` in `places`.
    pub fn read<'a>(places: &Places, references: impl IntoIterator<Item = &'a Reference>) -> Self {
        let mut credentials = Self::none();
        for reference in references {
            let registry = &reference.registry;
            if credentials.logins.contains_key(registry) {
                continue;
            }
            let mut problems = Vec::new();
            match file::look_up(places, registry, &reference.repository, &mut problems) {
                Some(login) => {
                    credentials.logins.insert(registry.clone(), login);
                }
                None if !problems.is_empty() => {
                    tracing::debug!(registry, problems = problems.join("; "), "no login");
                    credentials.problems.insert(registry.clone(), problems.join("; "));
                }
                None => {}
            }
        }
        credentials
    }

    /// With a login for a registry, for programs that have it from elsewhere.
    #[must_use]
    pub fn with(mut self, registry: &str, login: Login) -> Self {
        self.logins.insert(registry.to_owned(), login);
        self
    }

    /// The login for a registry.
    pub fn of(&self, registry: &str) -> Option<&Login> {
        self.logins.get(registry)
    }

    /// Why no login for a registry could be read, where one may be there.
    pub fn problem(&self, registry: &str) -> Option<&str> {
        self.problems.get(registry).map(String::as_str)
    }

    /// What a person can do about a registry that said no.
    pub(super) fn hint(&self, registry: &str) -> String {
        let command = if registry == "docker.io" { "docker login".into() } else { format!("docker login {registry}") };
        match (self.of(registry), self.problem(registry)) {
            (Some(Login::Basic { user, .. }), _) => {
                format!(
                    "the login of {} was not enough, another one is made with: {command}",
                    super::error::escaped(user)
                )
            }
            (Some(_), _) => format!("the stored token was not enough, another one is made with: {command}"),
            (None, Some(problem)) => format!("no login could be read: {problem}; log in again with: {command}"),
            (None, None) => format!("log in with: {command}"),
        }
    }
}

impl Places {
    /// Where docker and podman keep the calling user's logins.
    pub fn of_caller() -> Self {
        let folder = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let home = folder("HOME");
        let below_home = |path: &str| home.as_ref().map(|home| home.join(path));
        let docker = folder("DOCKER_CONFIG").or_else(|| below_home(".docker")).map(|path| path.join("config.json"));
        // containers-auth.json(5)
        let podman = [
            folder("REGISTRY_AUTH_FILE"),
            folder("XDG_RUNTIME_DIR").map(|path| path.join("containers/auth.json")),
            folder("XDG_CONFIG_HOME").or_else(|| below_home(".config")).map(|path| path.join("containers/auth.json")),
        ];
        Self { docker, podman: podman.into_iter().flatten().collect(), helpers: Vec::new() }
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Basic { .. } => "Basic(…)",
            Self::IdentityToken(_) => "IdentityToken(…)",
            Self::RegistryToken(_) => "RegistryToken(…)",
        })
    }
}
