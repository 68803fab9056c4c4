//! Which engine docker meant: options, then variables, then contexts, in docker's own order.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use image::Digest;
use image::source::{Engine, EngineTls};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::command_line::ClientOptions;
use super::ssh::Destination;

/// Longest configuration file or certificate.
const MOST_BYTES: u64 = 4 << 20;
/// Where docker's engine listens when nobody says otherwise.
const DEFAULT_HOST: &str = "unix:///var/run/docker.sock";

/// What docker's client looks at besides its command line.
#[derive(Clone, Debug, Default)]
pub(crate) struct Surroundings {
    /// `DOCKER_CONFIG`, else `~/.docker`.
    pub(crate) config: Option<PathBuf>,
    /// `DOCKER_HOST`.
    pub(crate) host: Option<String>,
    /// `DOCKER_CONTEXT`.
    pub(crate) context: Option<String>,
    /// `DOCKER_CERT_PATH`.
    pub(crate) certificates: Option<PathBuf>,
    /// `DOCKER_TLS`.
    pub(crate) tls: bool,
    /// `DOCKER_TLS_VERIFY`.
    pub(crate) tls_verify: bool,
}

/// An engine's address with what is needed to speak to it.
#[derive(Debug)]
pub(crate) struct Address {
    /// As docker writes it: `unix:///var/run/docker.sock`.
    pub(crate) host: String,
    tls: Option<EngineTls>,
}

impl Surroundings {
    /// This process'.
    pub(crate) fn of_this_process() -> Self {
        let text = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let config = text("DOCKER_CONFIG").map(PathBuf::from);
        Self {
            config: config.or_else(|| std::env::home_dir().map(|home| home.join(".docker"))),
            host: text("DOCKER_HOST"),
            context: text("DOCKER_CONTEXT"),
            certificates: text("DOCKER_CERT_PATH").map(PathBuf::from),
            tls: text("DOCKER_TLS").is_some(),
            tls_verify: text("DOCKER_TLS_VERIFY").is_some(),
        }
    }
}

/// A context's `meta.json`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Meta {
    endpoints: std::collections::BTreeMap<String, Endpoint>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Endpoint {
    #[serde(default)]
    host: String,
    #[serde(default, rename = "SkipTLSVerify")]
    skip_tls_verify: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    #[serde(default)]
    current_context: String,
}

impl Address {
    /// The engine that a docker with these options asks (docker/cli, `resolveContextName` and `getDockerEndPoint`).
    pub(crate) fn find(options: &ClientOptions, around: &Surroundings) -> Result<Self> {
        let config = options.config.as_deref().or(around.config.as_deref());
        match context(options, around, config)? {
            Some(name) => Self::of_context(&name, config.context("there is no folder of docker contexts")?),
            None => Self::of_variables(options, around, config),
        }
    }

    fn of_context(name: &str, config: &Path) -> Result<Self> {
        let folder = Digest::sha256(name.as_bytes());
        let path = config.join("contexts/meta").join(folder.hex()).join("meta.json");
        let meta = read(&path)?.with_context(|| format!("docker has no context {name:?}"))?;
        let mut meta: Meta =
            serde_json::from_slice(&meta).with_context(|| format!("{} is not what docker writes", path.display()))?;
        let endpoint = meta.endpoints.remove("docker").with_context(|| format!("context {name:?} has no engine"))?;
        let certificates = config.join("contexts/tls").join(folder.hex()).join("docker");
        let file = |name: &str| read(&certificates.join(name));
        let (authority, client) = (file("ca.pem")?, pair(file("cert.pem")?, file("key.pem")?));
        let has_any = authority.is_some() || client.is_some() || endpoint.skip_tls_verify;
        let tls = has_any.then_some(EngineTls { authority, client, takes_any: endpoint.skip_tls_verify });
        let host = if endpoint.host.is_empty() { DEFAULT_HOST.to_owned() } else { endpoint.host };
        Ok(Self { host, tls })
    }

    fn of_variables(options: &ClientOptions, around: &Surroundings, config: Option<&Path>) -> Result<Self> {
        let host = options.host.clone().or_else(|| around.host.clone()).unwrap_or_else(|| DEFAULT_HOST.to_owned());
        let verify = options.tls_verify.unwrap_or(around.tls_verify);
        // Whoever says anything of verifying wants TLS.
        if !(options.tls.unwrap_or(around.tls) || options.tls_verify.is_some() || verify) {
            return Ok(Self { host, tls: None });
        }
        let usual = around.certificates.as_deref().or(config);
        let file = |named: &Option<PathBuf>, name: &str| match (named, usual) {
            (Some(path), _) => read(path)?.with_context(|| format!("there is no {}", path.display())).map(Some),
            (None, Some(folder)) => read(&folder.join(name)),
            (None, None) => Ok(None),
        };
        let authority = file(&options.authority, "ca.pem")?;
        let client = pair(file(&options.certificate, "cert.pem")?, file(&options.key, "key.pem")?);
        Ok(Self { host, tls: Some(EngineTls { authority, client, takes_any: !verify }) })
    }

    /// Whether it is where everybody looks who is told nothing.
    pub(crate) fn is_default(&self) -> bool {
        self.host == DEFAULT_HOST
    }

