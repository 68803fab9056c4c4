//! A real ssh to a real sshd, without a port: the client starts the daemon as its proxy, and both have keys, settings and
//! known hosts of their own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::script::script;

const SSHD: &str = "/usr/sbin/sshd";

/// The machine's name in the client's settings.
pub(crate) const HOST: &str = "ci.example.com";

pub(crate) struct Ssh {
    folder: tempfile::TempDir,
}

impl Ssh {
    /// None where ssh or sshd are not installed, with a word to the tester; that fails where nothing may be skipped.
    pub(crate) fn new() -> Option<Self> {
        let ssh = ["/usr/bin/ssh", "/usr/bin/ssh-keygen", SSHD];
        if let Some(missing) = ssh.iter().find(|program| !Path::new(program).is_file()) {
            assert!(
                std::env::var_os("PLIMSOLL_REQUIRE").is_none(),
                "no {missing}; scripts/install.sh test installs it"
            );
            println!("skipped: no {missing}; scripts/install.sh test installs it");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        for key in ["host", "user"] {
            let made =
                Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(place(key)).status();
            assert!(made.unwrap().success());
        }
        fs::copy(place("user.pub"), place("authorized")).unwrap();
        let host = fs::read_to_string(place("host.pub")).unwrap();
        fs::write(place("known"), format!("{HOST} {host}")).unwrap();
        let shown = |name: &str| place(name).display().to_string();
        let daemon = format!(
            "HostKey {}\nAuthorizedKeysFile {}\nStrictModes no\nUsePAM no\nPermitRootLogin yes\nPidFile none\n\
             AllowStreamLocalForwarding yes\nLogLevel ERROR\nSetEnv PATH={}\n",
            shown("host"),
            shown("authorized"),
            std::env::var("PATH").unwrap()
        );
        fs::write(place("sshd_config"), daemon).unwrap();
        let user = rustix::process::geteuid();
        let name = Command::new("id").args(["-nu", &user.as_raw().to_string()]).output().unwrap().stdout;
        let client = format!(
            "Host {HOST}\n  User {}\n  IdentityFile {}\n  IdentitiesOnly yes\n  UserKnownHostsFile {}\n  BatchMode yes\n  \
             ProxyCommand {SSHD} -i -f {}\n",
            String::from_utf8(name).unwrap().trim(),
            shown("user"),
            shown("known"),
            shown("sshd_config")
        );
        fs::write(place("config"), client).unwrap();
        // Its privilege separation wants this folder; the package's service makes it at boot.
        if user.is_root() {
            fs::create_dir_all("/run/sshd").unwrap();
        }
        // ssh looks for its settings in the home that the user database names, whatever the environment says.
        fs::create_dir(place("bin")).unwrap();
        script(&place("bin/ssh"), &format!("exec /usr/bin/ssh -F {} \"$@\"", shown("config")));
        Some(Self { folder })
    }

    /// A way on which `ssh` is found first.
    pub(crate) fn way(&self) -> String {
        format!("{}:{}", self.folder.path().join("bin").display(), std::env::var("PATH").unwrap())
    }

    /// A place for files of the other machine.
    pub(crate) fn there(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Cuts the connections: the client is gone from one moment to the next.
    pub(crate) fn cut(&self) {
        let settings = self.there("config").display().to_string();
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            if line.starts_with(b"/usr/bin/ssh\0") && String::from_utf8_lossy(&line).contains(&settings) {
                let _ = Command::new("kill").arg("-KILL").arg(entry.file_name()).status();
            }
        }
    }
}
