//! An engine behind ssh (`ssh://[USER@]HOST[:PORT][/SOCKET]`), asked as docker's own client does it (docker/cli,
//! `cli/connhelper`): the user's ssh runs `docker system dial-stdio` there.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use image::source::Engine;
use url::Url;

use crate::person::SECRETS;

/// Where docker's engine is told to listen in an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Destination {
    user: Option<String>,
    host: String,
    port: Option<u16>,
    /// The engine's socket there; none for the one that docker uses there.
    socket: Option<String>,
}

impl Destination {
    /// Reads an address.
    pub(super) fn parse(address: &str) -> Result<Self> {
        let url = Url::parse(address).with_context(|| format!("the engine's address {address:?} is not understood"))?;
        if url.password().is_some() {
            bail!(
                "the engine's address has a password in it, which every program here can read; ssh asks for one, or takes a key"
            );
        }
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        if host.is_empty() || url.query().is_some() || url.fragment().is_some() {
            bail!("the engine's address {address:?} is not understood; ssh://USER@HOST:PORT/SOCKET is");
        }
        let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Ok(Self {
            user: some(url.username()),
            host: host.to_owned(),
            port: url.port(),
            socket: some(url.path()).filter(|path| path != "/"),
        })
    }

    /// The engine there. ssh is started now, as the calling user, and serves all requests; what it has to say, it says on
    /// standard error.
    pub(super) fn engine(self, address: &str) -> Result<Engine> {
        Ok(Engine::over(address, move || self.connect())?)
    }

    fn connect(&self) -> io::Result<UnixStream> {
        let (ours, theirs) = UnixStream::pair()?;
        let mut ssh = self.ssh();
        ssh.stdin(OwnedFd::from(theirs.try_clone()?)).stdout(OwnedFd::from(theirs)).stderr(Stdio::inherit());
        // It ends with the connection, and this program soon after that.
        ssh.spawn().map_err(|error| io::Error::new(error.kind(), format!("cannot start ssh: {error}")))?;
        Ok(ours)
    }

    fn ssh(&self) -> Command {
        let mut ssh = Command::new("ssh");
        for secret in SECRETS {
            ssh.env_remove(secret);
        }
        ssh.args(["-o", "ConnectTimeout=30", "-T"]);
        if let Some(user) = &self.user {
            ssh.args(["-l", user]);
        }
        if let Some(port) = self.port {
            ssh.args(["-p", &port.to_string()]);
        }
        ssh.args(["--", &self.host, "docker"]);
        if let Some(socket) = &self.socket {
            // The other machine's shell reads this once more.
            ssh.arg(format!("--host 'unix://{}'", socket.replace('\'', r"'\''")));
        }
        ssh.args(["system", "dial-stdio"]);
        ssh
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(address: &str) -> String {
        let ssh = Destination::parse(address).unwrap().ssh();
        ssh.get_args().map(|word| word.to_str().unwrap()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn ssh_is_told_what_the_address_says() {
        let always = "-o ConnectTimeout=30 -T";
        assert_eq!(words("ssh://build"), format!("{always} -- build docker system dial-stdio"));
        assert_eq!(
            words("ssh://me@build.example.com:2222"),
            format!("{always} -l me -p 2222 -- build.example.com docker system dial-stdio")
        );
        assert_eq!(words("ssh://[::1]/"), format!("{always} -- ::1 docker system dial-stdio"));
        assert_eq!(
            words("ssh://build/run/user/1000/docker.sock"),
            format!("{always} -- build docker --host 'unix:///run/user/1000/docker.sock' system dial-stdio")
        );
        assert!(words("ssh://-oProxyCommand=x/").contains("-- -oProxyCommand=x docker"));
    }

    #[test]
    fn what_docker_refuses_is_refused() {
        for address in
            ["ssh://", "ssh://me:secret@build", "ssh://build?x=1", "ssh://build#x", "ssh:build", "ssh://b:99999"]
        {
            assert!(Destination::parse(address).is_err(), "{address}");
        }
        let error = Destination::parse("ssh://me:secret@build").unwrap_err().to_string();
        assert!(!error.contains("secret"), "{error}");
    }
}