    /// Connects, as the calling user.
    pub(crate) fn connect(&self) -> Result<Engine> {
        let (scheme, rest) = self.host.split_once("://").unwrap_or(("tcp", &self.host));
        match scheme {
            "unix" if !rest.is_empty() => Ok(Engine::connect(Path::new(rest))?),
            "tcp" | "http" | "https" => {
                let authority = rest.trim_end_matches('/');
                if authority.is_empty() || authority.contains(['/', '@', '?', '#']) {
                    bail!(
                        "the engine's address {:?} is not understood; unix:///PATH and tcp://HOST:PORT are",
                        self.host
                    );
                }
                let authority =
                    if authority.starts_with(':') { format!("127.0.0.1{authority}") } else { authority.to_owned() };
                let port = if self.tls.is_some() { 2376 } else { 2375 };
                let has_port = authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
                let authority = if has_port { authority } else { format!("{authority}:{port}") };
                Ok(Engine::remote(&authority, self.tls.as_ref())?)
            }
            "ssh" => Destination::parse(&self.host)?.engine(&self.host),
            _ => bail!(
                "the engine's address {:?} is not understood; unix:///PATH, tcp://HOST:PORT and ssh://USER@HOST are",
                self.host
            ),
        }
    }
}

/// The context that is meant; `None` for docker's `default`, which is made of options and variables.
fn context(options: &ClientOptions, around: &Surroundings, config: Option<&Path>) -> Result<Option<String>> {
    let name = if let Some(name) = &options.context {
        name.clone()
    } else if options.host.is_some() || around.host.is_some() {
        return Ok(None);
    } else if let Some(name) = &around.context {
        name.clone()
    } else {
        let Some(path) = config.map(|config| config.join("config.json")) else { return Ok(None) };
        let Some(bytes) = read(&path)? else { return Ok(None) };
        let config: Config = serde_json::from_slice(&bytes)
            .with_context(|| format!("docker's configuration {} is not right", path.display()))?;
        config.current_context
    };
    Ok(Some(name).filter(|name| !name.is_empty() && name != "default"))
}

fn pair(certificate: Option<Vec<u8>>, key: Option<Vec<u8>>) -> Option<(Vec<u8>, Zeroizing<Vec<u8>>)> {
    Some((certificate?, Zeroizing::new(key?)))
}

/// A file's bytes; `None` where there is none.
fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    match File::open(path).and_then(|file| file.take(MOST_BYTES).read_to_end(&mut bytes)) {
        Ok(_) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A configuration folder with a context `desktop`, as Docker Desktop makes one.
    fn folder(current: &str, endpoint: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("config.json"), format!(r#"{{"auths":{{}},"currentContext":"{current}"}}"#))
            .unwrap();
        let meta = folder.path().join("contexts/meta").join(Digest::sha256(b"desktop").hex());
        fs::create_dir_all(&meta).unwrap();
        let text = format!(r#"{{"Name":"desktop","Metadata":{{}},"Endpoints":{{"docker":{endpoint}}}}}"#);
        fs::write(meta.join("meta.json"), text).unwrap();
        folder
    }

    fn around(folder: &tempfile::TempDir) -> Surroundings {
        Surroundings { config: Some(folder.path().to_owned()), ..Surroundings::default() }
    }

    #[test]
    fn options_go_before_variables_and_variables_before_the_chosen_context() {
        let folder = folder("desktop", r#"{"Host":"unix:///desktop.sock","SkipTLSVerify":false}"#);
        let host = |options: &ClientOptions, around: &Surroundings| Address::find(options, around).unwrap().host;
        let (none, around) = (ClientOptions::default(), around(&folder));
        assert_eq!(host(&none, &around), "unix:///desktop.sock");
        let variable = Surroundings { host: Some("unix:///variable.sock".into()), ..around.clone() };
        assert_eq!(host(&none, &variable), "unix:///variable.sock");
        let option = ClientOptions { host: Some("unix:///option.sock".into()), ..ClientOptions::default() };
        assert_eq!(host(&option, &variable), "unix:///option.sock");
        let named = ClientOptions { context: Some("desktop".into()), ..ClientOptions::default() };
        assert_eq!(host(&named, &variable), "unix:///desktop.sock");
        let default = ClientOptions { context: Some("default".into()), ..ClientOptions::default() };
        assert_eq!(host(&default, &around), DEFAULT_HOST);
        let missing = ClientOptions { context: Some("gone".into()), ..ClientOptions::default() };
        assert!(Address::find(&missing, &around).unwrap_err().to_string().contains("no context \"gone\""));
    }

    #[test]
    fn addresses_that_lead_elsewhere_are_refused() {
        for host in ["ssh://", "tcp://", "tcp://a@b:1", "tcp://h:1/x", "npipe:////./pipe/docker", "unix://"] {
            let address = Address { host: host.to_owned(), tls: None };
            assert!(address.connect().is_err(), "{host}");
        }
    }

    #[test]
    fn certificates_that_are_none_are_an_error_that_names_them() {
        let folder = folder("", "{}");
        fs::write(folder.path().join("ca.pem"), "nothing").unwrap();
        let host = Some("tcp://10.0.0.1".into());
        let options = ClientOptions { host, tls_verify: Some(true), ..ClientOptions::default() };
        let error = Address::find(&options, &around(&folder)).unwrap().connect().unwrap_err().to_string();
        assert!(error.contains("ca.pem"), "{error}");
    }
}
